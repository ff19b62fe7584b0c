//! Orphans: calls that were committed elsewhere for an invocation that did not commit, or that went another way in the end.
//!
//! Nothing is remembered for this: a call's stored result carries the id of its caller, so the journals themselves know.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::compensation;
use super::failure::Failure;
use super::identifier;
use super::job::{Job, wall_clock};
use super::record::{self, Compensation, StoredCall};
use super::runs;
use crate::journal::{self, CommitError, Ending, Header, KeyRange, Ledger, Space, Unit, Write};

/// How many calls are read at a time.
const BATCH: usize = 1_000;
/// How long the caller of a failed invocation waits to find everything undone already.
const COURTESY: Duration = Duration::from_secs(1);
/// The pause before a full committer is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// The writes that put on record to be undone whatever was called for this invocation, except what `kept` names and what belongs to that.
pub(super) async fn writes(job: &Arc<Job>, kept: &BTreeSet<String>) -> Result<Vec<Write>, Failure> {
    if !job.host.safeguards.compensation {
        return Ok(Vec::new());
    }
    let run = job.run();
    let mut found = Vec::new();
    for context in job.host.contexts.values() {
        // What was handed to the committer for a caller that is gone may be committed yet: wait until it is decided.
        context
            .ledger
            .barrier()
            .await
            .map_err(|error| Failure::of_commit(&context.name, error))?;
        for (id, stored) in calls_below(&context.ledger, &run)? {
            found.push((id, context.name.clone(), stored));
        }
    }
    let committed: BTreeSet<&str> = found.iter().map(|(id, ..)| id.as_str()).collect();
    let mut orphans: Vec<_> = found
        .iter()
        .filter(|(id, ..)| is_orphan(id, &run, kept, &committed))
        .collect();
    // Undone in the reverse of the order in which they were done.
    orphans.sort_by_cached_key(|(id, _, stored)| Reverse((stored.time, identifier::places(id))));
    let time = wall_clock();
    let compensation = |(order, (id, context, stored)): (usize, &(String, String, StoredCall))| {
        let key = compensation::key(&run, order);
        let compensation = Compensation {
            time,
            call: id.clone(),
            context: context.clone(),
            interface: stored.interface.clone(),
            function: stored.function.clone(),
            parameters: stored.parameters.clone(),
            correlation_id: job.correlation_id.clone(),
            causation_id: job.id.clone(),
        };
        Ok(record::write(Space::Compensation, &key, &compensation)?)
    };
    orphans.into_iter().enumerate().map(compensation).collect()
}

/// The calls that a context has committed below a run, with their ids.
fn calls_below(ledger: &Ledger, run: &str) -> Result<Vec<(String, StoredCall)>, journal::Error> {
    let mut calls = Vec::new();
    let mut range = KeyRange::prefix(format!("{run}/"));
    loop {
        let batch = ledger.scan(Space::Result, &range, BATCH, false)?;
        let Some((last, _)) = batch.last() else {
            return Ok(calls);
        };
        // The shortest key that sorts after the last one.
        range.start = [last.as_slice(), &[0]].concat();
        for (key, value) in batch {
            let stored = record::read(&key, &value)?;
            calls.push((String::from_utf8_lossy(&key).into_owned(), stored));
        }
    }
}

/// A call made by the run itself is an orphan unless it was kept; one made further down is an orphan when its own caller did not commit:
/// a committed caller answers for its calls by its own compensation, and has put on record itself what its abandoned runs called.
fn is_orphan(id: &str, run: &str, kept: &BTreeSet<String>, committed: &BTreeSet<&str>) -> bool {
    match id.rsplit_once('/') {
        Some((caller, _)) if caller == run => !kept.contains(id),
        Some((caller, _)) => !committed.contains(identifier::without_run(caller)),
        None => false,
    }
}

/// Ends an invocation that does not commit: one commit takes its intent away, holds what is to be undone, and whatever else the caller adds.
/// Nothing is committed when there is nothing of the kind.
pub(super) async fn abandon(
    job: &Arc<Job>,
    reason: &str,
    additions: Vec<Write>,
) -> Result<Option<u64>, Failure> {
    let mut found = Vec::new();
    if job.continuity.may_have_called() {
        found = writes(job, &BTreeSet::new()).await?;
    }
    let undo = found
        .iter()
        .map(|write| write.key.clone())
        .collect::<Vec<_>>();
    if !undo.is_empty() {
        found.extend(runs::one_more(job)?);
    }
    found.extend(additions);
    if job.continuity.has_intent() {
        found.push(record::removal(Space::Intent, &job.id));
    }
    if found.is_empty() {
        return Ok(None);
    }
    let position = commit(job, reason, found).await?;
    if !undo.is_empty() {
        job.context.compensations.wake();
        let undoing = Box::pin(compensation::undo_now(&job.host, &job.context, &undo));
        // The compensator goes on with whatever is left then.
        let _ = tokio::time::timeout(COURTESY, undoing).await;
    }
    Ok(Some(position))
}

