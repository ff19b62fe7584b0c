//! `innkeeper test` of the library: what its author has of it.

use std::time::Duration;

use innkeeper_tests::{artifacts, command_within};

/// How long it may take to compile the library for this machine and as components.
const COMPILING: Duration = Duration::from_secs(900);

#[tokio::test(flavor = "multi_thread")]
async fn the_library_passes_the_tests_of_its_author() {
    let manifest = artifacts::repository().join("tests/apps/library/innkeeper.toml");
    let manifest = manifest.to_str().expect("paths are UTF-8");
    let said = command_within(&["test", "--app", manifest], COMPILING).await;
    assert!(said.is_well, "{said:?}");
    for part in ["lending_survives_conflicts", "returning_survives_conflicts"] {
        assert!(said.out.contains(part), "{part}: {said:?}");
    }
    assert!(said.err.contains("tests/e2e: passed"), "{said:?}");
}
