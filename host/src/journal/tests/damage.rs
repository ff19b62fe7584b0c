//! Whatever happens to its files, a journal is refused with its reason, or holds every acknowledged commit. Never a panic, never less without a word.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::recovery::copy;
use super::*;

const CACHE: u64 = 8 << 20;

/// What happens to a file. Places are parts of its length.
#[derive(Clone, Debug)]
enum Damage {
    Cut(f64),
    Flip(f64, u8),
    Zero(f64, usize),
    Garbage(f64, usize),
    Delete,
}

fn damages() -> impl Strategy<Value = Damage> {
    let place = 0.0..1.0;
    prop_oneof![
        1 => place.clone().prop_map(Damage::Cut),
        4 => (place.clone(), 0..8_u8).prop_map(|(place, bit)| Damage::Flip(place, bit)),
        2 => (place.clone(), 1..200_000_usize).prop_map(|(place, length)| Damage::Zero(place, length)),
        1 => (place, 1..5_000_usize).prop_map(|(place, length)| Damage::Garbage(place, length)),
        1 => Just(Damage::Delete),
    ]
}

impl Damage {
    fn happen(&self, file: &Path) {
        let length = fs::metadata(file).map_or(0, |found| found.len());
        let at = |place: f64| (length as f64 * place) as u64;
        let overwrite = |at: u64, bytes: &[u8]| {
            let room = usize::try_from(length - at).unwrap().min(bytes.len());
            let file = OpenOptions::new().write(true).open(file).unwrap();
            file.write_all_at(&bytes[..room], at).unwrap();
        };
        match *self {
            _ if length == 0 => {}
            Damage::Cut(place) => {
                let file = OpenOptions::new().write(true).open(file).unwrap();
                file.set_len(at(place)).unwrap();
            }
            Damage::Flip(place, bit) => {
                let mut byte = [0];
                let open = File::open(file).unwrap();
                open.read_exact_at(&mut byte, at(place)).unwrap();
                overwrite(at(place), &[byte[0] ^ (1 << bit)]);
            }
            Damage::Zero(place, bytes) => overwrite(at(place), &vec![0; bytes]),
            Damage::Garbage(place, bytes) => {
                let noise: Vec<u8> = (0..bytes).map(|byte| (byte * 31 + 7) as u8).collect();
                overwrite(at(place), &noise);
            }
            Damage::Delete => fs::remove_file(file).unwrap(),
        }
    }
}

/// The files of a data directory, in an order that stays.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// A journal that was written, closed, opened, written and closed; and what it showed in the end.
struct Written {
    data: TempDir,
    shown: Vec<(&'static str, Picture)>,
}

const CONTEXTS: [&str; 2] = ["payment", "room"];

fn written() -> &'static Written {
    static WRITTEN: OnceLock<Written> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let data = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut shown = Vec::new();
        for life in 0..2 {
            let store: Arc<dyn Store> = Arc::new(SledStore::open(data.path(), CACHE).unwrap());
            let committer = Committer::start(store, Options::default()).unwrap();
            let ledgers = CONTEXTS.map(|name| committer.open(name, Durability::Flush).unwrap());
            runtime.block_on(async {
                for round in 0..150 {
                    let ledger = &ledgers[round % 2];
                    let key = format!("key {}", round * 7 % 40);
                    let value = match round % 10 {
                        9 => None,
                        3 => Some(vec![round as u8; 90_000]),
                        _ => Some(format!("{life} {round}").repeat(20).into_bytes()),
                    };
                    let write = Write {
                        space: STATE,
                        key: key.into_bytes(),
                        value,
                    };
                    let mut writes = vec![write];
                    if round == 60 {
                        // It is made in steps.
                        let rows = 0..1_100;
                        writes.extend(rows.map(|row| put(&format!("rows/{row}"), "some value")));
                    }
                    let mut unit = blind(ledger, &format!("{life}.{round}"), writes);
                    unit.events = vec![event(&format!("{life}.{round}"), "room 1")];
                    ledger.commit(unit).await.unwrap();
                }
                committer.close().await;
            });
            shown = CONTEXTS
                .into_iter()
                .zip(&ledgers)
                .map(|(name, ledger)| (name, picture(ledger.journal())))
                .collect();
        }
        Written { data, shown }
    })
}

/// Everything that a journal shows, or why not.
fn shown(store: &SledStore, name: &str) -> Result<Picture, Error> {
    let journal = store.open(name)?;
    let all = KeyRange::all();
    let mut spaces = Vec::new();
    for space in SPACES {
        spaces.push(journal.scan(space, &all, usize::MAX, Direction::Forwards)?);
    }
    let mut events = Vec::new();
    let mut lane_ends = Vec::new();
    for lane in 0..LANES {
        events.push(journal.events(lane, None, u64::MAX, usize::MAX)?);
        lane_ends.push(journal.lane_end(lane)?);
    }
    Ok(Picture {
        last: journal.newest()?.position,
        spaces,
        commits: journal.commits(0, usize::MAX)?,
        events,
        lane_ends,
    })
}

fn damaged(damages: &[(prop::sample::Index, Damage)]) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    copy(written().data.path(), data.path());
    for (file, damage) in damages {
        let files = files(data.path());
        damage.happen(&files[file.index(files.len())]);
    }
    data
}

