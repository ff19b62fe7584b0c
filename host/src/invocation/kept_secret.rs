//! The secret that ids of guests follow from, in the host's own journal: there it is in each backup, and goes wherever the invocations go that are still to be run again.

use crate::core::IdSecret;
use crate::journal::{CommitError, Durability, Ledger, Proposal, ReadSet, Space, Unit};

use super::record;

const KEY: &str = "id-secret";

/// The secret that a journal keeps, made when it keeps none.
pub(crate) async fn kept_secret(ledger: &Ledger) -> Result<IdSecret, CommitError> {
    let kept = ledger.commit_proposed(Some(Durability::Flush), |began| {
        let found: Option<[u8; IdSecret::LENGTH]> = record::find(ledger, Space::Meta, KEY)?;
        if let Some(bytes) = found {
            return Ok(Proposal::Nothing(IdSecret::new(&bytes)));
        }
        let made: [u8; IdSecret::LENGTH] = rand::random();
        let mut reads = ReadSet::default();
        reads.note_key(Space::Meta, KEY.as_bytes());
        let unit = Unit {
            reads,
            ..Unit::bookkeeping(
                "id-secret",
                began,
                vec![record::write(Space::Meta, KEY, &made)?],
            )
        };
        Ok(Proposal::Commit(unit, IdSecret::new(&made)))
    });
    kept.await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::InvocationId;
    use crate::journal::{Committer, MemoryStore, Options};

    #[tokio::test]
    async fn it_is_made_once_for_each_journal() {
        let store = Arc::new(MemoryStore::new());
        let committer = Committer::start(store, Options::default()).unwrap();
        let (one, other) = (
            committer.open("one", Durability::Flush).unwrap(),
            committer.open("other", Durability::Flush).unwrap(),
        );
        let run = InvocationId::from("r").run(0);
        let first = run.new_id(&kept_secret(&one).await.unwrap(), 1);
        assert_eq!(run.new_id(&kept_secret(&one).await.unwrap(), 1), first);
        assert_ne!(run.new_id(&kept_secret(&other).await.unwrap(), 1), first);
        committer.close().await;
    }
}
