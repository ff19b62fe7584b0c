//! Random bytes through real sockets, and random uploads: whatever comes, the host answers by the rules or closes the connection, and serves the next client.
//!
//! Each runs for ten seconds; `INNKEEPER_TESTS_FUZZ_SECONDS` says how long instead. `seeds/` has what mattered once, here or elsewhere: it is tried first, whole, and then with damage
//! among everything else. What fails is kept beside it.

mod components;
mod http1;
mod http2;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use innkeeper_tests::{TestHost, raw};
use proptest::arbitrary::any;
use proptest::sample::{Index, select};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// How long the other side may think about nonsense before the client gives up.
const PATIENCE: Duration = Duration::from_millis(300);

fn time() -> Duration {
    let seconds = std::env::var("INNKEEPER_TESTS_FUZZ_SECONDS");
    let seconds = seconds.ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/promises/fuzz/seeds")
}

/// Where proptest keeps what has failed.
fn failures(name: &str) -> &'static str {
    let file = directory().join(format!("{name}.failures"));
    // Proptest wants it for ever.
    Box::leak(file.to_string_lossy().into_owned().into_boxed_str())
}

/// What mattered once, in the order of its names.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(directory().join(name)).expect("there are some");
    let mut files: Vec<_> = files
        .map(|file| file.expect("it is listed").path())
        .collect();
    files.sort();
    let read = |file: &PathBuf| std::fs::read(file).expect("it can be read");
    let seeds: Vec<_> = files.iter().map(read).collect();
    assert!(!seeds.is_empty(), "{name} has seeds");
    seeds
}

/// One of the seeds, after its end was cut off, or some bytes were changed.
fn damaged(name: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let changes = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    let cut = proptest::option::of(any::<Index>());
    let damaged = |(mut seed, changes, cut): (Vec<u8>, Vec<(Index, u8)>, Option<Index>)| {
        for (at, byte) in changes {
            let at = at.index(seed.len());
            seed[at] = byte;
        }
        if let Some(cut) = cut {
            seed.truncate(cut.index(seed.len()));
        }
        seed
    };
    (select(seeds(name)), changes, cut).prop_map(damaged)
}

/// Tries one thing after the other until the time is over.
fn fuzz<S: Strategy>(
    name: &str,
    strategy: &S,
    mut attempt: impl FnMut(S::Value) -> Result<(), TestCaseError>,
) {
    let begun = Instant::now();
    let mut tried = 0_u64;
    while begun.elapsed() < time() {
        let mut runner = TestRunner::new(Config {
            cases: 64,
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(failures(name)))),
            ..Config::default()
        });
        let attempt = std::cell::RefCell::new(&mut attempt);
        let result = runner.run(strategy, |value| (attempt.borrow_mut())(value));
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
        tried += 64;
    }
    eprintln!("{name}: {tried} tried");
}

/// Sends bytes in pieces, and reads what comes until the other side closes. None when it thinks for longer than a client would: what came may be half of something.
async fn exchange(base: &str, pieces: &[Vec<u8>]) -> Option<Vec<u8>> {
    let address = base.strip_prefix("http://").expect("an http address");
    let mut stream = TcpStream::connect(address).await.expect("the port is open");
    stream.set_nodelay(true).expect("a socket option");
    let exchanging = async {
        for piece in pieces {
            // The other side may have closed by now.
            if stream.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = stream.shutdown().await;
        let mut read = Vec::new();
        while stream.read_buf(&mut read).await.unwrap_or(0) > 0 {}
        read
    };
    tokio::time::timeout(PATIENCE, exchanging).await.ok()
}

/// The host as it should be after all that: it serves, and nothing in it broke.
async fn is_well(host: &TestHost) -> Result<(), TestCaseError> {
    let reply = raw(
        host.gateway().base(),
        b"GET /rooms/1 HTTP/1.1\r\nhost: inn\r\nconnection: close\r\n\r\n",
    )
    .await;
    let status = reply.map(|reply| reply.status);
    if status != Some(200) {
        return Err(TestCaseError::fail(format!(
            "the next client got {status:?}"
        )));
    }
    match host.output().lines_with("panicked").first() {
        Some(line) => Err(TestCaseError::fail(line.clone())),
        None => Ok(()),
    }
}

/// A host with a room, and the runtime that its clients run on.
fn open() -> (Runtime, TestHost) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let host = runtime.block_on(async {
        let host = TestHost::open().await;
        host.stay().room("calm").await;
        host
    });
    (runtime, host)
}
