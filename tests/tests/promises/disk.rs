//! A disk that lies is noticed: what was acknowledged is there, or the start is refused and says what is wrong.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use innkeeper_tests::{Load, Opening, Record, Said, Settings, TestHost, artifacts, command};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

/// The engine's file.
fn db(host: &TestHost) -> PathBuf {
    host.data().join("journal/db")
}

/// What is left of a start: copies of files, to be put back.
struct Kept {
    of: PathBuf,
    copy: PathBuf,
}

impl Kept {
    fn of(host: &TestHost) -> Self {
        let kept = Self {
            of: host.data(),
            copy: host.home().join("kept"),
        };
        for part in ["journal", "watermark"] {
            copy(&kept.of.join(part), &kept.copy.join(part));
        }
        kept
    }

    fn put_back(&self) {
        for part in ["journal", "watermark"] {
            // It may be what the test has taken away.
            let _ = fs::remove_dir_all(self.of.join(part));
            copy(&self.copy.join(part), &self.of.join(part));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// One line that says what is wrong, and what to do; no backtrace.
fn names(said: &Said, what: &str) {
    let last = said.err.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("error: ") && last.contains(what),
        "{said:?}"
    );
    assert!(last.contains("journal repair --accept-loss"), "{said:?}");
    assert!(!said.err.contains("panicked"), "{said:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn verify(data: &Path) -> Said {
    command(&["journal", "verify", "--data", text(data)]).await
}

/// A host with some rooms that is closed.
async fn closed(rooms: usize) -> (TestHost, Vec<u64>) {
    let mut host = TestHost::open().await;
    let mut registered = Vec::new();
    for _ in 0..rooms {
        registered.push(host.stay().room("kept").await);
    }
    host.at_rest().await;
    host.close().await;
    (host, registered)
}

#[tokio::test]
async fn a_journal_that_was_cut_or_is_gone_is_refused() {
    let (host, _) = closed(30).await;
    let kept = Kept::of(&host);
    for part in [0.99, 0.9, 0.1] {
        let file = fs::OpenOptions::new().write(true).open(db(&host)).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len((length as f64 * part) as u64).unwrap();
        names(&host.refused().await, "commit");
        // What the engine made of its file meanwhile hides nothing.
        names(&host.refused().await, "commit");
        assert_eq!(verify(&host.data()).await.code, Some(1));
        kept.put_back();
    }
    fs::write(db(&host), b"").unwrap();
    names(&host.refused().await, "missing or empty");
    fs::remove_file(db(&host)).unwrap();
    names(&host.refused().await, "missing or empty");
    fs::remove_dir_all(host.data().join("journal")).unwrap();
    names(&host.refused().await, "missing or empty");
    kept.put_back();
    fs::remove_dir_all(host.data().join("watermark")).unwrap();
    names(&host.refused().await, "watermark is missing");
}

#[tokio::test]
async fn a_flipped_bit_is_refused_or_does_no_harm() {
    let (mut host, rooms) = closed(30).await;
    let kept = Kept::of(&host);
    let mut dice = StdRng::seed_from_u64(3);
    let length = fs::metadata(db(&host)).unwrap().len();
    for _ in 0..8 {
        let at = dice.random_range(0..length);
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(db(&host))
            .unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ (1 << dice.random_range(0..8))], at)
            .unwrap();
        let verified = verify(&host.data()).await;
        assert!(!verified.err.contains("panicked"), "{verified:?}");
        match verified.is_well {
            false => names(&host.refused().await, "journal"),
            true => {
                host.reopen().await;
                for room in &rooms {
                    host.stay()
                        .shows(&format!("/rooms/{room}"), json!({"desc": "kept"}))
                        .await;
                }
                assert!(host.output().lines_with("panicked").is_empty());
                host.close().await;
            }
        }
        kept.put_back();
    }
}

#[tokio::test]
async fn a_repair_says_what_is_lost_and_nothing_new_is_skipped() {
    let (mut host, rooms) = closed(30).await;
    let file = fs::OpenOptions::new().write(true).open(db(&host)).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length / 2).unwrap();
    names(&host.refused().await, "commit");

