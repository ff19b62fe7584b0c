//! The journal of a host that is closed, for tests of what a host makes of what it finds there.

use std::path::Path;
use std::sync::Arc;

use innkeeper::journal::{
    Cause, Committer, Durability, Ending, Header, KeyRange, Options, ReadSet, SledStore, Space,
    Unit, Write,
};

/// What the engine may keep in memory.
const CACHE: u64 = 8 << 20;

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
    let data = data.to_owned();
    let opening =
        tokio::task::spawn_blocking(move || SledStore::open(&data, CACHE).expect("it is closed"));
    let store = Arc::new(opening.await.expect("it does not panic"));
    let committer = Committer::start(store, Options::default()).expect("it starts");
    let ledger = committer
        .open(context, Durability::Flush)
        .expect("the context is there");
    let found = ledger
        .scan(space, &KeyRange::all(), most, false)
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
    committer.close().await;
    count
}
