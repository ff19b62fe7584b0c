//! Contexts in other languages than Rust, as their authors make them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use innkeeper_tests::{NewApp, Said, artifacts, command, command_with, is_left_out};
use serde_json::json;
use tokio::process::Command;

/// How long installing and building may take.
const BUILDING: Duration = Duration::from_secs(300);
const SOURCE: &str = "javascript/scribe/src/index.ts";

#[tokio::test]
async fn a_context_in_typescript_is_made_built_tested_and_changed_while_it_serves() {
    if is_left_out("javascript") {
        return;
    }
    let app = NewApp::with("scribe", &[], &["--language", "typescript"]).await;
    // A type that does not fit is said where it is.
    app.edit(SOURCE, "text: wanted.text", "text: 7");
    let said = app.command_within(&["build"], BUILDING).await;
    assert!(
        !said.is_well && said.err.contains("src/index.ts("),
        "{said:?}"
    );
    assert!(
        said.err
            .contains("'number' is not assignable to type 'string'"),
        "{said:?}"
    );
    app.edit(SOURCE, "text: 7", "text: wanted.text");
    let tested = app.command_within(&["test", "scribe"], BUILDING).await;
    assert!(tested.is_well, "{tested:?}");

    let up = app.up(&["--watch"]).await;
    let written = up.gateway().post("/scribe", json!({"text": "two words"}));
    assert_eq!(written.await.expect(201).body["id"], 1);
    up.gateway()
        .post("/scribe", json!({}))
        .await
        .expect_problem(422);
    up.says("watching for changes").await;
    app.edit(
        SOURCE,
        "=> entries.find(path.id)",
        "=> ({ ...entries.find(path.id), seen: true })",
    );
    up.says("version 2 serves").await;
    let shown = up.gateway().get("/scribe/1").await.expect(200).body;
    assert_eq!(shown, json!({"id": 1, "text": "two words", "seen": true}));
}

/// A folder with all programs of this machine but those of other languages.
fn programs_without_other_languages(within: &Path) -> PathBuf {
    const OTHERS: [&str; 7] = ["node", "npm", "npx", "corepack", "python", "pip", "uv"];
    let programs = within.join("programs");
    std::fs::create_dir(&programs).expect("a folder can be made");
    let path = std::env::var_os("PATH").expect("there is a PATH");
    let folders = std::env::split_paths(&path).filter_map(|folder| folder.read_dir().ok());
    for program in folders.flatten().flatten() {
        let name = program.file_name();
        let is_other = OTHERS
            .iter()
            .any(|other| name.to_string_lossy().starts_with(other));
        if !is_other {
            // Who comes first in the PATH is the one that is meant.
            let _there_already = std::os::unix::fs::symlink(program.path(), programs.join(&name));
        }
    }
    programs
}

#[tokio::test]
async fn an_app_in_rust_needs_nothing_of_the_other_languages() {
    let app = NewApp::make("plain").await;
    let programs = programs_without_other_languages(app.directory());
    let manifest = app.directory().join("innkeeper.toml");
    let build = [
        "build",
        "--app",
        manifest.to_str().expect("paths are UTF-8"),
    ];
    let path = programs.to_str().expect("paths are UTF-8");
    let said = command_with(&build, &[("PATH", path)]).await;
    assert!(said.is_well, "{said:?}");
    for folder in ["javascript", "python"] {
        assert!(!app.directory().join(folder).exists(), "{folder}");
    }
}

#[tokio::test]
async fn without_node_one_line_says_what_is_missing() {
    let app = NewApp::with("unread", &[], &["--language", "javascript"]).await;
    let manifest = app.directory().join("innkeeper.toml");
    let manifest = manifest.to_str().expect("paths are UTF-8");
    let said = command_with(&["build", "--app", manifest], &[("PATH", "/nonexistent")]).await;
    assert!(!said.is_well, "{said:?}");
    let told: Vec<_> = said
        .err
        .lines()
        .filter(|line| line.contains("error"))
        .collect();
    assert_eq!(told.len(), 1, "{said:?}");
    assert!(told[0].contains("install Node.js 20 or newer"), "{said:?}");
    // What cannot be made for it is refused before anything is.
    let arguments = [
        "new",
        "other",
        "--in",
        app.directory().to_str().expect("UTF-8"),
        "--language",
        "javascript",
        "--offers",
        "health",
    ];
    let said = command_with(&arguments, &[]).await;
    assert!(
        !said.is_well
            && said
                .err
                .contains("the contract has an interface of that name"),
        "{said:?}"
    );
    assert!(!app.directory().join("javascript/other").exists());
}

