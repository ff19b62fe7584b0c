//! Outlier detection of a pair: which versions of the callee have failed this caller too often in a row to get its work.
//!
//! ```text
//! counting --consecutive_errors within interval--> ejected --ejection time--> probation --success--> counting
//!                                                     ^                           |
//!                                                     +---------- error ----------+   (and the ejection time grows)
//! ```
//!
//! It is kept for each version: while a version is ramped up beside another, one of them may be ejected, and the other gets its work. With all that serve ejected,
//! the breaker is open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::breaker::BreakerState;
use crate::core::VersionDigest;
use crate::manifest::CircuitBreaker;

/// Which part of the work each version gets that serves, in percent.
pub(super) type Shares<'a> = &'a [(VersionDigest, u8)];

/// The ejection time grows by one base at each failed probation, up to this many.
const LONGEST_EJECTION: u32 = 10;

/// What has gone wrong lately.
pub(super) struct Outliers {
    consecutive_errors: u32,
    interval: Duration,
    base_ejection_time: Duration,
    max_ejection_percent: u8,
    /// Whether there is anything to look at behind the lock. There seldom is.
    has_any: AtomicBool,
    standings: Mutex<Vec<Standing>>,
}

/// How a version stands that has failed lately.
struct Standing {
    version: VersionDigest,
    phase: Phase,
    /// Which try of it on probation is the newest.
    trials: u64,
    /// Whether there was one since it was ejected.
    was_tried: bool,
}

#[derive(Clone, Copy)]
enum Phase {
    Counting { errors: u32, first: Instant },
    Ejected { until: Instant, times: u32 },
    Probation { times: u32 },
}

/// Whether a version may get an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It may.
    Free,
    /// It may, and it shows whether the version works again.
    Trial {
        /// Which try that is.
        number: u64,
        /// Whether it is the first since the version was ejected; those before it came to nothing otherwise.
        is_first: bool,
    },
    /// It may not for so long.
    Ejected(Duration),
}

/// What an answer has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The version gets no more work for so long.
    Ejected {
        /// The errors in a row, or none when it failed on probation.
        errors: u32,
        /// How long.
        time: Duration,
    },
    /// It works again.
    Restored,
}

impl Outliers {
    pub(super) fn new(settings: &CircuitBreaker, consecutive_errors: u32) -> Self {
        Self {
            consecutive_errors,
            interval: settings.interval,
            base_ejection_time: settings.base_ejection_time,
            max_ejection_percent: settings.max_ejection_percent,
            has_any: AtomicBool::new(false),
            standings: Mutex::default(),
        }
    }

    /// Whether there is anything to look at.
    pub(super) fn has_any(&self) -> bool {
        self.has_any.load(Ordering::Acquire)
    }

