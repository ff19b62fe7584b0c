//! The machine that tests share: those that measure time or load it fully have it alone.

use std::fs::File;
use std::path::PathBuf;

/// The tests that have the machine alone.
const LISTED: &str = include_str!("../alone.txt");

/// A share of the machine, or all of it, until it is dropped.
pub struct Share(#[expect(dead_code, reason = "held for its lock")] File);

/// Beside others.
pub async fn shared() -> Share {
    take(File::lock_shared).await
}

/// Without any other test's host, in this process or another.
///
/// # Panics
///
/// In a test that is not listed: it would keep a thread waiting for as long as others run.
pub async fn alone() -> Share {
    // Test threads are named after their tests; only a test's own thread is asked.
    if let Some(test) = std::thread::current()
        .name()
        .filter(|name| name.contains("::"))
    {
        assert!(
            LISTED.lines().any(|listed| listed == test),
            "{test} has the machine for itself: list it in tests/alone.txt, so that it runs when the others are done"
        );
    }
    take(File::lock).await
}

async fn take(lock: fn(&File) -> std::io::Result<()>) -> Share {
    let locking = move || {
        let file = File::create(path()).expect("the lock file can be made");
        lock(&file).expect("the lock file can be locked");
        Share(file)
    };
    tokio::task::spawn_blocking(locking).await.unwrap()
}

fn path() -> PathBuf {
    std::env::temp_dir().join("innkeeper-tests.lock")
}
