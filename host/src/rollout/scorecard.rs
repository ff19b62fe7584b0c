//! How a version does: its invocations of the last minute, by the second.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How many seconds are remembered.
const SECONDS: usize = 64;
/// How many steps there are from one power of two to the next: a quantile is true to a fifth.
const STEPS: usize = 4;
/// Latencies from one microsecond to half a minute.
const BUCKETS: usize = 25 * STEPS;

/// The invocations of a version.
pub(super) struct Scorecard {
    since: Instant,
    seconds: Mutex<Box<[Second]>>,
}

#[derive(Clone)]
struct Second {
    number: u64,
    tally: Tally,
}

/// Invocations counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many there were.
    pub count: u64,
    /// How many failed, and the version is to blame.
    pub errors: u64,
    latencies: [u32; BUCKETS],
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
        let empty = Second {
            number: u64::MAX,
            tally: Tally::default(),
        };
        Self {
            since: Instant::now(),
            seconds: Mutex::new(vec![empty; SECONDS].into_boxed_slice()),
        }
    }
}

impl Scorecard {
    /// An invocation ended.
    pub(super) fn note(&self, now: Instant, took: Duration, failed: bool) {
        let number = self.second(now);
        let mut seconds = self.seconds.lock();
        let Some(second) = seconds.get_mut(number as usize % SECONDS) else {
            return;
        };
        if second.number != number {
            second.number = number;
            second.tally = Tally::default();
        }
        second.tally.note(took, failed);
    }

    /// The invocations that ended since `then`, to the second; those of the last minute at most.
    pub(super) fn since(&self, then: Instant, now: Instant) -> Tally {
        let last = self.second(now);
        let first = self
            .second(then)
            .max(last.saturating_sub(SECONDS as u64 - 2));
        let mut sum = Tally::default();
        for second in self.seconds.lock().iter() {
            if (first..=last).contains(&second.number) {
                sum.add(&second.tally);
            }
        }
        sum
    }

    fn second(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.since).as_secs()
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

    /// The part of the invocations that failed, in percent.
    pub fn error_percent(&self) -> f64 {
        100.0 * self.errors as f64 / self.count.max(1) as f64
    }

    /// The latency that 99 of 100 invocations do not exceed.
    pub fn p99(&self) -> Duration {
        let beyond = self.count / 100;
        let mut seen = 0;
        for (index, bucket) in self.latencies.iter().enumerate().rev() {
            seen += u64::from(*bucket);
            if seen > beyond {
                return upper_bound(index);
            }
        }
        Duration::ZERO
    }

    /// How many invocations took longer than a limit; those that may have taken less do not count.
    pub fn slower_than(&self, limit: Duration) -> u64 {
        let slower = self.latencies.iter().enumerate();
        slower
            .filter(|(index, _)| *index > 0 && upper_bound(index - 1) >= limit)
            .map(|(_, count)| u64::from(*count))
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
    fn seconds_are_counted_for_a_minute() {
        let card = Scorecard::default();
        let at = |seconds| card.since + Duration::from_secs(seconds);
        for second in 0..100 {
            card.note(at(second), MILLISECOND, second % 2 == 0);
        }
        assert_eq!(card.since(at(90), at(99)).count, 10);
        assert_eq!(card.since(at(90), at(99)).errors, 5);
        assert_eq!(card.since(at(0), at(99)).count, 63, "the rest is forgotten");
        assert_eq!(card.since(at(200), at(200)).count, 0);
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