    /// How long all work is turned away, because every version that serves is ejected; none when it is not.
    pub(super) fn open_for(&self, shares: Shares<'_>, now: Instant) -> Option<Duration> {
        let mut standings = self.standings.lock();
        self.forget_gone(&mut standings, shares);
        let waits = shares.iter().map(|(version, _)| {
            let standing = standings.iter().find(|one| one.version == *version);
            self.ejected_for(standing?, now)
        });
        // None that serves: that is for others to say.
        waits.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// Whether a version may get an invocation now.
    pub(super) fn turn(&self, version: &VersionDigest, now: Instant) -> Turn {
        if !self.has_any() {
            return Turn::Free;
        }
        let mut standings = self.standings.lock();
        let Some(standing) = standings.iter_mut().find(|one| one.version == *version) else {
            return Turn::Free;
        };
        if let Some(wait) = self.ejected_for(standing, now) {
            return Turn::Ejected(wait);
        }
        match standing.phase {
            Phase::Ejected { times, .. } => {
                standing.trials += 1;
                standing.phase = Phase::Probation { times };
                Turn::Trial {
                    number: standing.trials,
                    is_first: !std::mem::replace(&mut standing.was_tried, true),
                }
            }
            Phase::Counting { .. } | Phase::Probation { .. } => Turn::Free,
        }
    }

    /// A version has answered; `trial` is the number of the try, if it was on probation.
    pub(super) fn succeeded(&self, version: &VersionDigest, trial: Option<u64>) -> Option<Change> {
        if !self.has_any() {
            return None;
        }
        let mut standings = self.standings.lock();
        let place = standings.iter().position(|one| one.version == *version)?;
        let standing = standings.get(place)?;
        let change = match standing.phase {
            Phase::Counting { .. } => None,
            Phase::Probation { .. } if trial == Some(standing.trials) => Some(Change::Restored),
            // It began before the version was ejected.
            Phase::Probation { .. } | Phase::Ejected { .. } => return None,
        };
        standings.swap_remove(place);
        self.note_size(&standings);
        change
    }

    /// A version has not answered as it should, and it is to blame.
    pub(super) fn failed(
        &self,
        version: &VersionDigest,
        trial: Option<u64>,
        shares: Shares<'_>,
        now: Instant,
    ) -> Option<Change> {
        if self.consecutive_errors == 0 {
            return None;
        }
        let mut standings = self.standings.lock();
        self.forget_gone(&mut standings, shares);
        let others = standings.iter().filter(|one| one.version != *version);
        let ejected: u8 = others
            .filter(|one| !matches!(one.phase, Phase::Counting { .. }))
            .map(|one| share(shares, &one.version))
            .sum();
        let may_be_ejected =
            ejected.saturating_add(share(shares, version)) <= self.max_ejection_percent;
        let place = standings.iter().position(|one| one.version == *version);
        let place = place.unwrap_or_else(|| {
            standings.push(Standing {
                version: *version,
                phase: Phase::Counting {
                    errors: 0,
                    first: now,
                },
                trials: 0,
                was_tried: false,
            });
            standings.len() - 1
        });
        let standing = standings.get_mut(place)?;
        let (phase, change) = match standing.phase {
            Phase::Counting { errors, first } => {
                let lapsed = errors == 0 || now.saturating_duration_since(first) > self.interval;
                let (errors, first) = match lapsed {
                    true => (1, now),
                    false => (errors.saturating_add(1), first),
                };
                match errors >= self.consecutive_errors && may_be_ejected {
                    true => self.ejected(now, 1, errors),
                    false => (Phase::Counting { errors, first }, None),
                }
            }
            Phase::Probation { times } if trial == Some(standing.trials) => {
                self.ejected(now, LONGEST_EJECTION.min(times + 1), 0)
            }
            // It began before the version was ejected.
            phase @ (Phase::Probation { .. } | Phase::Ejected { .. }) => (phase, None),
        };
        standing.phase = phase;
        standing.was_tried &= change.is_none();
        self.note_size(&standings);
        change
    }

    /// A try on probation has come to nothing that says anything: the next one may try at once.
    pub(super) fn end_trial(&self, version: &VersionDigest, trial: u64, now: Instant) {
        let mut standings = self.standings.lock();
        let mut standings = standings.iter_mut();
        let standing = standings.find(|one| one.version == *version && one.trials == trial);
        if let Some(standing) = standing
            && let Phase::Probation { times } = standing.phase
        {
            standing.phase = Phase::Ejected { until: now, times };
        }
    }

    /// Forgets it all.
    pub(super) fn reset(&self) {
        let mut standings = self.standings.lock();
        standings.clear();
        self.note_size(&standings);
    }

    /// Where the breaker stands.
    pub(super) fn state(&self, shares: Shares<'_>) -> BreakerState {
        let standings = self.standings.lock();
        let mut state = BreakerState::Open;
        let mut any = false;
        for (version, _) in shares {
            any = true;
            let standing = standings.iter().find(|one| one.version == *version);
            match standing.map(|standing| standing.phase) {
                None | Some(Phase::Counting { .. }) => return BreakerState::Closed,
                Some(Phase::Probation { .. }) => state = BreakerState::HalfOpen,
                Some(Phase::Ejected { .. }) => {}
            }
        }
        match any {
            true => state,
            false => BreakerState::Closed,
        }
    }

    fn ejected(&self, now: Instant, times: u32, errors: u32) -> (Phase, Option<Change>) {
        let time = self.base_ejection_time * times;
        let until = now + time;
        (
            Phase::Ejected { until, times },
            Some(Change::Ejected { errors, time }),
        )
    }

    /// How much longer a version gets nothing; none when it may get something.
    fn ejected_for(&self, standing: &Standing, now: Instant) -> Option<Duration> {
        match standing.phase {
            Phase::Ejected { until, .. } if until > now => Some(until - now),
            // Somebody else is trying it.
            Phase::Probation { .. } => Some(self.base_ejection_time),
            Phase::Ejected { .. } | Phase::Counting { .. } => None,
        }
    }

    /// Forgets versions that serve no longer, and one that by now serves more than may be ejected.
    fn forget_gone(&self, standings: &mut Vec<Standing>, shares: Shares<'_>) {
        standings.retain(|standing| {
            let serves = shares
                .iter()
                .any(|(version, _)| *version == standing.version);
            let is_counting = matches!(standing.phase, Phase::Counting { .. });
            serves && (is_counting || share(shares, &standing.version) <= self.max_ejection_percent)
        });
        self.note_size(standings);
    }

    fn note_size(&self, standings: &[Standing]) {
        self.has_any.store(!standings.is_empty(), Ordering::Release);
    }
}

/// Which part of the work a version gets, in percent.
fn share(shares: Shares<'_>, version: &VersionDigest) -> u8 {
    let share = shares.iter().find(|(other, _)| other == version);
    share.map_or(0, |(_, share)| *share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn trial(number: u64, is_first: bool) -> Turn {
        Turn::Trial { number, is_first }
    }

    fn version(name: &str) -> VersionDigest {
        VersionDigest::of(name.as_bytes())
    }

    fn outliers(max_ejection_percent: u8) -> Outliers {
        let settings = CircuitBreaker {
            interval: 10 * SECOND,
            base_ejection_time: SECOND,
            max_ejection_percent,
            ..CircuitBreaker::default()
        };
        Outliers::new(&settings, 3)
    }

    #[test]
    fn errors_in_a_row_open_it_and_a_success_on_probation_closes_it() {
        let (outliers, one, now) = (outliers(100), version("one"), Instant::now());
        let shares = &[(one, 100)];
        for _ in 0..2 {
            outliers.failed(&one, None, shares, now);
        }
        outliers.succeeded(&one, None);
        for _ in 0..2 {
            assert_eq!(outliers.failed(&one, None, shares, now), None);
        }
        assert_eq!(outliers.state(shares), BreakerState::Closed);
        let change = outliers.failed(&one, None, shares, now);
        let (errors, time) = (3, SECOND);
        assert_eq!(change, Some(Change::Ejected { errors, time }));
        assert_eq!(outliers.state(shares), BreakerState::Open);
        assert_eq!(outliers.open_for(shares, now), Some(SECOND));
        assert_eq!(outliers.turn(&one, now), Turn::Ejected(SECOND));
        // What began before says nothing.
        assert_eq!(outliers.succeeded(&one, None), None);
        assert_eq!(outliers.failed(&one, None, shares, now), None);
        let later = now + SECOND;
        assert_eq!(outliers.open_for(shares, later), None);
        assert_eq!(outliers.turn(&one, later), trial(1, true));
        assert_eq!(outliers.state(shares), BreakerState::HalfOpen);
        assert!(outliers.open_for(shares, later).is_some(), "one at a time");
        assert!(matches!(outliers.turn(&one, later), Turn::Ejected(_)));
        assert_eq!(outliers.succeeded(&one, None), None);
        assert_eq!(outliers.succeeded(&one, Some(1)), Some(Change::Restored));
        assert_eq!(outliers.state(shares), BreakerState::Closed);
        assert!(!outliers.has_any());
    }

    #[test]
    fn a_failed_probation_makes_the_next_pause_longer() {
        let (outliers, one, mut now) = (outliers(100), version("one"), Instant::now());
        let shares = &[(one, 100)];
        for _ in 0..3 {
            outliers.failed(&one, None, shares, now);
        }
        for times in 1..20 {
            now += SECOND * LONGEST_EJECTION.min(times);
            let number = u64::from(times);
            assert_eq!(outliers.turn(&one, now), trial(number, true));
            outliers.failed(&one, Some(number), shares, now);
            let wait = SECOND * LONGEST_EJECTION.min(times + 1);
            assert_eq!(outliers.open_for(shares, now), Some(wait));
        }
    }

    #[test]
    fn a_trial_that_shows_nothing_leaves_the_place_to_the_next() {
        let (outliers, one, now) = (outliers(100), version("one"), Instant::now());
        let shares = &[(one, 100)];
        for _ in 0..3 {
            outliers.failed(&one, None, shares, now);
        }
        let later = now + SECOND;
        assert_eq!(outliers.turn(&one, later), trial(1, true));
        outliers.end_trial(&one, 1, later);
        assert_eq!(outliers.turn(&one, later), trial(2, false));
        outliers.end_trial(&one, 1, later);
        assert!(matches!(outliers.turn(&one, later), Turn::Ejected(_)));
    }

    #[test]
    fn errors_far_apart_do_not_count_together() {
        let (outliers, one, now) = (outliers(100), version("one"), Instant::now());
        let shares = &[(one, 100)];
        for error in 0..6 {
            let change = outliers.failed(&one, None, shares, now + 6 * error * SECOND);
            assert_eq!(change, None);
        }
    }

    #[test]
    fn of_two_versions_as_much_is_ejected_as_may_be_and_of_one_all_or_nothing() {
        let (one, two, now) = (version("one"), version("two"), Instant::now());
        let fail = |outliers: &Outliers, version, shares: Shares<'_>| {
            let last = (0..9).filter_map(|_| outliers.failed(version, None, shares, now));
            last.count() > 0
        };
        let ramp = &[(one, 90), (two, 10)];
        let some = outliers(50);
        assert!(fail(&some, &two, ramp), "10 % are not more than 50 %");
        assert!(matches!(some.turn(&two, now), Turn::Ejected(_)));
        assert_eq!(some.turn(&one, now), Turn::Free);
        assert_eq!(some.state(ramp), BreakerState::Closed);
        assert!(!fail(&some, &one, ramp), "100 % are");
        assert_eq!(some.open_for(ramp, now), None);
        // It serves alone now.
        let promoted = &[(two, 100)];
        assert_eq!(some.open_for(promoted, now), None);
        assert_eq!(some.turn(&two, now), Turn::Free);
        assert!(!fail(&some, &two, promoted));

        let all = outliers(100);
        assert!(fail(&all, &two, ramp) && fail(&all, &one, ramp));
        assert_eq!(all.state(ramp), BreakerState::Open);
        // Another version has failed nobody.
        let next = &[(version("three"), 100)];
        assert_eq!(all.open_for(next, now), None);
        assert!(!all.has_any());
        assert!(fail(&all, &next[0].0, next));
        all.reset();
        assert_eq!(all.open_for(next, now), None);
    }

    #[test]
    fn where_no_errors_open_it_nothing_is_counted() {
        let never = Outliers::new(&CircuitBreaker::default(), 0);
        let one = version("one");
        for _ in 0..100 {
            never.failed(&one, None, &[(one, 100)], Instant::now());
        }
        assert!(!never.has_any());
    }
}
