//! What waits for the disk, what does not, and what happens when the disk fails.

use std::pin::Pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use parking_lot::{Condvar, Mutex};
use tokio::task::yield_now;

use super::*;

/// A store whose disk is as slow and as bad as a test wants.
#[derive(Default)]
struct Disk {
    store: MemoryStore,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    blocked: bool,
    broken: bool,
    flushes: u32,
}

impl Disk {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.changed.notify_all();
    }
}

impl Store for Disk {
    fn open(&self, context: &str) -> Result<Arc<dyn Journal>, Error> {
        self.store.open(context)
    }

    fn flush(&self) -> Result<(), Error> {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.blocked);
        state.flushes += 1;
        if state.broken {
            return Err(Error::Disk {
                reason: "no space left".to_owned(),
            });
        }
        Ok(())
    }

    fn contexts(&self) -> Result<Vec<String>, Error> {
        self.store.contexts()
    }

    fn size(&self) -> u64 {
        0
    }
}

fn start(durability: Durability, options: Options) -> (Arc<Disk>, Arc<Committer>, Arc<Ledger>) {
    let disk = Arc::new(Disk::default());
    let committer = Committer::start(disk.clone(), options).unwrap();
    let ledger = committer.open("room", durability).unwrap();
    (disk, committer, ledger)
}

/// Submits a unit of work, and waits until it is visible.
async fn submit(
    ledger: &Arc<Ledger>,
    unit: Unit,
    durability: Durability,
) -> tokio::task::JoinHandle<Result<u64, CommitError>> {
    let position = ledger.applied() + 1;
    let commit = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.commit_as(unit, durability).await }
    });
    while ledger.applied() < position {
        yield_now().await;
    }
    commit
}

fn reading(key: &str) -> ReadSet {
    let mut reads = ReadSet::default();
    reads.note_key(STATE, key.as_bytes());
    reads
}

#[tokio::test]
async fn an_answer_waits_for_the_disk_and_a_read_only_for_what_it_read() {
    let (disk, _committer, ledger) = start(Durability::Flush, Options::default());
    disk.set(|state| state.blocked = true);
    let commit = submit(
        &ledger,
        blind(&ledger, "1", vec![put("room 7", "taken")]),
        Durability::Flush,
    )
    .await;
    assert_eq!(
        ledger.get(STATE, b"room 7").unwrap(),
        Some(b"taken".to_vec())
    );
    assert_eq!(ledger.flushed(), 0);

    assert_eq!(ledger.settle(1, &reading("room 8")).await, Ok(()));
    let read = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.settle(1, &reading("room 7")).await }
    });
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(!commit.is_finished() && !read.is_finished());

    disk.set(|state| state.blocked = false);
    assert_eq!(read.await.unwrap(), Ok(()));
    assert_eq!(ledger.flushed(), 1);
    assert_eq!(commit.await.unwrap(), Ok(1));
}

/// A commit that has been submitted.
type Waiting<'a> = Pin<Box<dyn Future<Output = Result<u64, CommitError>> + 'a>>;

/// Puts units of work into the queue, behind a committer that waits for its disk.
fn queue(ledger: &Ledger, units: usize) -> Vec<Waiting<'_>> {
    let submitted = |number: usize| {
        let unit = blind(ledger, &number.to_string(), Vec::new());
        let mut commit: Waiting = Box::pin(ledger.commit(unit));
        assert_eq!((&mut commit).now_or_never(), None);
        commit
    };
    (0..units).map(submitted).collect()
}

#[tokio::test]
async fn a_group_has_one_flush() {
    let (disk, _committer, ledger) = start(Durability::Flush, Options::default());
    disk.set(|state| state.blocked = true);
    let first = submit(
        &ledger,
        blind(&ledger, "first", Vec::new()),
        Durability::Flush,
    )
    .await;
    let group = queue(&ledger, 300);
    disk.set(|state| state.blocked = false);
    assert_eq!(join_all(group).await, (2..=301).map(Ok).collect::<Vec<_>>());
    assert_eq!(first.await.unwrap(), Ok(1));
    assert_eq!(disk.state.lock().flushes, 2);
}

#[tokio::test]
async fn closing_commits_what_waits_and_nothing_more() {
    let (disk, committer, ledger) = start(Durability::Flush, Options::default());
    disk.set(|state| state.blocked = true);
    let _first = submit(
        &ledger,
        blind(&ledger, "first", Vec::new()),
        Durability::Flush,
    )
    .await;
    let waiting = queue(&ledger, 300);
    let mut close = Box::pin(committer.close());
    assert_eq!((&mut close).now_or_never(), None);
    disk.set(|state| state.blocked = false);
    close.await;
    assert_eq!(
        join_all(waiting).await,
        (2..=301).map(Ok).collect::<Vec<_>>()
    );
    assert_eq!(ledger.flushed(), 301);
    assert_eq!(
        ledger.commit(blind(&ledger, "late", Vec::new())).await,
        Err(CommitError::Closed)
    );
    assert_eq!(ledger.barrier().await, Err(CommitError::Closed));
    committer.close().await;
}

