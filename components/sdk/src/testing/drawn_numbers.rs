//! What does not depend on the order in which invocations run: the numbers that they draw, and which of their runs ended.

use std::collections::BTreeMap;

/// Kept apart from the state: nothing puts a number back, and comparisons have it in common.
#[derive(Clone, Debug, Default)]
pub(super) struct DrawnNumbers {
    /// Which run an invocation begins with, by its key.
    pub(super) runs: BTreeMap<String, u32>,
    /// By the context and the sequence.
    last: BTreeMap<(String, String), u64>,
    /// By the context, the run and the sequence.
    drawn: BTreeMap<(String, String, String), Vec<u64>>,
}

impl DrawnNumbers {
    /// The number that a run draws of a context's sequence at this place.
    pub(super) fn draw(&mut self, context: &str, run: &str, sequence: &str, place: usize) -> u64 {
        let key = (context.into(), run.into(), sequence.into());
        let drawn = self.drawn.entry(key).or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_draws_the_same_again_and_each_context_has_its_own() {
        let mut numbers = DrawnNumbers::default();
        assert_eq!(numbers.draw("room", "test 1 run 1", "ids", 0), 1);
        assert_eq!(numbers.draw("room", "test 2 run 1", "ids", 0), 2);
        assert_eq!(numbers.draw("room", "test 2 run 1", "ids", 0), 2, "again");
        assert_eq!(numbers.draw("payment", "test 2 run 1", "ids", 0), 1);
        assert_eq!(numbers.next("room", "ids"), 3);
    }
}
