//! Orphans: calls that were committed elsewhere for an invocation that did not commit, or that went another way in the end.
//!
//! Nothing is remembered for this: a call's stored result carries the id of its caller, so the journals themselves know.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::compensation;
use super::failure::Failure;
use super::job::{Job, wall_clock};
use super::record::{self, Compensation, StoredCall};
use crate::journal::{CommitError, Ending, Header, KeyRange, Space, Unit, Write};

/// The most calls below one invocation that are looked at.
const MOST_CALLS: usize = 10_000;
/// How long the caller of a failed invocation waits to find everything undone already.
const COURTESY: Duration = Duration::from_secs(1);
/// The pause before a full committer is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// The writes that put on record to be undone whatever was called for this invocation, except what `kept` names and what belongs to that.
pub(super) async fn writes(job: &Arc<Job>, kept: &BTreeSet<String>) -> Result<Vec<Write>, Failure> {
    if !job.host.safeguards.compensation {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for context in job.host.contexts.values() {
        // What was handed to the committer for a caller that is gone may be committed yet: wait until it is decided.
        context
            .ledger
            .barrier()
            .await
            .map_err(|error| Failure::of_commit(&context.name, error))?;
        let range = KeyRange::prefix(format!("{}/", job.id));
        for (key, value) in context
            .ledger
            .scan(Space::Result, &range, MOST_CALLS, false)?
        {
            let stored: StoredCall = record::read(&key, &value)?;
            found.push((
                String::from_utf8_lossy(&key).into_owned(),
                context.name.clone(),
                stored,
            ));
        }
    }
    let committed: BTreeSet<&str> = found.iter().map(|(id, ..)| id.as_str()).collect();
    let mut orphans: Vec<_> = found
        .iter()
        .filter(|(id, ..)| is_orphan(id, &job.id, kept, &committed))
        .collect();
    // Undone in the reverse of the order in which they were done.
    orphans.sort_by(|(a, _, first), (b, _, second)| (second.time, b).cmp(&(first.time, a)));
    let time = wall_clock();
    let compensation = |(order, (id, context, stored)): (usize, &(String, String, StoredCall))| {
        let key = compensation::key(&job.id, order);
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

/// A call made by the invocation itself is an orphan unless it was kept; one made further down is an orphan when its own caller did not commit:
/// a committed caller answers for its calls by its own compensation.
fn is_orphan(id: &str, root: &str, kept: &BTreeSet<String>, committed: &BTreeSet<&str>) -> bool {
    match id.rsplit_once('/') {
        Some((caller, _)) if caller == root => !kept.contains(id),
        Some((caller, _)) => !committed.contains(caller),
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
}
