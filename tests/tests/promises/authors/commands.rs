//! Making an app of several contexts, and running all tests that it has.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{NewApp, Said, artifacts, command, command_with};

/// How long it may take to compile a new app for this machine and as components.
const COMPILING: Duration = Duration::from_secs(900);

async fn test(app: &NewApp) -> Said {
    app.command_within(&["test"], COMPILING).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_of_several_contexts_is_made_and_tested_as_a_whole() {
    let call = ["--offers", "barn/stock", "--calls", "mill:barn/stock"];
    let app = NewApp::with("estate", &["barn", "mill"], &call).await;
    for context in ["barn", "mill"] {
        let manifest = app.read("innkeeper.toml");
        assert!(
            manifest.contains(&format!("[context.{context}]")),
            "{manifest}"
        );
    }

    // One without a sample, that calls and follows what is there.
    let home = app.directory().to_str().expect("paths are UTF-8");
    let bare = [
        "new",
        "belfry",
        "--in",
        home,
        "--bare",
        "--calls",
        "barn/stock",
        "--follows",
        "barn/EntryWritten",
    ];
    let said = command(&bare).await;
    assert!(said.is_well, "{said:?}");
    let belfry = app.read("components/belfry/src/lib.rs");
    assert!(
        belfry.contains("calls: [\"estate:barn/stock\"]") && !belfry.contains("ENTRIES"),
        "{belfry}"
    );

    let script = write_tries(&app);
    for _twice in 0..2 {
        let said = test(&app).await;
        assert!(
            said.is_well && said.err.contains("e2e.sh: passed"),
            "{said:?}"
        );
    }
    let left = std::fs::read_dir(app.directory().join("data")).expect("it is made for them");
    assert_eq!(left.count(), 0, "data of a test is left");

    // What fails is said, and so is a context that is not there.
    app.write(script, "#!/bin/sh\nexit 3\n");
    let said = test(&app).await;
    assert!(
        !said.is_well && said.err.contains("exit status: 3"),
        "{said:?}"
    );
    let said = app.command(&["test", "bran"]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("did you mean `barn`?"), "{said:?}");
    // So is what would not survive being run again, with what to use instead.
    let source = "components/mill/src/lib.rs";
    let text = app.read(source);
    let list = "fn list(paging: Paging) -> Answer<Page<Entry>> {\n";
    app.edit(
        source,
        list,
        &format!("{list}    let _now = std::time::SystemTime::now();\n"),
    );
    let said = app.command_within(&["test", "mill"], COMPILING).await;
    assert!(
        !said.is_well
            && said.err.contains("`innkeeper_sdk::invocation::now()`")
            && said.err.contains("does not survive"),
        "{said:?}"
    );
    app.write(source, &text);
    let tests = "components/mill/src/tests.rs";
    app.edit(tests, "(201,", "(299,");
    let said = app.command_within(&["test", "mill"], COMPILING).await;
    assert!(
        !said.is_well && said.err.contains("do not pass"),
        "{said:?}"
    );
}

#[tokio::test]
async fn the_servers_of_the_app_take_no_events_of_its_tests() {
    let home = tempfile::tempdir().expect("a directory can be made");
    let file = home.path().join("innkeeper.toml");
    // Nobody listens there.
    std::fs::write(&file, "[nats]\nurl = \"nats://127.0.0.1:1\"\n").expect("a file can be written");
    std::fs::create_dir(home.path().join("tests")).expect("a directory can be made");
    executable(&home.path().join("tests/e2e"), "#!/bin/sh\n");
    let arguments = ["test", "--app", file.to_str().expect("paths are UTF-8")];
    let said = command(&arguments).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("INNKEEPER_TEST_NATS"), "{said:?}");

    let server = NatsServer::start().await;
    let said = command_with(&arguments, &[("INNKEEPER_TEST_NATS", &server.url())]).await;
    assert!(said.is_well, "{said:?}");
    assert!(said.err.contains("connected to NATS"), "{said:?}");
}