async fn commit(job: &Job, reason: &str, writes: Vec<Write>) -> Result<u64, Failure> {
    loop {
        let unit = Unit {
            began: job.context.ledger.applied(),
            reads: job.reads.clone(),
            header: Header {
                invocation: job.id.clone(),
                cause: job.cause.clone(),
                ending: Ending::Abandoned {
                    reason: reason.to_owned(),
                },
                attempt: job.first_attempt,
                correlation_id: job.correlation_id.clone(),
                causation_id: job.causation_id.clone(),
                version: job
                    .context
                    .version()
                    .map(|version| version.digest.clone())
                    .unwrap_or_default(),
                time: wall_clock(),
                status: None,
            },
            writes: writes.clone(),
            events: Vec::new(),
        };
        match job.context.ledger.commit(unit).await {
            Ok(position) => return Ok(position),
            // It must not be lost: whoever fails here waits, with others, for the disk.
            Err(CommitError::Busy) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(Failure::of_commit(&job.context.name, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Cause, Committer, Durability, MemoryStore, Options, ReadSet};

    #[test]
    fn orphans_are_what_no_commit_answers_for() {
        let committed = BTreeSet::from(["r/0.a", "r/1.b", "r/1.b/0.c", "r/2.d/0.e", "undo"]);
        let kept = BTreeSet::from(["r/0.a".to_owned()]);
        let orphan = |id: &str| is_orphan(id, "r", &kept, &committed);
        assert!(!orphan("r/0.a"), "the commit holds its result");
        assert!(orphan("r/1.b"), "an earlier attempt made it");
        assert!(
            !orphan("r/1.b/0.c"),
            "undone by the compensation of its caller"
        );
        assert!(orphan("r/2.d/0.e"), "its caller did not commit");
    }

    #[test]
    fn an_abandoned_run_is_answered_for_by_its_invocation() {
        let kept = BTreeSet::new();
        let calls = ["r/0.a", "r/0.a/0.b", "r/0.a~1/0.b", "r/1.c~1/0.d"];
        let committed = BTreeSet::from(calls);
        let orphan = |id: &str, run: &str| is_orphan(id, run, &kept, &committed);
        assert!(!orphan("r/0.a~1/0.b", "r"), "its caller committed");
        assert!(!orphan("r/0.a/0.b", "r"), "its caller has put it on record");
        assert!(orphan("r/1.c~1/0.d", "r"), "its caller did not commit");
        assert!(orphan("r/0.a~1/0.b", "r/0.a~1"), "made by the run itself");
    }

    #[tokio::test]
    async fn calls_are_found_however_many_there_are() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Flush).unwrap();
        let stored = StoredCall {
            time: 1,
            interface: "a:b/c".into(),
            function: "d".into(),
            parameters: Vec::new(),
            answer: Vec::new(),
        };
        let count = BATCH * 2 + 1;
        let mut keys: Vec<_> = (0..count).map(|place| format!("r~1/{place}.a")).collect();
        // Other runs, and other invocations.
        keys.extend(["r/0.a", "r~10/0.a", "r~1", "r~2/0.a"].map(str::to_owned));
        let write = |key: &String| record::write(Space::Result, key, &stored).unwrap();
        let unit = Unit {
            began: ledger.applied(),
            reads: ReadSet::default(),
            header: Header {
                invocation: "r".into(),
                cause: Cause::Host {
                    purpose: "test".into(),
                },
                ending: Ending::Committed,
                attempt: 1,
                correlation_id: String::new(),
                causation_id: String::new(),
                version: String::new(),
                time: 1,
                status: None,
            },
            writes: keys.iter().map(write).collect(),
            events: Vec::new(),
        };
        ledger.commit(unit).await.unwrap();
        assert_eq!(calls_below(&ledger, "r~1").unwrap().len(), count);
    }
}