fn is_named(error: &Error) {
    let text = error.to_string();
    assert!(!text.contains('\n') && text.contains("journal"), "{text}");
    assert!(
        !matches!(error, Error::Disk { .. } | Error::Closed),
        "{text}"
    );
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn a_journal_is_refused_or_whole(damages in vec((any::<prop::sample::Index>(), damages()), 1..3)) {
        let data = damaged(&damages);
        // Twice: what the engine does with its files the first time must not hide what was wrong.
        for _ in 0..2 {
            match SledStore::open(data.path(), CACHE) {
                Err(error) => is_named(&error),
                Ok(store) => for (name, expected) in &written().shown {
                    match shown(&store, name) {
                        Ok(shown) => prop_assert!(shown == *expected, "{name} shows something else"),
                        Err(error) => is_named(&error),
                    }
                },
            }
        }
    }

    #[test]
    fn what_a_repair_leaves_is_sound(damages in vec((any::<prop::sample::Index>(), damages()), 1..3)) {
        let data = damaged(&damages);
        match repair(data.path(), CACHE, 1_700_000_000_000, &mut |_| {}) {
            Err(error) => is_named(&error),
            Ok(repaired) => {
                for verified in verify(data.path(), CACHE, &mut |_, _| {}).unwrap() {
                    prop_assert!(verified.findings.is_empty(), "{verified:?}, after {repaired:?}");
                }
                let store = SledStore::open(data.path(), CACHE).unwrap();
                for (name, expected) in &written().shown {
                    let loss = repaired.losses.iter().find(|loss| loss.context == *name);
                    let is_whole = loss.is_some_and(|loss| loss.lost.is_empty());
                    let shown = shown(&store, name).unwrap();
                    if is_whole {
                        prop_assert!(shown == *expected, "{name} has lost something without a word");
                    } else if shown.last > 0 {
                        // Nobody who saw a lost commit takes a new one for it.
                        prop_assert!(shown.last > expected.last, "{} after {}", shown.last, expected.last);
                    }
                }
            }
        }
    }
}

#[test]
fn a_journal_that_is_as_it_was_left_is_opened_again_and_again() {
    let data = damaged(&[]);
    for _ in 0..3 {
        let store = SledStore::open(data.path(), CACHE).unwrap();
        for (name, expected) in &written().shown {
            assert_eq!(&shown(&store, name).unwrap(), expected);
        }
    }
    for verified in verify(data.path(), CACHE, &mut |_, _| {}).unwrap() {
        assert!(verified.findings.is_empty(), "{verified:?}");
    }
}

#[test]
fn what_is_cut_off_is_named() {
    for part in [0.99, 0.9, 0.1] {
        let data = damaged(&[]);
        let db = data.path().join("journal/db");
        // Behind what was written the engine has filled up with zeros.
        let written = fs::read(&db).unwrap().iter().rposition(|byte| *byte != 0);
        let file = OpenOptions::new().write(true).open(&db).unwrap();
        file.set_len((written.unwrap() as f64 * part) as u64)
            .unwrap();
        let error = SledStore::open(data.path(), CACHE).err().unwrap();
        assert!(matches!(error, Error::Unsound { .. }), "{error}");
        assert!(
            error.to_string().contains("repair --accept-loss"),
            "{error}"
        );
    }
    let data = damaged(&[]);
    fs::write(data.path().join("journal/db"), b"").unwrap();
    let error = SledStore::open(data.path(), CACHE)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("missing or empty"), "{error}");
    fs::remove_dir_all(data.path().join("journal")).unwrap();
    let error = SledStore::open(data.path(), CACHE)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("missing or empty"), "{error}");
    // Nothing is left that says what was there; that something was, is seen.
    for slot in ["watermark/0", "watermark/1"] {
        fs::write(data.path().join(slot), b"x").unwrap();
    }
    for _ in 0..2 {
        let opened = SledStore::open(data.path(), CACHE).err();
        let verified = verify(data.path(), CACHE, &mut |_, _| {}).err();
        for error in [opened, verified] {
            let error = error.unwrap().to_string();
            assert!(error.contains("watermark is damaged"), "{error}");
        }
    }
    // What it says to do can be done.
    repair(data.path(), CACHE, 1, &mut |_| {}).unwrap();
    let store = SledStore::open(data.path(), CACHE).unwrap();
    assert_eq!(store.open("room").unwrap().newest().unwrap().position, 0);
}

#[test]
fn a_first_start_that_was_cut_off_is_no_damage() {
    for (first, second) in [("", ""), ("torn", "")] {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("watermark")).unwrap();
        for (slot, text) in [("watermark/0", first), ("watermark/1", second)] {
            fs::write(data.path().join(slot), text).unwrap();
        }
        SledStore::open(data.path(), CACHE).unwrap();
    }
}

#[test]
fn a_journal_of_another_time_is_not_taken_for_this_one() {
    let (earlier, data) = (damaged(&[]), damaged(&[]));
    let store: Arc<dyn Store> = Arc::new(SledStore::open(data.path(), CACHE).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let committer = Committer::start(store, Options::default()).unwrap();
    let ledger = committer.open("room", Durability::Flush).unwrap();
    let unit = blind(&ledger, "later", vec![put("key 1", "later")]);
    runtime.block_on(async {
        ledger.commit(unit).await.unwrap();
        committer.close().await;
    });
    drop((ledger, committer));
    fs::remove_dir_all(data.path().join("journal")).unwrap();
    copy(
        &earlier.path().join("journal"),
        &data.path().join("journal"),
    );
    let error = SledStore::open(data.path(), CACHE)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("should go to commit"), "{error}");
    // The same without any watermark: then nothing says how far it should go.
    fs::remove_dir_all(data.path().join("watermark")).unwrap();
    let error = SledStore::open(data.path(), CACHE)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("watermark is missing"), "{error}");
}
