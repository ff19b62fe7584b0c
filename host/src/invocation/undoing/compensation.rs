//! Compensations: calls that are to be undone, where they are kept, and who is at which.

use std::collections::HashSet;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::pauses::UndoPauses;
use super::unreadable::UnreadableUndos;
use crate::core::{InvocationId, RunId};
use crate::invocation::context::Context;
use crate::invocation::failure::Failure;
use crate::invocation::record::Compensation;
use crate::journal::{self, KeyRange, Ledger, PagesAroundDamage, Space};

/// How many compensations are read at a time.
const BATCH: usize = 256;
/// What a context has to undo.
#[derive(Default)]
pub struct Compensations {
    pub(super) new: Notify,
    claimed: Mutex<HashSet<Vec<u8>>>,
    pub(super) pauses: UndoPauses,
    pub(super) unreadable: UnreadableUndos,
}

impl Compensations {
    /// Says that there is something new.
    pub fn wake(&self) {
        self.new.notify_one();
    }

    /// Has one tried at once that waits because it could not be reached.
    pub(super) fn hurry(&self, key: &[u8], compensation: &Compensation) {
        self.pauses.end(&compensation.callee, run_of(key));
        self.wake();
    }

    pub(super) fn claim(&self, key: &[u8]) -> Option<Claim<'_>> {
        let claimed = self.claimed.lock().insert(key.to_vec());
        claimed.then(|| Claim {
            compensations: self,
            key: key.to_vec(),
        })
    }
}

/// One compensation, claimed by one task.
pub(super) struct Claim<'a> {
    compensations: &'a Compensations,
    key: Vec<u8>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.compensations.claimed.lock().remove(&self.key);
    }
}

/// Where the compensation of the call at a place of a run is kept: what was called last comes first, and is undone first.
pub(super) fn key(run: &RunId, place: usize) -> String {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    format!("{run}:{:010}", u32::MAX - place)
}

/// The run whose calls a compensation is of: its key without its order.
pub(super) fn run_of(key: &[u8]) -> &[u8] {
    let end = key.iter().rposition(|byte| *byte == b':');
    end.and_then(|end| key.get(..end)).unwrap_or(key)
}

/// The invocation whose calls a compensation is of.
pub(super) fn caller_of(key: &[u8]) -> InvocationId {
    RunId::from(&*String::from_utf8_lossy(run_of(key))).invocation()
}

/// Whether anything that a run has called is still to be undone.
pub(in crate::invocation) fn is_owed(ledger: &Ledger, run: &RunId) -> Result<bool, journal::Error> {
    let range = KeyRange::prefix(format!("{run}:"));
    // Also where what is owed cannot be read.
    let found = ledger
        .journal()
        .count_within(Space::Compensation, &range, 1)?;
    Ok(found.keys > 0)
}

/// How many calls are still to be undone.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn pending(context: &Context) -> Result<u64, Failure> {
    Ok(context
        .ledger
        .count(Space::Compensation, &KeyRange::all())?)
}

/// The compensations in a range, a page at a time.
pub(super) fn pages(ledger: &Ledger, range: KeyRange) -> PagesAroundDamage<'_> {
    let pages = ledger.pages(Space::Compensation, range, BATCH);
    pages.around_damage()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_called_last_is_undone_first() {
        let keys = [
            key(&"r".into(), 10),
            key(&"r".into(), 9),
            key(&"r".into(), 0),
        ];
        assert!(keys.is_sorted());
    }

    #[test]
    fn compensations_of_one_run_belong_together() {
        let keys = [
            key(&"undo:r+0.a".into(), 0),
            key(&"undo:r+0.a".into(), 1_000_000),
            key(&"undo:r+0.a~1".into(), 0),
            key(&"undo:r".into(), 0),
        ];
        let runs = keys.each_ref().map(|key| run_of(key.as_bytes()));
        let expected = ["undo:r+0.a", "undo:r+0.a", "undo:r+0.a~1", "undo:r"];
        assert_eq!(runs, expected.map(str::as_bytes));
    }
}