#[tokio::test]
async fn contexts_in_javascript_and_typescript_that_call_each_other_are_made_and_tested_as_a_whole()
{
    if is_left_out("javascript") {
        return;
    }
    for (language, ending) in [("javascript", "js"), ("typescript", "ts")] {
        let with = [
            "--language",
            language,
            "--offers",
            "barn/stock,barn/old-hay",
        ];
        let with = [&with[..], &["--calls", "mill:barn/stock,mill:barn/old-hay"]].concat();
        let app = NewApp::with(&format!("{language}-farm"), &["barn", "mill"], &with).await;
        super::commands::write_tries(&app);
        // One without a sample, that calls and follows what is there.
        let home = app.directory().to_str().expect("paths are UTF-8");
        let bare = [
            "new",
            "belfry",
            "--in",
            home,
            "--language",
            language,
            "--bare",
        ];
        let bare = [
            &bare[..],
            &["--calls", "barn/stock", "--follows", "barn/EntryWritten"],
        ]
        .concat();
        let said = command(&bare).await;
        assert!(said.is_well, "{said:?}");
        let said = app.command_within(&["test"], BUILDING).await;
        assert!(
            said.is_well && said.err.contains("e2e.sh: passed"),
            "{said:?}"
        );
        let source = app.read(&format!("javascript/mill/src/index.{ending}"));
        assert!(source.contains("takeFromBarnOldHay(path.id)"), "{source}");
        assert!(!source.contains("__"), "{source}");
        passes_what_lints_the_sdk(&app).await;
    }
}

/// What is written for an author has nothing that `make lint` would refuse here.
async fn passes_what_lints_the_sdk(app: &NewApp) {
    if is_left_out("eslint") {
        return;
    }
    let eslint = artifacts::target().join("eslint");
    let linting = Command::new(eslint.join("node_modules/.bin/eslint"))
        .arg("--config")
        .arg(eslint.join("eslint.config.js"))
        .args(["--max-warnings", "0", "javascript"])
        .current_dir(app.directory())
        .kill_on_drop(true)
        .output();
    let said = linting.await.expect("scripts/setup.sh installs it");
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}");
}

/// Nobody answers there.
const NOWHERE: &str = "http://127.0.0.1:9/";

/// Builds it as on a machine on which nothing was ever installed, and that reaches no registry.
async fn build_without_registry(app: &NewApp) -> Said {
    let cache = app.directory().join("empty-cache");
    let cache = cache.to_str().expect("paths are UTF-8");
    let manifest = app.directory().join("innkeeper.toml");
    let manifest = manifest.to_str().expect("paths are UTF-8");
    let variables = [
        ("npm_config_registry", NOWHERE),
        ("npm_config_cache", cache),
        ("npm_config_fetch_retries", "0"),
    ];
    command_with(&["build", "--app", manifest], &variables).await
}

#[tokio::test]
async fn where_the_registry_cannot_be_reached_that_is_said() {
    if is_left_out("javascript") {
        return;
    }
    let app = NewApp::with("remote", &[], &["--language", "javascript"]).await;
    let said = build_without_registry(&app).await;
    assert!(!said.is_well, "{said:?}");
    assert!(said.err.contains("can it reach its registry?"), "{said:?}");
    // Nothing is taken for installed that is not.
    assert!(
        !app.directory()
            .join("javascript/node_modules/.innkeeper")
            .exists()
    );
}

