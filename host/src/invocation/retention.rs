//! Stored results are kept for a time only: by then nobody repeats what they answer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::job::wall_clock;
use super::record;
use crate::journal::{
    self, Cause, CommitError, Durability, Ending, Header, KeyRange, Ledger, ReadSet, Space, Unit,
    Write,
};

/// What all stored results begin with.
#[derive(Serialize, Deserialize)]
struct Stored {
    time: u64,
}

/// Removes the results stored before a time, among the first `limit` from `start` on. Answers where the next ones are; `None` after the last.
///
/// # Errors
///
/// When the journal cannot be read or written; a conflict means that one of them was stored anew meanwhile, and nothing was removed.
pub async fn forget_results(
    ledger: &Arc<Ledger>,
    start: Vec<u8>,
    before: u64,
    limit: usize,
) -> Result<Option<Vec<u8>>, CommitError> {
    let began = ledger.applied();
    let range = KeyRange::new(start, None);
    let scanned = ledger.clone();
    let scanning =
        tokio::task::spawn_blocking(move || scanned.scan(Space::Result, &range, limit, false));
    // Only a runtime that shuts down gives no answer.
    let found = scanning.await.unwrap_or(Err(journal::Error::Closed))?;
    let next = match found.last() {
        // The shortest key that sorts after the last one.
        Some((last, _)) if found.len() == limit => Some([last.as_slice(), &[0]].concat()),
        _ => None,
    };
    let mut reads = ReadSet::default();
    let mut writes = Vec::new();
    for (key, value) in found {
        let stored: Stored = record::read(&key, &value)?;
        if stored.time < before {
            reads.note_key(Space::Result, &key);
            writes.push(Write {
                space: Space::Result,
                key,
                value: None,
            });
        }
    }
    if !writes.is_empty() {
        let unit = Unit {
            began,
            reads,
            header: header(),
            writes,
            events: Vec::new(),
        };
        ledger.commit_as(unit, Durability::Relaxed).await?;
    }
    Ok(next)
}

fn header() -> Header {
    Header {
        invocation: super::random_id(),
        cause: Cause::Host {
            purpose: "retention".into(),
        },
        ending: Ending::Committed,
        attempt: 1,
        correlation_id: String::new(),
        causation_id: String::new(),
        version: String::new(),
        time: wall_clock(),
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{StoredCall, StoredResponse};
    use super::*;
    use crate::journal::{Committer, MemoryStore, Options};

    fn response(key: &str, time: u64) -> Write {
        let stored = StoredResponse {
            time,
            fingerprint: "f".into(),
            status: 201,
            headers: vec![("location".into(), "/rooms/1".into())],
            body: b"{}".to_vec(),
        };
        record::write(Space::Result, key, &stored).unwrap()
    }

    fn call(key: &str, time: u64) -> Write {
        let stored = StoredCall {
            time,
            interface: "a:b/c".into(),
            function: "d".into(),
            parameters: vec![1],
            answer: vec![2],
        };
        record::write(Space::Result, key, &stored).unwrap()
    }

    async fn keep(ledger: &Ledger, writes: Vec<Write>) {
        let unit = Unit {
            began: ledger.applied(),
            reads: ReadSet::default(),
            header: header(),
            writes,
            events: Vec::new(),
        };
        ledger.commit(unit).await.unwrap();
    }

    fn kept(ledger: &Ledger) -> Vec<String> {
        let found = ledger.scan(Space::Result, &KeyRange::all(), 100, false);
        let key = |(key, _)| String::from_utf8(key).unwrap();
        found.unwrap().into_iter().map(key).collect()
    }

    #[tokio::test]
    async fn what_is_older_is_forgotten_step_by_step() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Flush).unwrap();
        let old = u64::from(u32::MAX);
        let writes = vec![
            call("a/0", old),
            call("b/0", old + 1),
            response("key:a", old - 1),
            response("key:b", old + 1),
        ];
        keep(&ledger, writes).await;
        let next = forget_results(&ledger, Vec::new(), old + 1, 2)
            .await
            .unwrap();
        assert_eq!(kept(&ledger), ["b/0", "key:a", "key:b"]);
        let next = forget_results(&ledger, next.unwrap(), old + 1, 2)
            .await
            .unwrap();
        assert_eq!(kept(&ledger), ["b/0", "key:b"]);
        assert_eq!(
            forget_results(&ledger, next.unwrap(), old + 1, 2).await,
            Ok(None)
        );
    }
}
