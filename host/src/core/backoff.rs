//! How long to wait before trying again.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Pauses that double from a first to a longest one, each shortened by chance, so that those who failed together do not come back together.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    /// For trouble with the journal, which passes soon or not at all.
    pub(crate) fn of_journal() -> Self {
        Self::new(Duration::from_millis(10), Duration::from_secs(10))
    }

    /// What `first` has become after it was doubled so often; `longest` at the most.
    pub(crate) fn doubled(first: Duration, longest: Duration, times: u32) -> Duration {
        let factor = 2u32.checked_pow(times);
        let doubled = factor.and_then(|factor| first.checked_mul(factor));
        doubled.map_or(longest, |pause| pause.min(longest))
    }

    /// The next pause; `chance` is between 0 and 1.
    fn next(&mut self, chance: f64) -> Duration {
        let pause = Self::doubled(self.first, self.longest, self.failures);
        self.failures = self.failures.saturating_add(1);
        pause.mul_f64((1.0 + chance.clamp(0.0, 1.0)) / 2.0)
    }

    /// How long to wait this time, for whoever waits by himself.
    pub(crate) fn next_pause(&mut self) -> Duration {
        self.next(rand::random())
    }

    /// Waits; breaks off when `stop` is cancelled.
    pub(crate) async fn pause(&mut self, stop: &CancellationToken) -> ControlFlow<()> {
        let pause = self.next_pause();
        tokio::select! {
            () = stop.cancelled() => ControlFlow::Break(()),
            () = tokio::time::sleep(pause) => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let pauses: Vec<_> = (0..6).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn chance_takes_away_at_most_half() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        assert_eq!(backoff.clone().next(0.0), Duration::from_millis(50));
        assert_eq!(backoff.clone().next(0.5), Duration::from_millis(75));
    }

    #[test]
    fn no_number_of_failures_is_too_big() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        backoff.failures = u32::MAX;
        assert_eq!(backoff.next(1.0), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_pause_ends_when_the_host_stops() {
        let mut backoff = Backoff::new(Duration::from_secs(3600), Duration::from_secs(3600));
        let stop = CancellationToken::new();
        stop.cancel();
        assert!(backoff.pause(&stop).await.is_break());
    }
}
