//! Keys, and what is signed with them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use innkeeper::core::{Timestamp, VersionDigest};
use innkeeper::manifest::Manifest;
use innkeeper::rollout::signature::{Keyring, SignatureError, Signed, Subject};
use tempfile::TempDir;

use crate::test_host::{build_components, innkeeper, repository, run, text};

/// What the command prints in `home` when all goes well: on standard output, and on standard error.
async fn says(home: &Path, arguments: &[&str]) -> (String, String) {
    let mut command = innkeeper();
    let output = run(command.arg("sign").args(arguments).current_dir(home)).await;
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    (out, err)
}

/// The only line that the command prints when it fails.
async fn fails(home: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = innkeeper();
    let output = run(command.arg("sign").args(arguments).current_dir(home)).await;
    let said = text(&output.stderr);
    assert!(!output.status.success(), "{arguments:?}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("error: "), "{said}");
    assert!(!said.contains("PRIVATE KEY"), "{said}");
    assert_eq!(text(&output.stdout), "");
    (output.status.code(), said)
}

#[tokio::test]
async fn a_component_is_signed_with_a_key_that_the_manifest_knows() {
    build_components().await;
    let home = TempDir::new().unwrap();
    let built = repository().join("components/target");
    let component = home.path().join("room.wasm");
    fs::copy(built.join("innkeeper/room.wasm"), &component).unwrap();

    let (line, note) = says(home.path(), &["--new-key", "ci.key"]).await;
    assert!(
        note.contains("ci.key") && note.contains("[rollout.keys]"),
        "{note}"
    );
    let mode = fs::metadata(home.path().join("ci.key")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let manifest = format!("[rollout]\nrequire_signature = true\n[rollout.keys]\n{line}");
    let manifest = Manifest::read(Path::new("innkeeper.toml"), &manifest, []).unwrap();
    let (known, revoked) = (manifest.rollout.keys, manifest.rollout.revoked_keys);
    let keyring = Keyring {
        known: &known,
        revoked: &revoked,
    };
    let digest = VersionDigest::of(&fs::read(&component).unwrap());
    let verify = |app: &str, context: &str, signature: &str| {
        let subject = Subject {
            app,
            context,
            digest,
        };
        keyring.verify(subject, signature, Timestamp::from(SystemTime::now()))
    };

    fs::write(
        home.path().join("innkeeper.toml"),
        "[app]\nname = \"stay\"\n",
    )
    .unwrap();
    let for_room = ["room.wasm", "--context", "room", "--key", "ci.key"];
    let (said, _) = says(home.path(), &for_room).await;
    assert_eq!(
        said,
        format!("signed sha256:{digest} for the context room of the app stay in room.wasm.sig\n")
    );
    let signed = fs::read_to_string(home.path().join("room.wasm.sig")).unwrap();
    let Signed { signer, .. } = verify("stay", "room", &signed).unwrap();
    assert_eq!(signer, "ci");
    assert!(verify("stay", "message", &signed).is_err() && verify("inn", "room", &signed).is_err());

    // The host makes the same component of the core module.
    let module = built.join("wasm32-unknown-unknown/release/room.wasm");
    let module = module.to_str().unwrap();
    let how = ["--context", "room", "--app-name", "inn", "--key", "ci.key"];
    let printing: Vec<&str> = [module, "--output", "-"].into_iter().chain(how).collect();
    let (printed, note) = says(home.path(), &printing).await;
    assert_eq!(note, "");
    assert!(verify("inn", "room", &printed).is_ok());
    let elsewhere = [
        "room.wasm",
        "--output",
        "elsewhere",
        "--not-before",
        "2999-01-01T00:00:00Z",
    ];
    let later: Vec<&str> = elsewhere.into_iter().chain(how).collect();
    says(home.path(), &later).await;
    let later = fs::read_to_string(home.path().join("elsewhere")).unwrap();
    let refused = verify("inn", "room", &later);
    assert!(matches!(refused, Err(SignatureError::NotYet { .. })));
}

#[tokio::test]
async fn what_cannot_be_signed_says_why() {
    let home = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(home.path().join(name), bytes).unwrap();
    says(home.path(), &["--new-key", "ci.key"]).await;
    let key = fs::read(home.path().join("ci.key")).unwrap();
    write("innkeeper.toml", b"");
    write("empty.key", b"");
    write("text.wasm", b"not wasm");
    write("core.wasm", b"\0asm\x01\0\0\0\xff");
    write("empty.wasm", b"\0asm\x0d\0\x01\0");
    for (arguments, code, said) in [
        (&["room.wasm"] as &[&str], 2, "--context"),
        (&["room.wasm", "--context", "room"], 2, "--key"),
        (
            &["room.wasm", "--context", "No", "--key", "ci.key"],
            2,
            "names match",
        ),
        (
            &[
                "empty.wasm",
                "--context",
                "room",
                "--key",
                "ci.key",
                "--expires-in",
                "0s",
            ],
            2,
            "90d",
        ),
        (&["--key", "ci.key", "--context", "room"], 2, "FILE"),
        (&["room.wasm", "--new-key", "x.key"], 2, "--new-key"),
        (&["--new-key", "ci.key"], 1, "already exists"),
        (
            &["--new-key", "no/ci.key"],
            1,
            "cannot be written to no/ci.key",
        ),
        (
            &["empty.wasm", "--context", "room", "--key", "x.key"],
            1,
            "innkeeper sign --new-key x.key",
        ),
        (
            &["empty.wasm", "--context", "room", "--key", "empty.key"],
            1,
            "PKCS #8",
        ),
        (
            &["room.wasm", "--context", "room", "--key", "ci.key"],
            1,
            "room.wasm cannot be read",
        ),
        (
            &["text.wasm", "--context", "room", "--key", "ci.key"],
            1,
            "text.wasm is not a component",
        ),
        (
            &["core.wasm", "--context", "room", "--key", "ci.key"],
            1,
            "core.wasm: not a component",
        ),
        (
            &[
                "empty.wasm",
                "--context",
                "room",
                "--key",
                "ci.key",
                "--output",
                "no/where",
            ],
            1,
            "--output",
        ),
    ] {
        let (exit, line) = fails(home.path(), arguments).await;
        assert_eq!(exit, Some(code), "{arguments:?}: {line}");
        assert!(line.contains(said), "{arguments:?}: {line}");
    }
    assert_eq!(fs::read(home.path().join("ci.key")).unwrap(), key);
    assert!(!home.path().join("x.key").exists());
}