/// Writes a script for an app in whose `mill` entries of `barn` are taken: it has the app that was built, with data of its own. An entry is taken by the other context,
/// once; one that is too long there is given back. Answers where it is.
pub(super) fn write_tries(app: &NewApp) -> &'static str {
    let script = "tests/e2e.sh";
    std::fs::create_dir(app.directory().join("tests")).expect("a directory can be made");
    let tries = "#!/bin/sh\nset -e\ncurl -fsS -H 'content-type: application/json' -d '{\"text\":\"hay\"}' \"$INNKEEPER_GATEWAY/barn\"\n\
                 curl -fsS \"$INNKEEPER_GATEWAY/barn\" | grep '\"total\":1'\ncurl -fsS \"$INNKEEPER_GATEWAY/mill\" | grep '\"total\":0'\n\
                 take() { curl -sS -o /dev/null -w '%{http_code}' -X POST \"$INNKEEPER_GATEWAY/mill/from-barn-stock/$1\"; }\n\
                 test \"$(take 1)\" = 201\ntest \"$(take 1)\" = 409\ntest \"$(take 9)\" = 404\n\
                 curl -fsS \"$INNKEEPER_GATEWAY/mill\" | grep '\"total\":1'\n\
                 long=$(printf '%300s' x | tr ' ' x)\ncurl -fsS -H 'content-type: application/json' -d \"{\\\"text\\\":\\\"$long\\\"}\" \"$INNKEEPER_GATEWAY/barn\"\n\
                 test \"$(take 2)\" = 409\ncurl -sS -X POST \"$INNKEEPER_GATEWAY/mill/from-barn-stock/2\" | grep 'too long'\n";
    executable(&app.directory().join(script), tries);
    script
}

/// Writes a script that can be run.
fn executable(file: &Path, script: &str) {
    std::fs::write(file, script).expect("a file can be written");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(file, executable).expect("it can be made executable");
}

#[tokio::test]
async fn the_sdk_of_an_app_is_brought_up_to_date() {
    let app = NewApp::of("upgraded", &["attic"]).await;
    let said = app.command(&["upgrade"]).await;
    assert!(said.is_well && said.out.is_empty(), "{said:?}");
    // As of an older binary: what is not there yet is added.
    let text = "components/sdk/src/text.rs";
    std::fs::remove_file(app.directory().join(text)).expect("the file is there");
    let said = app.command(&["upgrade", "--dry-run"]).await;
    assert!(said.is_well && said.out.contains("add"), "{said:?}");
    assert!(!app.directory().join(text).exists());
    let said = app.command(&["upgrade"]).await;
    assert!(said.is_well && said.out.contains(text), "{said:?}");
    assert!(app.read(text).contains("pub struct Text"));
    // What somebody has changed is theirs.
    app.write(text, "// mine\n");
    app.write("components/clippy.toml", "# mine\n");
    app.write("components/attic/src/lib.rs", "# mine\n");
    let said = app.command(&["upgrade"]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("--force"), "{said:?}");
    assert_eq!(app.read(text), "// mine\n");
    let said = app.command(&["upgrade", "--force"]).await;
    assert!(said.is_well, "{said:?}");
    assert!(app.read(text).contains("pub struct Text"));
    for kept in ["components/clippy.toml", "components/attic/src/lib.rs"] {
        assert_eq!(app.read(kept), "# mine\n", "{kept}");
    }
}