/// What an app has is not lost where a context asks for another engine, and that cannot be had.
#[tokio::test]
async fn another_engine_is_installed_when_a_context_asks_for_it() {
    if is_left_out("javascript") {
        return;
    }
    let app = NewApp::with("monkey", &[], &["--language", "javascript"]).await;
    let built = app.command_within(&["build"], BUILDING).await;
    assert!(built.is_well, "{built:?}");
    let engines = app.directory().join("javascript/target/engines");
    assert!(!engines.exists(), "nobody has asked for one");
    const MANIFEST: &str = "javascript/monkey/package.json";
    let main = r#""main": "src/index.js","#;
    let asks = |engine: &str| format!(r#"{main} "innkeeper": {{"engine": "{engine}"}},"#);
    app.edit(MANIFEST, main, &asks("v8"));
    let said = app.command_within(&["build"], BUILDING).await;
    let expected = "expected `quickjs` or `starlingmonkey`";
    assert!(!said.is_well && said.err.contains(expected), "{said:?}");
    app.edit(MANIFEST, "v8", "starlingmonkey");
    let said = build_without_registry(&app).await;
    assert!(!said.is_well, "{said:?}");
    let expected = "npm could not install StarlingMonkey";
    assert!(said.err.contains(expected), "{said:?}");
    app.edit(MANIFEST, "starlingmonkey", "quickjs");
    let built = app.command_within(&["build"], BUILDING).await;
    assert!(built.is_well, "{built:?}");
}

/// What is installed is that which was tried, to the byte: what an app begins with pins it, down to what nobody asked for by name.
#[tokio::test]
async fn what_builds_an_app_is_pinned_by_digests() {
    let app = NewApp::with("pinned", &[], &["--language", "typescript"]).await;
    let lock: serde_json::Value =
        serde_json::from_str(&app.read("javascript/package-lock.json")).expect("it is JSON");
    let packages = lock["packages"].as_object().expect("it names packages");
    let installed = packages
        .iter()
        .filter(|(path, package)| path.starts_with("node_modules/") && package["link"] != true);
    let mut count = 0;
    for (path, package) in installed {
        assert!(package["integrity"].is_string(), "{path}");
        count += 1;
    }
    assert!(count > 10, "{count} packages");
    let package: serde_json::Value =
        serde_json::from_str(&app.read("javascript/pinned/package.json")).expect("it is JSON");
    // A name alone would be looked up in a public registry.
    assert_eq!(package["dependencies"]["innkeeper-sdk"], "file:../sdk");
}

const PYTHON_SOURCE: &str = "python/clerk/src/main.py";

#[tokio::test]
async fn a_context_in_python_is_made_built_tested_and_changed_while_it_serves() {
    if is_left_out("python") {
        return;
    }
    let app = NewApp::with("clerk", &[], &["--language", "python"]).await;
    // What is wrong is said where it is.
    app.edit(PYTHON_SOURCE, "id: U64", "id: int");
    let said = app.command_within(&["build"], BUILDING).await;
    assert!(
        !said.is_well
            && said
                .err
                .contains("Entry.id: `int` does not say how large it may be"),
        "{said:?}"
    );
    app.edit(PYTHON_SOURCE, "id: int", "id: U64");
    app.edit(PYTHON_SOURCE, "log.info(", "lag.info(");
    let tested = app.command_within(&["test", "clerk"], BUILDING).await;
    assert!(
        !tested.is_well && tested.err.contains("tests do not pass"),
        "{tested:?}"
    );
    app.edit(PYTHON_SOURCE, "lag.info(", "log.info(");
    app.edit(PYTHON_SOURCE, "entries = ", "entries = nothing or ");
    let said = app.command_within(&["build"], BUILDING).await;
    assert!(
        !said.is_well
            && said
                .err
                .contains("NameError: name 'nothing' is not defined"),
        "{said:?}"
    );
    assert!(said.err.contains("src/main.py\", line "), "{said:?}");
    app.edit(PYTHON_SOURCE, "entries = nothing or ", "entries = ");
    let tested = app.command_within(&["test", "clerk"], BUILDING).await;
    assert!(tested.is_well, "{tested:?}");

    let up = app.up(&["--watch"]).await;
    let written = up.gateway().post("/clerk", json!({"text": "two words"}));
    assert_eq!(written.await.expect(201).body["id"], 1);
    up.gateway()
        .post("/clerk", json!({}))
        .await
        .expect_problem(422);
    up.says("watching for changes").await;
    app.edit(
        PYTHON_SOURCE,
        "return entries.find(id)",
        "found = entries.find(id)\n    return Entry(found.id, found.text.upper())",
    );
    up.says("version 2 serves").await;
    let shown = up.gateway().get("/clerk/1").await.expect(200).body;
    assert_eq!(shown, json!({"id": 1, "text": "TWO WORDS"}));
}

#[tokio::test]
async fn contexts_in_python_that_call_each_other_are_made_and_tested_as_a_whole() {
    if is_left_out("python") {
        return;
    }
    let with = ["--language", "python", "--offers", "barn/stock"];
    let with = [&with[..], &["--calls", "mill:barn/stock"]].concat();
    let app = NewApp::with("farm", &["barn", "mill"], &with).await;
    super::commands::write_tries(&app);
    let said = app.command_within(&["test"], BUILDING).await;
    assert!(
        said.is_well && said.err.contains("e2e.sh: passed"),
        "{said:?}"
    );
}

#[tokio::test]
async fn without_python_one_line_says_what_is_missing() {
    let app = NewApp::with("unspoken", &[], &["--language", "python"]).await;
    let manifest = app.directory().join("innkeeper.toml");
    let manifest = manifest.to_str().expect("paths are UTF-8");
    let build = ["build", "--app", manifest];
    // Also where the one that is there is too old.
    let old = app.directory().join("old");
    std::fs::create_dir(&old).expect("a folder can be made");
    let program = old.join("python3");
    std::fs::write(&program, "#!/bin/sh\necho Python 3.9.2\n").expect("a file can be written");
    std::fs::set_permissions(
        &program,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .expect("it can be made a program");
    for (path, here) in [
        ("/nonexistent", "could not be run"),
        (
            old.to_str().expect("paths are UTF-8"),
            "here is \"Python 3.9.2\"",
        ),
    ] {
        let said = command_with(&build, &[("PATH", path)]).await;
        assert!(!said.is_well, "{said:?}");
        let told: Vec<_> = said
            .err
            .lines()
            .filter(|line| line.contains("error"))
            .collect();
        assert_eq!(told.len(), 1, "{said:?}");
        assert!(told[0].contains("Python 3.11 or newer"), "{said:?}");
        assert!(told[0].contains(here), "{said:?}");
    }
}

#[tokio::test]
async fn where_the_index_cannot_be_reached_that_is_said() {
    if is_left_out("python") {
        return;
    }
    let app = NewApp::with("unheard", &[], &["--language", "python"]).await;
    let manifest = app.directory().join("innkeeper.toml");
    let manifest = manifest.to_str().expect("paths are UTF-8");
    // As on a machine on which nothing was ever installed.
    let variables = [
        ("PIP_CONFIG_FILE", "/dev/null"),
        ("PIP_NO_INDEX", "0"),
        ("PIP_INDEX_URL", NOWHERE),
        ("PIP_FIND_LINKS", ""),
        ("PIP_NO_CACHE_DIR", "1"),
        ("PIP_RETRIES", "0"),
    ];
    let said = command_with(&["build", "--app", manifest], &variables).await;
    assert!(!said.is_well, "{said:?}");
    assert!(said.err.contains("can it reach its index?"), "{said:?}");
    // Nothing is taken for installed that is not.
    let environments = app.directory().join("python/target/venv");
    let environments = std::fs::read_dir(environments).expect("one was begun");
    for environment in environments {
        let environment = environment.expect("it can be read").path();
        assert!(environment.join("bin/python").exists());
        assert!(!environment.join(".innkeeper").exists());
    }
}

#[tokio::test]
async fn what_builds_an_app_in_python_is_pinned_by_digests() {
    let app = NewApp::with("fastened", &[], &["--language", "python"]).await;
    assert!(
        app.read("python/requirements.txt")
            .ends_with("\n-r sdk/requirements.txt\n")
    );
    let text = app.read("python/sdk/requirements.txt");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let packages: Vec<usize> = (0..lines.len())
        .filter(|line| lines[*line].contains("=="))
        .collect();
    assert!(packages.len() > 3, "{text}");
    for package in packages {
        assert!(lines[package + 1].contains("--hash=sha256:"), "{text}");
    }
}
