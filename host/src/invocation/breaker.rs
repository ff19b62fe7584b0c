//! The circuit breaker of one callee.
//!
//! ```text
//! closed --consecutive_errors within interval--> open --ejection time--> probation --success--> closed
//!                                                  ^                         |
//!                                                  +--------- error ---------+   (and the ejection time grows)
//! ```

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::manifest::CircuitBreaker;

/// The ejection time grows by one base at each failed probation, up to this many.
const LONGEST_EJECTION: u32 = 10;

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// Calls are answered at once, without trying.
    Open,
    /// One call tries whether it works again.
    Probation,
}

/// Counts a callee's errors and stops calls to it for a while when there are too many in a row.
pub struct Breaker {
    settings: CircuitBreaker,
    standing: Mutex<Standing>,
}

enum Standing {
    Closed { errors: u32, first: Instant },
    Open { until: Instant, times: u32 },
    Probation { times: u32, since: Instant },
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: CircuitBreaker, now: Instant) -> Self {
        Self {
            settings,
            standing: Mutex::new(Standing::Closed {
                errors: 0,
                first: now,
            }),
        }
    }

    /// Whether a call may go out; otherwise how long to wait.
    ///
    /// # Errors
    ///
    /// The time until the next call may try.
    pub fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut standing = self.standing.lock();
        match *standing {
            Standing::Closed { .. } => Ok(()),
            Standing::Open { until, times } if until <= now => {
                *standing = Standing::Probation { times, since: now };
                Ok(())
            }
            Standing::Open { until, .. } => Err(until - now),
            // The call on probation may itself have got lost.
            Standing::Probation { times, since }
                if now - since > self.settings.base_ejection_time =>
            {
                *standing = Standing::Probation { times, since: now };
                Ok(())
            }
            Standing::Probation { .. } => Err(self.settings.base_ejection_time),
        }
    }

    /// What was wrong has been dealt with: calls go through.
    pub fn reset(&self, now: Instant) {
        *self.standing.lock() = Standing::Closed {
            errors: 0,
            first: now,
        };
    }

    /// A call was answered.
    pub fn succeeded(&self, now: Instant) {
        let mut standing = self.standing.lock();
        match *standing {
            Standing::Closed { errors: 0, .. } | Standing::Open { .. } => {}
            Standing::Closed { .. } | Standing::Probation { .. } => {
                *standing = Standing::Closed {
                    errors: 0,
                    first: now,
                };
            }
        }
    }

    /// A call was not answered, and the callee is to blame. True when that opens it.
    pub fn failed(&self, now: Instant) -> bool {
        let limit = self.settings.consecutive_errors;
        let mut standing = self.standing.lock();
        let was_open = matches!(*standing, Standing::Open { .. });
        *standing = match *standing {
            Standing::Closed { errors, first } => {
                let lapsed = now - first > self.settings.interval;
                let (errors, first) = if errors == 0 || lapsed {
                    (1, now)
                } else {
                    (errors + 1, first)
                };
                match limit != 0 && errors >= limit {
                    true => Standing::Open {
                        until: now + self.settings.base_ejection_time,
                        times: 1,
                    },
                    false => Standing::Closed { errors, first },
                }
            }
            Standing::Probation { times, .. } => {
                let times = LONGEST_EJECTION.min(times + 1);
                Standing::Open {
                    until: now + self.settings.base_ejection_time * times,
                    times,
                }
            }
            Standing::Open { until, times } => Standing::Open { until, times },
        };
        !was_open && matches!(*standing, Standing::Open { .. })
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match *self.standing.lock() {
            Standing::Closed { .. } => State::Closed,
            Standing::Open { .. } => State::Open,
            Standing::Probation { .. } => State::Probation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker(now: Instant) -> Breaker {
        let settings = CircuitBreaker {
            consecutive_errors: 3,
            interval: 10 * SECOND,
            base_ejection_time: SECOND,
            ..CircuitBreaker::default()
        };
        Breaker::new(settings, now)
    }

    #[test]
    fn errors_in_a_row_open_it_and_a_success_closes_it() {
        let now = Instant::now();
        let breaker = breaker(now);
        for _ in 0..2 {
            breaker.failed(now);
        }
        breaker.succeeded(now);
        for _ in 0..2 {
            breaker.failed(now);
        }
        assert_eq!(breaker.state(), State::Closed);
        breaker.failed(now);
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(breaker.admit(now), Err(SECOND));
        let later = now + SECOND;
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.state(), State::Probation);
        assert!(breaker.admit(later).is_err(), "one at a time");
        breaker.succeeded(later);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_failed_probation_makes_the_next_pause_longer() {
        let now = Instant::now();
        let breaker = breaker(now);
        for _ in 0..3 {
            breaker.failed(now);
        }
        let later = now + SECOND;
        assert_eq!(breaker.admit(later), Ok(()));
        breaker.failed(later);
        assert_eq!(breaker.admit(later), Err(2 * SECOND));
    }

    #[test]
    fn errors_far_apart_do_not_count_together() {
        let now = Instant::now();
        let breaker = breaker(now);
        for error in 0..6 {
            breaker.failed(now + 6 * error * SECOND);
        }
        assert_eq!(breaker.state(), State::Closed);
    }
}
