//! Histograms of durations, with a trace to look at for each of their buckets.

use std::array;
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use metrics::{Histogram, HistogramFn};
use parking_lot::Mutex;

use crate::core::TraceContext;
use crate::observe::telemetry;

/// The seconds that durations are counted by: from what an invocation costs to what a deadline allows.
pub const BOUNDS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];
/// A bucket for each bound, and one for what takes longer.
const BUCKETS: usize = BOUNDS.len() + 1;

thread_local! {
    /// Where what is recorded right now has happened. The facade takes a value only.
    static PLACE: Cell<Option<Place>> = const { Cell::new(None) };
}

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The trace's id.
    pub trace: [u8; 16],
    /// The span's id.
    pub span: [u8; 8],
}

/// A value that was recorded, and where it came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    /// Where it happened.
    pub place: Place,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// When it was recorded.
    pub time: SystemTime,
}

/// Records how long something took that has a place in a trace: where that is exported, it is an exemplar.
pub fn record(histogram: &Histogram, took: Duration, trace: &TraceContext) {
    if !(telemetry::is_on() && trace.sampled()) {
        return histogram.record(took);
    }
    let place = Place {
        trace: trace.trace_id_bytes(),
        span: trace.span_id_bytes(),
    };
    record_at(histogram, took, place);
}

fn record_at(histogram: &Histogram, took: Duration, place: Place) {
    PLACE.set(Some(place));
    histogram.record(took);
    PLACE.set(None);
}

/// Counts durations by how long they were.
#[derive(Default)]
pub(super) struct DurationHistogram {
    buckets: [AtomicU64; BUCKETS],
    nanoseconds: AtomicU64,
    /// The newest of each bucket; made when there is a first one.
    exemplars: OnceLock<Box<[Mutex<Option<Exemplar>>; BUCKETS]>>,
}

/// What a histogram has counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// How many took as long as each bound, or less, and longer than the bound before; last those that took longer than all.
    pub buckets: [u64; BUCKETS],
    /// How long all of them took, in seconds.
    pub sum: f64,
    /// The newest of each bucket, where one is known.
    pub exemplars: [Option<Exemplar>; BUCKETS],
}

impl Counted {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl DurationHistogram {
    pub(super) fn counted(&self) -> Counted {
        let exemplars = self.exemplars.get();
        Counted {
            buckets: array::from_fn(|bucket| self.buckets[bucket].load(Relaxed)),
            sum: self.nanoseconds.load(Relaxed) as f64 / 1e9,
            exemplars: array::from_fn(|bucket| *exemplars?[bucket].lock()),
        }
    }
}

impl HistogramFn for DurationHistogram {
    fn record(&self, seconds: f64) {
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].fetch_add(1, Relaxed);
        // What is below 0, or no number, adds nothing.
        self.nanoseconds.fetch_add((seconds * 1e9) as u64, Relaxed);
        let Some(place) = PLACE.get() else { return };
        let exemplars = self.exemplars.get_or_init(Box::default);
        // One of two that come at once will do.
        if let Some(mut newest) = exemplars[bucket].try_lock() {
            *newest = Some(Exemplar {
                place,
                seconds,
                time: SystemTime::now(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_bucket_of_its_bound() {
        let counting = Arc::new(DurationHistogram::default());
        let histogram = Histogram::from_arc(counting.clone());
        for milliseconds in [1, 2, 10_000, 20_000] {
            histogram.record(Duration::from_millis(milliseconds));
        }
        let counted = counting.counted();
        let filled: Vec<_> = (0..BUCKETS)
            .filter(|bucket| counted.buckets[*bucket] > 0)
            .collect();
        assert_eq!(filled, [4, 5, 16, 17]);
        assert_eq!((counted.count(), counted.sum), (4, 30.003));
        assert_eq!(counted.exemplars, [None; BUCKETS]);
    }

    #[test]
    fn the_newest_of_a_bucket_that_has_a_place_is_its_exemplar() {
        let counting = Arc::new(DurationHistogram::default());
        let histogram = Histogram::from_arc(counting.clone());
        let place = |id| Place {
            trace: [id; 16],
            span: [id; 8],
        };
        record_at(&histogram, Duration::from_millis(3), place(1));
        record_at(&histogram, Duration::from_millis(4), place(2));
        histogram.record(Duration::from_millis(5));
        let found = counting
            .counted()
            .exemplars
            .map(|found| found.map(|found| found.place));
        assert_eq!(found[6], Some(place(2)));
        assert_eq!(found.iter().flatten().count(), 1);
    }
}
