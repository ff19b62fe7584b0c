//! What is copied in a migration is read and committed in steps, since there may be any amount of it, and a commit has its bounds.

use std::sync::Arc;
use std::time::Duration;

use crate::journal::{
    self, Bounds, CommitError, Direction, Durability, KeyRange, Ledger, Space, Unit, Write,
};

/// How much is read, or committed, at a time while a generation is filled.
pub(super) const STEP: Bounds = Bounds {
    entries: 256,
    bytes: 1 << 20,
};

/// Commits writes that nobody depends on until another commit says so: in steps, and without waiting for the disk.
pub(super) async fn commit_in_steps(
    ledger: &Ledger,
    purpose: &str,
    writes: Vec<Write>,
) -> Result<(), CommitError> {
    for writes in steps(writes) {
        loop {
            let unit = Unit::bookkeeping(purpose, ledger.applied(), writes.clone());
            match ledger.commit_as(unit, Durability::Relaxed).await {
                Err(CommitError::Busy) => tokio::time::sleep(Duration::from_millis(5)).await,
                committed => break committed.map(|_| ())?,
            }
        }
    }
    Ok(())
}

/// Writes in the portions that are committed at a time; only one that is larger by itself makes a portion larger than others.
fn steps(writes: Vec<Write>) -> Vec<Vec<Write>> {
    let mut steps = Vec::<Vec<Write>>::new();
    let mut bytes = 0;
    for write in writes {
        let size = write.size();
        match steps.last_mut() {
            Some(step) if step.len() < STEP.entries && bytes + size <= STEP.bytes => {
                bytes += size;
                step.push(write);
            }
            _ => {
                bytes = size;
                steps.push(vec![write]);
            }
        }
    }
    steps
}

/// A part of a space, read in steps while others write.
pub(super) async fn read_step(
    ledger: &Arc<Ledger>,
    space: Space,
    range: &KeyRange,
) -> Result<Vec<journal::Entry>, journal::Error> {
    let (ledger, range) = (ledger.clone(), range.clone());
    let reading = tokio::task::spawn_blocking(move || {
        ledger.scan_within(space, &range, STEP, Direction::Forwards)
    });
    // Only a runtime that shuts down gives no answer.
    reading.await.unwrap_or(Err(journal::Error::Closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: usize = 300_000;

    fn letter(number: usize, value: Option<Vec<u8>>) -> Write {
        Write {
            space: Space::DeadLetter,
            key: format!("{number:05}").into_bytes(),
            value,
        }
    }

    #[test]
    fn steps_are_bounded_and_keep_the_order() {
        let small = (0..600).map(|number| letter(number, None));
        let large = (600..610).map(|number| letter(number, Some(vec![0; LONG])));
        let largest = [letter(610, Some(vec![0; 5 << 20]))];
        let writes: Vec<_> = small.chain(large).chain(largest).collect();
        let steps = steps(writes.clone());
        let lengths: Vec<_> = steps.iter().map(Vec::len).collect();
        assert_eq!(lengths, [256, 256, 91, 3, 3, 1, 1]);
        assert_eq!(steps.concat(), writes);
    }
}
