//! How a version does: its invocations since it was loaded, and those of the last minute.
//!
//! What happened in any span of time, however long, is the difference between two looks at the first. Nothing is forgotten for that, and both take
//! the same memory for ever.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The last minute is counted in slices of this length.
const SLICE: Duration = Duration::from_secs(5);
/// How many of them make the last minute, with the one that has just begun.
const SLICES: usize = 13;
/// How many steps there are from one power of two to the next: a quantile is true to a fifth.
const STEPS: usize = 4;
/// Latencies from one microsecond to half a minute.
const BUCKETS: usize = 25 * STEPS;

/// The invocations of a version.
pub(crate) struct Scorecard {
    since: Instant,
    counts: Mutex<Counts>,
}

struct Counts {
    total: Tally,
    slices: Box<[Slice]>,
}

#[derive(Clone)]
struct Slice {
    number: u64,
    tally: Tally,
}

/// Invocations counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    /// How many there were.
    pub count: u64,
    /// How many failed, and the version is to blame.
    pub errors: u64,
    latencies: [u64; BUCKETS],
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            count: 0,
            errors: 0,
            latencies: [0; BUCKETS],
        }
    }
}

impl Default for Scorecard {
    fn default() -> Self {
        let empty = Slice {
            number: u64::MAX,
            tally: Tally::default(),
        };
        Self {
            since: Instant::now(),
            counts: Mutex::new(Counts {
                total: Tally::default(),
                slices: vec![empty; SLICES].into_boxed_slice(),
            }),
        }
    }
}

impl Scorecard {
    /// An invocation ended.
    pub(crate) fn note(&self, now: Instant, took: Duration, failed: bool) {
        let number = self.slice(now);
        let mut counts = self.counts.lock();
        counts.total.note(took, failed);
        let Some(slice) = counts.slices.get_mut(number as usize % SLICES) else {
            return;
        };
        if slice.number != number {
            slice.number = number;
            slice.tally = Tally::default();
        }
        slice.tally.note(took, failed);
    }

    /// All invocations that have ended.
    pub(crate) fn total(&self) -> Tally {
        self.counts.lock().total.clone()
    }

    /// Those of the last minute, or a slice more.
    pub(crate) fn last_minute(&self, now: Instant) -> Tally {
        let last = self.slice(now);
        let first = last.saturating_sub(SLICES as u64 - 1);
        let mut sum = Tally::default();
        for slice in &self.counts.lock().slices {
            if (first..=last).contains(&slice.number) {
                sum.add(&slice.tally);
            }
        }
        sum
    }

    /// The same, and how long a time that is.
    pub(crate) fn lately(&self, now: Instant) -> (Tally, Duration) {
        let all = now.saturating_duration_since(self.since);
        let before = SLICE * (SLICES as u32 - 1);
        let begun = Duration::from_nanos((all.as_nanos() % SLICE.as_nanos()) as u64);
        (self.last_minute(now), all.min(before + begun))
    }

    fn slice(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.since).as_secs() / SLICE.as_secs()
    }
}

impl Tally {
    fn note(&mut self, took: Duration, failed: bool) {
        self.count += 1;
        self.errors += u64::from(failed);
        if let Some(bucket) = self.latencies.get_mut(bucket(took)) {
            *bucket += 1;
        }
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        for (bucket, more) in self.latencies.iter_mut().zip(&other.latencies) {
            *bucket += more;
        }
    }

    /// What has come since an earlier look.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        self.count = self.count.saturating_sub(earlier.count);
        self.errors = self.errors.saturating_sub(earlier.errors);
        for (bucket, before) in self.latencies.iter_mut().zip(&earlier.latencies) {
            *bucket = bucket.saturating_sub(*before);
        }
        self
    }

    /// The latency that 99 of 100 invocations do not exceed.
    pub(crate) fn p99(&self) -> Duration {
        let beyond = self.count / 100;
        let mut seen = 0;
        for (index, bucket) in self.latencies.iter().enumerate().rev() {
            seen += bucket;
            if seen > beyond {
                return upper_bound(index);
            }
        }
        Duration::ZERO
    }

    /// How many invocations took longer than a limit; those that may have taken less do not count.
    pub(crate) fn slower_than(&self, limit: Duration) -> u64 {
        let slower = self.latencies.iter().enumerate();
        slower
            .filter(|(index, _)| *index > 0 && upper_bound(index - 1) >= limit)
            .map(|(_, count)| count)
            .sum()
    }
}

/// The bucket of a latency: four for each power of two of microseconds.
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let power = micros.ilog2() as usize;
    // The two bits behind the leading one.
    let step = match power {
        0 => 0,
        1 => (micros as usize & 1) * 2,
        _ => (micros >> (power - 2)) as usize & (STEPS - 1),
    };
    (power * STEPS + step).min(BUCKETS - 1)
}

/// Where the bucket ends.
fn upper_bound(index: usize) -> Duration {
    let (power, step) = (index / STEPS, index % STEPS);
    Duration::from_micros(((STEPS + step + 1) as u64) << power) / STEPS as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn a_latency_lies_in_its_bucket() {
        for micros in (1..2_000).chain([10_000, 123_456, 5_000_000]) {
            let took = Duration::from_micros(micros);
            let index = bucket(took);
            assert!(took < upper_bound(index), "{took:?}");
            assert!(index == 0 || took >= upper_bound(index - 1), "{took:?}");
        }
        assert_eq!(bucket(Duration::from_secs(1_000)), BUCKETS - 1);
    }

    #[test]
    fn a_span_of_any_length_is_whole_and_a_minute_is_a_minute() {
        let card = Scorecard::default();
        let at = |seconds| card.since + Duration::from_secs(seconds);
        let mut looks = Vec::new();
        for second in 0..10_000 {
            looks.push(card.total());
            card.note(at(second), MILLISECOND, second % 2 == 0);
        }
        let whole = card.total().since(&looks[0]);
        assert_eq!((whole.count, whole.errors), (10_000, 5_000));
        let span = card.total().since(&looks[9_000]);
        assert_eq!((span.count, span.errors), (1_000, 500));
        assert_eq!(span.slower_than(Duration::ZERO), 1_000);
        let minute = card.last_minute(at(9_999));
        assert_eq!((minute.count, minute.errors), (65, 32));
        assert_eq!(card.last_minute(at(20_000)).count, 0);
        let (lately, span) = card.lately(at(9_999));
        assert_eq!((lately.count, span), (65, Duration::from_secs(64)));
        assert_eq!(card.lately(at(3)).1, Duration::from_secs(3));
    }

    #[test]
    fn the_slowest_of_a_hundred_are_seen() {
        let mut tally = Tally::default();
        for _ in 0..980 {
            tally.note(MILLISECOND, false);
        }
        assert!(tally.p99() < 2 * MILLISECOND);
        for _ in 0..20 {
            tally.note(50 * MILLISECOND, false);
        }
        assert!(tally.p99() >= 50 * MILLISECOND && tally.p99() < 70 * MILLISECOND);
        assert_eq!(tally.slower_than(10 * MILLISECOND), 20);
        assert_eq!(tally.slower_than(100 * MILLISECOND), 0);
    }
}
