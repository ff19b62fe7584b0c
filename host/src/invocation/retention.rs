//! Stored results are kept for a time only: by then nobody repeats what they answer. So are intents that wait for somebody to bring their invocation again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::job::wall_clock;
use super::record::{self, Intent};
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
    let is_old = |key: &[u8], value: &[u8]| Ok(record::read::<Stored>(key, value)?.time < before);
    forget(ledger, Space::Result, start, limit, is_old).await
}

/// Removes the intents of calls and events that began before a time, in the same way: who would bring them again has no stored results to find any more,
/// and is perhaps gone. Those of requests stay until they are finished.
///
/// # Errors
///
/// See [`forget_results`].
pub async fn forget_intents(
    ledger: &Arc<Ledger>,
    start: Vec<u8>,
    before: u64,
    limit: usize,
) -> Result<Option<Vec<u8>>, CommitError> {
    let is_old = |key: &[u8], value: &[u8]| {
        let intent: Intent = record::read(key, value)?;
        Ok(intent.input.is_none() && intent.now < before)
    };
    forget(ledger, Space::Intent, start, limit, is_old).await
}

async fn forget(
    ledger: &Arc<Ledger>,
    space: Space,
    start: Vec<u8>,
    limit: usize,
    is_old: impl Fn(&[u8], &[u8]) -> Result<bool, journal::Error>,
) -> Result<Option<Vec<u8>>, CommitError> {
    let began = ledger.applied();
    let range = KeyRange::new(start, None);
    let scanned = ledger.clone();
    let scanning = tokio::task::spawn_blocking(move || scanned.scan(space, &range, limit, false));
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
        if is_old(&key, &value)? {
            reads.note_key(space, &key);
            writes.push(Write {
                space,
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
    use super::super::record::{StoredCall, StoredInput, StoredParameters, StoredResponse};
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

    fn kept(ledger: &Ledger, space: Space) -> Vec<String> {
        let found = ledger.scan(space, &KeyRange::all(), 100, false);
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
        assert_eq!(kept(&ledger, Space::Result), ["b/0", "key:a", "key:b"]);
        let next = forget_results(&ledger, next.unwrap(), old + 1, 2)
            .await
            .unwrap();
        assert_eq!(kept(&ledger, Space::Result), ["b/0", "key:b"]);
        assert_eq!(
            forget_results(&ledger, next.unwrap(), old + 1, 2).await,
            Ok(None)
        );
    }

    #[tokio::test]
    async fn intents_that_nobody_comes_back_for_are_forgotten() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Flush).unwrap();
        let intent = |key: &str, now, input| {
            let intent = Intent {
                correlation_id: "c".into(),
                causation_id: String::new(),
                now,
                draws: Vec::new(),
                input,
            };
            record::write(Space::Intent, key, &intent).unwrap()
        };
        let input = StoredInput::Call(StoredParameters {
            interface: "a:b/c".into(),
            function: "d".into(),
            parameters: Vec::new(),
            key: "k".into(),
        });
        let writes = vec![
            intent("from outside", 1, Some(input)),
            intent("new", 2, None),
            intent("old", 1, None),
        ];
        keep(&ledger, writes).await;
        assert_eq!(forget_intents(&ledger, Vec::new(), 2, 10).await, Ok(None));
        assert_eq!(kept(&ledger, Space::Intent), ["from outside", "new"]);
    }
}
