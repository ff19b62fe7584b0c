//! What does not depend on the order in which invocations run: the numbers that they draw, and which of their runs ended.

use std::collections::BTreeMap;

/// Kept apart from the state: nothing puts a number back, and comparisons have it in common.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Which run an invocation begins with, by its key.
    pub(super) runs: BTreeMap<String, u32>,
    last: BTreeMap<(String, String), u64>,
    drawn: BTreeMap<(String, String), Vec<u64>>,
}

impl Memory {
    /// The number that a run draws of a context's sequence at this place.
    pub(super) fn draw(&mut self, context: &str, run: &str, sequence: &str, place: usize) -> u64 {
        let drawn = self.drawn.entry((run.into(), sequence.into())).or_default();
        if let Some(number) = drawn.get(place) {
            return *number;
        }
        let last = self
            .last
            .entry((context.into(), sequence.into()))
            .or_default();
        *last += 1;
        drawn.push(*last);
        *last
    }

    /// A number that is drawn by no invocation.
    pub(super) fn next(&mut self, context: &str, sequence: &str) -> u64 {
        let last = self
            .last
            .entry((context.into(), sequence.into()))
            .or_default();
        *last += 1;
        *last
    }
}