    let data = host.data();
    let refused = command(&["journal", "repair", "--data", text(&data)]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let repaired = command(&["journal", "repair", "--accept-loss", "--data", text(&data)]).await;
    assert!(
        repaired.is_well && repaired.out.contains("lost, of"),
        "{repaired:?}"
    );
    assert!(repaired.err.contains("journal.damaged-"), "{repaired:?}");
    let verified = verify(&data).await;
    assert!(verified.is_well, "{verified:?}");

    host.reopen().await;
    let book = host.at_rest().await;
    // Which contexts have lost something is up to where their commits were in the file.
    assert!(
        book.rooms.len() <= rooms.len(),
        "{} are left",
        book.rooms.len()
    );
    // Who follows has seen later commits than those that are left: the new ones are later still.
    let room = host.stay().room("new").await;
    host.stay()
        .shows(&format!("/roomviews/{room}"), json!({"desc": "new"}))
        .await;
    host.stay().booked(room).await;
    host.at_rest().await;
    host.close().await;
    assert!(verify(&data).await.is_well);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_kill_leaves_is_never_refused() {
    let mut host = TestHost::open().await;
    let record = Arc::new(Record::default());
    let mut dice = StdRng::seed_from_u64(5);
    for _ in 0..6 {
        let load = Load::start(host.gateway(), &record, 16, dice.random());
        // The moment itself is what is random here: there is nothing to wait for.
        tokio::time::sleep(Duration::from_millis(dice.random_range(20..400))).await;
        host.kill_9();
        load.stop().await;
        let verified = verify(&host.data()).await;
        assert!(verified.is_well, "{verified:?}");
        host.reopen().await;
    }
    host.at_rest().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_taken_while_the_host_goes_on() {
    let mut host = TestHost::open().await;
    let mut rooms = Vec::new();
    for _ in 0..20 {
        rooms.push(host.stay().room("before").await);
    }
    let record = Arc::new(Record::default());
    let load = Load::start(host.gateway(), &record, 8, 1);
    let backup = host.home().join("backup");
    let address = host.operators().client().base().to_owned();
    let taken = |token: &'static str| {
        let (backup, address) = (backup.clone(), address.clone());
        async move {
            command(&[
                "backup",
                text(&backup),
                "--admin",
                &address,
                "--admin-token",
                token,
            ])
            .await
        }
    };
    let refused = taken("no-token").await;
    assert!(
        !refused.is_well && refused.err.contains("not an operators' token"),
        "{refused:?}"
    );
    assert!(!backup.exists());
    let said = taken("only-for-tests-0123456789abcdef").await;
    load.stop().await;
    assert!(said.is_well && said.out.contains("sound"), "{said:?}");
    let again = taken("only-for-tests-0123456789abcdef").await;
    assert!(
        !again.is_well && again.err.contains("not empty"),
        "{again:?}"
    );
    assert!(verify(&backup).await.is_well);

    // What could not be restored is no backup, whatever still runs of it.
    let components = host.data().join("components");
    let component = fs::read_dir(&components).unwrap().next().unwrap().unwrap();
    let whole = fs::read(component.path()).unwrap();
    let mut damaged = whole.clone();
    damaged[1_000] ^= 1;
    fs::write(component.path(), damaged).unwrap();
    let name = component.file_name();
    let digest = &name.to_string_lossy()[..12];
    let token = ["--admin-token", "only-for-tests-0123456789abcdef"];
    for how in ["damaged", "missing"] {
        if how == "missing" {
            fs::remove_file(component.path()).unwrap();
        }
        let lacking = host.home().join(how);
        let arguments = ["backup", text(&lacking), "--admin", &address];
        let said = command(&[&arguments[..], &token].concat()).await;
        assert!(
            !said.is_well && said.err.contains(digest) && !said.out.contains("complete"),
            "{how}: {said:?}"
        );
        assert!(!lacking.join("components").join(&name).exists(), "{how}");
    }
    fs::write(component.path(), whole).unwrap();

    host.close().await;
    fs::rename(host.data(), host.home().join("former")).unwrap();
    fs::rename(&backup, host.data()).unwrap();
    fs::rename(
        host.home().join("former/artifacts"),
        host.data().join("artifacts"),
    )
    .unwrap();
    host.reopen().await;
    host.at_rest().await;
    for room in rooms {
        host.stay()
            .shows(&format!("/rooms/{room}"), json!({"desc": "before"}))
            .await;
    }
}

#[tokio::test]
async fn a_compiled_component_that_is_damaged_is_compiled_again() {
    let mut host = Opening::new(Settings::empty().with("room", "room").await)
        .own_artifacts()
        .open()
        .await;
    let room = host.stay().room("kept").await;
    host.close().await;
    let artifacts = host.data().join("artifacts");
    let engine = fs::read_dir(&artifacts)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for entry in fs::read_dir(&engine).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let third = bytes.len() / 3;
        bytes[third..2 * third].fill(0);
        fs::write(path, bytes).unwrap();
    }
    let foreign = artifacts.join("0123456789abcdef");
    fs::create_dir(&foreign).unwrap();
    host.reopen().await;
    host.stay()
        .shows(&format!("/rooms/{room}"), json!({"desc": "kept"}))
        .await;
    assert!(!host.output().lines_with("compiling it again").is_empty());
    assert!(
        !foreign.exists(),
        "what other engines compiled is cleaned up"
    );
}

#[tokio::test]
async fn a_stored_component_that_is_damaged_is_mended_by_bringing_it_again() {
    let mut host = TestHost::open().await;
    let second = artifacts::edited("room", "disk").await;
    let digest = artifacts::digest(&second);
    host.operators()
        .deploy("room", second.clone(), "ramp=100")
        .await
        .expect(201);
    assert_eq!(host.operators().serving("room").await, digest);
    let stored = host
        .data()
        .join("components")
        .join(format!("{digest}.wasm"));
    let damage = || fs::write(&stored, &second[..second.len() / 2]).unwrap();
    damage();
    // While it serves, and is known.
    host.operators()
        .deploy("room", second.clone(), "ramp=100")
        .await;
    assert_eq!(fs::read(&stored).unwrap(), second);
    damage();
    // What was compiled of it is sound: no start goes back a version.
    host.close().await;
    host.reopen().await;
    assert_eq!(host.operators().serving("room").await, digest);
    host.operators()
        .deploy("room", second.clone(), "ramp=100")
        .await;
    assert_eq!(fs::read(&stored).unwrap(), second);
    host.close().await;
    for compiled in compiled(&host, &digest) {
        fs::remove_file(compiled).unwrap();
    }
    host.reopen().await;
    assert_eq!(host.operators().serving("room").await, digest);
}

/// What was compiled of a component that only this test has.
fn compiled(host: &TestHost, digest: &str) -> Vec<PathBuf> {
    let entries = |directory: &Path| {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let engines = entries(&host.data().join("artifacts"));
    let mut found: Vec<_> = engines.iter().flat_map(|engine| entries(engine)).collect();
    found.retain(|path| path.to_string_lossy().contains(digest));
    assert!(!found.is_empty(), "it was compiled");
    found
}

#[tokio::test]
async fn who_comes_second_writes_nothing_and_others_read_nothing() {
    let host = TestHost::open().await;
    host.stay().room("mine").await;
    let listed = || {
        let entries = fs::read_dir(host.data()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = listed();
    let said = host.refused().await;
    assert!(said.err.contains("in use by another process"), "{said:?}");
    assert_eq!(
        listed(),
        before,
        "it has no token of its own, and makes none here"
    );
    for offline in [
        vec!["journal", "verify"],
        vec!["journal", "repair", "--accept-loss"],
    ] {
        let data = host.data();
        let said = command(&[&offline[..], &["--data", text(&data)]].concat()).await;
        assert!(said.err.contains("in use by another process"), "{said:?}");
    }
    private(&host.data());
}

/// Nobody but the owner may do anything with what is in a directory.
fn private(directory: &Path) {
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory), 0o700, "{}", directory.display());
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match fs::symlink_metadata(&path).unwrap().file_type() {
            kind if kind.is_symlink() => {}
            kind if kind.is_dir() => private(&path),
            _ => assert_eq!(mode(&path), 0o600, "{}", path.display()),
        }
    }
}

/// A journal in memory begins anew; that there was more on disk is told, and nothing of it is touched.
#[tokio::test]
async fn what_a_journal_in_memory_hides_is_told() {
    let mut host = TestHost::open().await;
    let settings = host.settings();
    let room = host.stay().room("on disk").await;
    host.close().await;
    for key in ["journal.engine", "context.room.journal"] {
        host.reopen_with(settings.clone().set(key, "memory")).await;
        host.gateway()
            .get(&format!("/rooms/{room}"))
            .await
            .expect(404);
        let told = host.output().lines_with("begins without the commits");
        assert!(
            told.iter().any(|line| line.contains("room")),
            "{key}: {told:?}"
        );
        host.close().await;
    }
    // Where that cannot be told, that is.
    let whole = host.home().join("watermark");
    let marks = host.data().join("watermark");
    copy(&marks, &whole);
    for slot in ["0", "1"] {
        fs::write(marks.join(slot), "nothing").unwrap();
    }
    let in_memory = settings.clone().set("journal.engine", "memory");
    host.reopen_with(in_memory).await;
    let told = host.output().lines_with("cannot be told");
    assert_eq!(told.len(), 1, "{told:?}");
    host.close().await;
    fs::remove_dir_all(&marks).unwrap();
    copy(&whole, &marks);
    host.reopen_with(settings).await;
    host.stay()
        .shows(&format!("/rooms/{room}"), json!({"desc": "on disk"}))
        .await;
}
