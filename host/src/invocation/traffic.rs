//! What has passed between two in the last minute.

use std::time::{Duration, Instant};

use crate::versions::Scorecard;

/// Counts what passes between two.
#[derive(Default)]
pub struct Traffic(Scorecard);

/// What has passed in the last minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LastMinute {
    /// How many came to an end.
    pub count: u64,
    /// How many of them failed, and whoever did them is to blame.
    pub errors: u64,
    /// How many there were in a second.
    pub per_second: f64,
    /// What 99 of 100 did not take longer than.
    pub p99: Duration,
}

impl Traffic {
    /// Something came to an end after so long.
    pub(super) fn note(&self, took: Duration, failed: bool) {
        self.0.note(Instant::now(), took, failed);
    }

    /// What has passed in the last minute.
    pub fn last_minute(&self) -> LastMinute {
        let (tally, span) = self.0.lately(Instant::now());
        LastMinute {
            count: tally.count,
            errors: tally.errors,
            per_second: tally.count as f64 / span.as_secs_f64().max(1.0),
            p99: tally.p99(),
        }
    }
}
