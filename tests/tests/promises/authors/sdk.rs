//! An app without a copy of the SDK: from a folder that others use too, or from a registry.

use std::path::Path;
use std::time::Duration;

use innkeeper_tests::{NewApp, artifacts, command};

/// How long it may take to compile a new app for this machine and as components.
const COMPILING: Duration = Duration::from_secs(900);

/// What cargo says of the SDK: of the version that it would get from its registry, it finds this one in a folder, and asks nobody.
fn instead_of_the_registry(sdk: &Path) -> String {
    format!("\n[net]\noffline = true\n\n[patch.crates-io]\ninnkeeper-sdk = {{ path = {sdk:?} }}\n")
}

/// The version of the SDK in a folder.
fn version(sdk: &Path) -> String {
    let manifest = std::fs::read_to_string(sdk.join("Cargo.toml")).expect("it has a manifest");
    let found = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = "));
    found
        .expect("it has a version")
        .trim_matches('"')
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_has_the_sdk_from_a_folder_from_a_registry_and_as_a_copy_again() {
    let sdk = artifacts::repository().join("components/sdk");
    let folder = sdk.to_str().expect("paths are UTF-8");
    let version = version(&sdk);
    let app = NewApp::with("pantry", &["jam", "tea"], &["--sdk", folder]).await;
    let copy = app.directory().join("components/sdk");
    let workspace = "components/Cargo.toml";
    assert!(!copy.exists(), "nothing of the SDK is copied");
    let said = app.command_within(&["test"], COMPILING).await;
    assert!(said.is_well, "{said:?}");
    let said = app.command_within(&["build"], COMPILING).await;
    assert!(said.is_well, "{said:?}");

    // What the registry has is told by its version alone; the build is the same.
    let said = app.command(&["upgrade", "--sdk", &version]).await;
    assert!(said.is_well && said.out.contains(workspace), "{said:?}");
    let pinned = app.read(workspace);
    assert!(
        pinned.contains(&format!("\ninnkeeper-sdk = \"={version}\"\n")),
        "{pinned}"
    );
    let config = "components/.cargo/config.toml";
    let written = app.read(config);
    app.write(config, &(written.clone() + &instead_of_the_registry(&sdk)));
    let said = app.command_within(&["build"], COMPILING).await;
    assert!(said.is_well, "{said:?}");

    // One that is for another contract, or is none, is refused before anything is changed.
    for (asked, why) in [
        ("0.1.0", "the first two numbers are the contract's"),
        ("/nowhere", "there is no Cargo.toml in it"),
    ] {
        let said = app.command(&["upgrade", "--sdk", asked]).await;
        assert!(said.code == Some(2) && said.err.contains(why), "{said:?}");
    }
    let home = app.directory().to_str().expect("paths are UTF-8");
    let said = command(&["new", "nuts", "--in", home, "--sdk", folder]).await;
    assert!(
        said.code == Some(2) && said.err.contains(&format!("innkeeper-sdk {version}")),
        "{said:?}"
    );
    assert_eq!(app.read(workspace), pinned);

    app.write(config, &written);
    let said = app.command(&["upgrade", "--sdk", "copy"]).await;
    assert!(
        said.is_well && copy.join("Cargo.toml").is_file(),
        "{said:?}"
    );
    let said = app.command(&["upgrade"]).await;
    assert!(said.is_well && said.out.is_empty(), "{said:?}");
}