#[tokio::test]
async fn relaxed_commits_are_answered_at_once_and_flushed_soon() {
    let (disk, committer, ledger) = start(
        Durability::Relaxed,
        Options {
            flush_every: Duration::from_millis(20),
            ..Options::default()
        },
    );
    let mut flushed = ledger.flushed_watch();
    for position in 1..=3 {
        let unit = blind(&ledger, "relaxed", vec![put("key", "value")]);
        assert_eq!(ledger.commit(unit).await, Ok(position));
    }
    ledger.settle(3, &reading("key")).await.unwrap();
    tokio::time::timeout(
        Duration::from_secs(10),
        flushed.wait_for(|position| *position == 3),
    )
    .await
    .unwrap()
    .unwrap();

    // One that wants the disk takes along those that do not.
    disk.set(|state| state.blocked = true);
    let relaxed = submit(
        &ledger,
        blind(&ledger, "relaxed", Vec::new()),
        Durability::Relaxed,
    )
    .await;
    assert_eq!(relaxed.await.unwrap(), Ok(4));
    let strict = submit(
        &ledger,
        blind(&ledger, "strict", Vec::new()),
        Durability::Flush,
    );
    disk.set(|state| state.blocked = false);
    assert_eq!(strict.await.await.unwrap(), Ok(5));
    assert_eq!(ledger.flushed(), 5);
    committer.close().await;
}

#[tokio::test]
async fn a_full_queue_is_busy() {
    let (disk, _committer, ledger) = start(
        Durability::Flush,
        Options {
            max_pending: 2,
            ..Options::default()
        },
    );
    disk.set(|state| state.blocked = true);
    let first = submit(
        &ledger,
        blind(&ledger, "first", Vec::new()),
        Durability::Flush,
    )
    .await;
    let waiting = queue(&ledger, 2);
    let unit = blind(&ledger, "third", Vec::new());
    assert_eq!(ledger.commit(unit).await, Err(CommitError::Busy));
    disk.set(|state| state.blocked = false);
    assert_eq!(join_all(waiting).await, [Ok(2), Ok(3)]);
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_line_of_one_context_is_full_for_itself_alone() {
    let (disk, committer, ledger) = start(
        Durability::Flush,
        Options {
            max_pending_of_context: 3,
            ..Options::default()
        },
    );
    let other = committer.open("message", Durability::Flush).unwrap();
    disk.set(|state| state.blocked = true);
    let first = submit(
        &ledger,
        blind(&ledger, "first", Vec::new()),
        Durability::Flush,
    )
    .await;
    let waiting = queue(&ledger, 3);
    let unit = blind(&ledger, "fourth", Vec::new());
    assert_eq!(ledger.commit(unit).await, Err(CommitError::Busy));
    let others = queue(&other, 3);
    disk.set(|state| state.blocked = false);
    assert_eq!(join_all(waiting).await, [Ok(2), Ok(3), Ok(4)]);
    assert_eq!(join_all(others).await, [Ok(1), Ok(2), Ok(3)]);
    first.await.unwrap().unwrap();
    // The places are given back.
    let again = ["a", "b", "c"].map(|key| ledger.commit(blind(&ledger, key, Vec::new())));
    assert_eq!(join_all(again).await, [Ok(5), Ok(6), Ok(7)]);
}

#[tokio::test]
async fn a_failed_flush_stops_everything() {
    let (disk, committer, ledger) = start(Durability::Flush, Options::default());
    ledger
        .commit(blind(&ledger, "1", vec![put("kept", "yes")]))
        .await
        .unwrap();
    disk.set(|state| (state.blocked, state.broken) = (true, true));
    let commit = submit(
        &ledger,
        blind(&ledger, "2", vec![put("lost", "perhaps")]),
        Durability::Flush,
    )
    .await;
    let read = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.settle(2, &reading("lost")).await }
    });
    yield_now().await;
    disk.set(|state| state.blocked = false);

    let stopped = commit.await.unwrap().unwrap_err();
    assert!(matches!(
        stopped,
        CommitError::Journal(Error::Stopped { .. })
    ));
    assert!(
        stopped.to_string().contains("no space left") && stopped.to_string().contains("restart"),
        "{stopped}"
    );
    assert_eq!(read.await.unwrap(), Err(stopped.clone()));
    assert_eq!(
        ledger.commit(blind(&ledger, "3", Vec::new())).await,
        Err(stopped.clone())
    );
    assert_eq!(ledger.barrier().await, Err(stopped.clone()));
    assert_eq!(ledger.settle(2, &reading("lost")).await, Err(stopped));
    // What is known to be on disk can still be read.
    assert_eq!(ledger.settle(2, &reading("kept")).await, Ok(()));
    assert_eq!(ledger.flushed(), 1);
    committer.close().await;
}
