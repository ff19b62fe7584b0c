//! The journal of a host that is closed, for tests of what a host makes of what it finds there.

use std::path::Path;
use std::sync::Arc;

use innkeeper::journal::{
    Cause, Committer, Direction, Durability, Ending, Header, KeyRange, Ledger, Options, ReadSet,
    SledStore, Space, Unit, Write,
};

/// What the engine may keep in memory.
const CACHE: u64 = 8 << 20;

/// Takes a record of a context away, and answers its value.
pub async fn take_record(data: &Path, context: &str, space: Space, key: &str) -> Vec<u8> {
    let (committer, ledger) = open(data, context).await;
    let found = ledger.get(space, key.as_bytes()).expect("it can be read");
    let removal = Write {
        space,
        key: key.as_bytes().to_vec(),
        value: None,
    };
    commit(&ledger, vec![removal]).await;
    committer.close().await;
    found.expect("it is there")
}

/// Gives the records of a context in a space other values, as if an Innkeeper had written them that this one does not understand: each is sound as far as the journal
/// can tell. Answers how many there were.
pub async fn replace_records(data: &Path, context: &str, space: Space, value: &[u8]) -> usize {
    replace_first_records(data, context, space, value, usize::MAX).await
}

/// The same with the first so many, in the order of their keys.
pub async fn replace_first_records(
    data: &Path,
    context: &str,
    space: Space,
    value: &[u8],
    most: usize,
) -> usize {
    let (committer, ledger) = open(data, context).await;
    let found = ledger
        .scan(space, &KeyRange::all(), most, Direction::Forwards)
        .expect("it can be read");
    let writes: Vec<_> = found
        .into_iter()
        .map(|(key, _)| Write {
            space,
            key,
            value: Some(value.to_vec()),
        })
        .collect();
    let count = writes.len();
    commit(&ledger, writes).await;
    committer.close().await;
    count
}

async fn open(data: &Path, context: &str) -> (Arc<Committer>, Arc<Ledger>) {
    let data = data.to_owned();
    let opening =
        tokio::task::spawn_blocking(move || SledStore::open(&data, CACHE).expect("it is closed"));
    let store = Arc::new(opening.await.expect("it does not panic"));
    let committer = Committer::start(store, Options::default()).expect("it starts");
    let ledger = committer
        .open(context, Durability::Flush)
        .expect("the context is there");
    (committer, ledger)
}

async fn commit(ledger: &Ledger, writes: Vec<Write>) {
    let unit = Unit {
        began: ledger.applied(),
        reads: ReadSet::default(),
        header: Header {
            invocation: "test".into(),
            cause: Cause::Host {
                purpose: "a test".to_owned(),
            },
            ending: Ending::Committed,
            attempt: 1,
            correlation_id: None,
            causation_id: None,
            version: None,
            time: 1,
            status: None,
            by: None,
        },
        writes,
        events: Vec::new(),
    };
    ledger.commit(unit).await.expect("it commits");
}
