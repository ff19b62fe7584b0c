//! What a generation takes along from the one before it: how far its followers have come, and what they have given up on.
//!
//! There may be any number of dead letters, each with its event, and a commit has its bounds. So they are copied while the former generation serves, those that
//! change meanwhile once more, and what commits the exchange checks that none has changed since.

use std::sync::Arc;

use super::steps::{STEP, commit_in_steps, read_step};
use crate::events::{CursorKey, dead_letter};
use crate::journal::{
    self, Capture, CommitError, Direction, KeyRange, Ledger, ReadSet, Space, Write,
};

/// The dead letters of a generation, as they are carried over to another one.
pub(super) struct DeadLetters {
    ledger: Arc<Ledger>,
    capture: Arc<Capture>,
    from: KeyRange,
    to: KeyRange,
}

impl DeadLetters {
    /// From now on it is known which of them change.
    pub(super) fn begin(ledger: &Arc<Ledger>, former: u32, generation: u32) -> Self {
        Self {
            ledger: ledger.clone(),
            capture: ledger.capture(Space::DeadLetter),
            from: dead_letter::of_generation(former),
            to: dead_letter::of_generation(generation),
        }
    }

    /// Carries over all there are.
    pub(super) async fn copy(&self) -> Result<(), CommitError> {
        // What was given its place before the capture began is visible then.
        self.ledger.barrier().await?;
        let mut range = self.from.clone();
        loop {
            let letters = read_step(&self.ledger, Space::DeadLetter, &range).await?;
            let Some((last, _)) = letters.last() else {
                return Ok(());
            };
            range.start_after(last);
            let writes = letters.into_iter();
            let writes = writes.map(|(key, value)| self.write(&key, Some(value)));
            self.commit(writes.collect()).await?;
        }
    }

    /// Carries over what has changed since it was last asked for; answers how many that were.
    pub(super) async fn catch_up(&self) -> Result<usize, CommitError> {
        let mut changed = self.capture.take();
        // The copies are written in the same space.
        changed.retain(|key| self.from.contains(key));
        self.ledger.barrier().await?;
        let mut writes = Vec::new();
        let mut bytes = 0;
        for key in &changed {
            let value = self.ledger.get(Space::DeadLetter, key)?;
            let write = self.write(key, value);
            bytes += write.size();
            writes.push(write);
            if bytes >= STEP.bytes {
                self.commit(std::mem::take(&mut writes)).await?;
                bytes = 0;
            }
        }
        self.commit(writes).await?;
        Ok(changed.len())
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        commit_in_steps(&self.ledger, "dead-letter", writes).await
    }

    fn write(&self, key: &[u8], value: Option<Vec<u8>>) -> Write {
        Write {
            space: Space::DeadLetter,
            key: moved(key, &self.from, &self.to),
            value,
        }
    }
}

/// The writes that carry over how far a generation's followers have come, to be committed with the exchange. `reads` learns what it depends on: on that, and
/// on the dead letters being those that were carried over.
pub(super) fn carry_over(
    ledger: &Ledger,
    former: u32,
    generation: u32,
    reads: &mut ReadSet,
) -> Result<Vec<Write>, journal::Error> {
    let from = CursorKey::of_generation(former);
    let to = CursorKey::of_generation(generation);
    reads.note_range(Space::Cursor, &from);
    reads.note_range(Space::DeadLetter, &dead_letter::of_generation(former));
    let cursors = ledger.scan(Space::Cursor, &from, usize::MAX, Direction::Forwards)?;
    let write = |(key, value): journal::Entry| Write {
        space: Space::Cursor,
        key: moved(&key, &from, &to),
        value: Some(value),
    };
    Ok(cursors.into_iter().map(write).collect())
}

/// A key in another generation. Keys begin with the generation, which takes as many bytes in each.
fn moved(key: &[u8], from: &KeyRange, to: &KeyRange) -> Vec<u8> {
    let rest = key.get(from.start.len()..).unwrap_or_default();
    [to.start.as_slice(), rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Committer, Durability, Entry, MemoryStore, Options, Unit};

    const LONG: usize = 300_000;

    fn letter(generation: u32, number: usize, value: Option<Vec<u8>>) -> Write {
        Write {
            space: Space::DeadLetter,
            key: format!("{generation:010}/room/003/{number:05}").into_bytes(),
            value,
        }
    }

    /// The dead letters of a generation, by what their keys are in each.
    fn letters(ledger: &Ledger, generation: u32) -> Vec<Entry> {
        let range = dead_letter::of_generation(generation);
        let found = ledger.scan(Space::DeadLetter, &range, usize::MAX, Direction::Forwards);
        let rest = |(key, value): Entry| (key[range.start.len()..].to_vec(), value);
        found.unwrap().into_iter().map(rest).collect()
    }

    #[tokio::test]
    async fn dead_letters_are_carried_over_in_bounded_commits() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Flush).unwrap();
        let change = async |writes| commit_in_steps(&ledger, "test", writes).await.unwrap();
        // More than one commit can hold, and more small ones than one step has.
        let long = (0..60).map(|number| letter(1, number, Some(vec![number as u8; LONG])));
        change(long.collect()).await;
        let short = (60..700).map(|number| letter(1, number, Some(vec![1])));
        change(short.collect()).await;
        change(vec![letter(3, 0, Some(vec![3]))]).await;
        let carrying = DeadLetters::begin(&ledger, 1, 2);
        carrying.copy().await.unwrap();
        assert_eq!(letters(&ledger, 2).len(), 700);
        assert_eq!(letters(&ledger, 2), letters(&ledger, 1));
        let changes = (0..50).map(|number| letter(1, number, Some(vec![2; LONG])));
        change(changes.collect()).await;
        change(vec![letter(1, 60, None), letter(1, 701, Some(vec![2]))]).await;
        assert_eq!(carrying.catch_up().await, Ok(52));
        assert_eq!(carrying.catch_up().await, Ok(0));
        assert_eq!(letters(&ledger, 2).len(), 700);
        assert_eq!(letters(&ledger, 2), letters(&ledger, 1));
        // What is committed with the exchange has none of them in it, and fails when one has changed.
        let mut reads = ReadSet::default();
        let began = ledger.applied();
        let writes = carry_over(&ledger, 1, 2, &mut reads).unwrap();
        assert!(writes.is_empty());
        change(vec![letter(1, 60, Some(vec![9]))]).await;
        let exchange = Unit {
            reads,
            ..Unit::bookkeeping("test", began, writes)
        };
        let exchanged = ledger.commit(exchange).await;
        assert!(
            matches!(exchanged, Err(CommitError::Conflict { .. })),
            "{exchanged:?}"
        );
    }
}
