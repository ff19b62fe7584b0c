//! Committing what depends on what is there, until it does.

use super::{CommitError, Durability, Error, Ledger, Unit};

/// What is to be done about what is there.
pub(crate) enum Proposal<T> {
    /// This is to be committed.
    Commit(Unit, T),
    /// There is nothing to do.
    Nothing(T),
}

impl Ledger {
    /// Commits what `propose` makes of the journal as it is from a position on, and gives what comes with it. It is asked again for as long as somebody else changes what
    /// it has read before that is committed.
    pub(crate) async fn commit_proposed<T>(
        &self,
        durability: Option<Durability>,
        mut propose: impl FnMut(u64) -> Result<Proposal<T>, Error>,
    ) -> Result<T, CommitError> {
        loop {
            let (unit, made) = match propose(self.applied())? {
                Proposal::Commit(unit, made) => (unit, made),
                Proposal::Nothing(made) => return Ok(made),
            };
            match self.commit_within(unit, durability, None).await {
                Ok(_) => return Ok(made),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Committer, MemoryStore, Options, ReadSet, Space, Write};
    use super::*;

    const KEY: &[u8] = b"count";

    fn count(ledger: &Ledger) -> u8 {
        let found = ledger.get(Space::Meta, KEY).unwrap();
        found.and_then(|value| value.first().copied()).unwrap_or(0)
    }

    async fn add_one(ledger: &Ledger, most: u8) -> Option<u8> {
        let added = ledger.commit_proposed(Some(Durability::Flush), |began| {
            let mut reads = ReadSet::default();
            reads.note_key(Space::Meta, KEY);
            let next = count(ledger) + 1;
            let write = Write {
                space: Space::Meta,
                key: KEY.to_vec(),
                value: Some(vec![next]),
            };
            let unit = Unit {
                reads,
                ..Unit::bookkeeping("test", began, vec![write])
            };
            Ok(match next <= most {
                true => Proposal::Commit(unit, Some(next)),
                false => Proposal::Nothing(None),
            })
        });
        added.await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn none_of_many_who_change_the_same_is_lost() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Relaxed).unwrap();
        let adding = (0..50).map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move { add_one(&ledger, 50).await })
        });
        let mut added = Vec::new();
        for adding in adding.collect::<Vec<_>>() {
            added.extend(adding.await.unwrap());
        }
        added.sort_unstable();
        assert!(added.into_iter().eq(1..=50));
        assert_eq!(add_one(&ledger, 50).await, None, "there is nothing to do");
        assert_eq!(count(&ledger), 50);
    }
}