/// The scripts are those that shells run: bash, and fish where it is, are asked what they would complete, and zsh at least reads its own.
#[tokio::test]
async fn shells_complete_commands_flags_and_names_of_contexts() {
    let home = tempfile::tempdir().expect("a directory can be made");
    for shell in ["bash", "zsh", "fish"] {
        let said = command(&["completions", shell]).await;
        assert!(said.is_well, "{said:?}");
        std::fs::write(home.path().join(shell), said.out).expect("a file can be written");
    }
    let manifest = "[app]\nname = \"stay\"\n[context.room]\npackage = \"room\"\n[context.roof]\npackage = \"roof\"\n[context.bell]\npackage = \"bell\"\n";
    std::fs::write(home.path().join("innkeeper.toml"), manifest).expect("a file can be written");
    std::fs::write(home.path().join("other.toml"), manifest.replace("ro", "lo"))
        .expect("a file can be written");
    let programs = artifacts::binary().await.parent().expect("a directory");
    let path = std::env::var("PATH").expect("there are programs");
    let path = format!("{}:{path}", programs.display());
    // What one of them, run here, prints.
    let run = |shell: &str, arguments: &[&str]| {
        let mut running = std::process::Command::new(shell);
        running.args(arguments).current_dir(home.path());
        let output = running.env("PATH", &path).output().ok()?;
        assert!(output.status.success(), "{shell}: {output:?}");
        Some(String::from_utf8(output.stdout).expect("it is text"))
    };
    let completed = |words: &str| {
        let script = format!(
            "source ./bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_TYPE=9; \
             _clap_complete_innkeeper innkeeper \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let completed = run("bash", &["-c", &script]).expect("bash runs");
        let words = completed.lines().map(str::trim);
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for (words, wanted) in [
        ("innkeeper dead", &["dead-letters"][..]),
        ("innkeeper up --wat", &["--watch"]),
        ("innkeeper completions f", &["fish"]),
        ("innkeeper status ro", &["roof", "room"]),
        ("innkeeper dead-letters retry ro", &["roof", "room"]),
        (
            "innkeeper events --context bell,roo",
            &["bell,roof", "bell,room"],
        ),
        ("innkeeper rollback --app other.toml lo", &["loof", "loom"]),
        ("innkeeper fault nobody", &[]),
    ] {
        assert_eq!(completed(words), wanted, "{words}");
    }
    std::fs::write(home.path().join("innkeeper.toml"), "[contxt]").expect("a file can be written");
    assert!(completed("innkeeper status ro").is_empty());
    run("zsh", &["-n", "zsh"]);
    let asked = "source ./fish; complete -C 'innkeeper status --app other.toml lo'";
    if let Some(said) = run("fish", &["-c", asked]) {
        let said: Vec<_> = said
            .lines()
            .filter_map(|line| line.split('\t').next())
            .collect();
        assert_eq!(said, ["loof", "loom"]);
    }
    let said = command(&["completions", "fihs"]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("fish"), "{said:?}");
}

/// Where nobody serves: what is wrong with a command line is known before a host is asked.
#[tokio::test]
async fn a_command_line_that_asks_for_what_cannot_be_ends_with_two() {
    let home = tempfile::tempdir().expect("a directory can be made");
    let directory = home.path().to_str().expect("paths are UTF-8");
    for (arguments, why) in [
        (&["fault", "bell", "--delay", "often"][..], "is not a delay"),
        (&["fault", "bell", "--abort", "5%:200"], "is not an abort"),
        (
            &["fault", "bell", "--abort", "0%:503"],
            "nothing would go wrong",
        ),
        (
            &["fault", "bell", "--abort", "5%:503", "--for", "2d"],
            "a day at most",
        ),
        (&["rollback", "bell", "--to", "v3"], "write its number"),
        (&["new", "Bell", "--in", directory], "is not a valid name"),
    ] {
        let said = command(arguments).await;
        assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
        assert!(said.err.contains(why), "{arguments:?}: {said:?}");
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
    }
}

#[tokio::test]
async fn the_manifest_is_checked_and_what_it_may_say_is_printed() {
    let home = tempfile::tempdir().expect("a directory can be made");
    let file = home.path().join("innkeeper.toml");
    let path = file.to_str().expect("paths are UTF-8");
    std::fs::write(&file, "[gatway]\n").expect("a file can be written");
    let said = command(&["manifest", "--app", path]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("did you mean `gateway`?"), "{said:?}");
    std::fs::write(&file, "[app]\nname = \"stay\"\n").expect("a file can be written");
    let said = command(&["manifest", "--app", path]).await;
    assert!(
        said.is_well && said.out.contains("stay, with 0 contexts"),
        "{said:?}"
    );

    let said = command(&["manifest", "--reference"]).await;
    let page = innkeeper_tests::artifacts::repository().join("docs/manifest.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    assert_eq!(said.out, page);
}
