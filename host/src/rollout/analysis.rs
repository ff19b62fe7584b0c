//! Whether a version does as well as the one before it, and how sure that is.

use std::fmt;
use std::time::Duration;

use super::statistics::{Failed, at_least, chance};
use crate::manifest::RolloutSettings;
use crate::versions::Tally;

/// How many invocations of the version before its p99 needs.
const LATENCIES: u64 = 100;
/// How many errors are no accident.
const ERRORS: u64 = 3;
/// How likely a difference may at most be one of chance. Versions are judged several times a second, so chance has many tries.
const CHANCE: f64 = 1e-4;

/// What is known of a version at some moment, and what follows.
#[derive(Clone, Debug)]
pub(super) struct Analysis {
    pub finding: Finding,
    pub evidence: Evidence,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It does as well as the one before it.
    Well,
    /// Nothing speaks against it, but it has done too little for that to mean anything.
    TooLittle,
    /// It fails more often than it may, as far as can be seen; that may still be chance.
    Failing,
    /// It does worse, beyond doubt. Says how.
    Worse(String),
}

/// The invocations of a version and of the one before it that are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// How many invocations of the version have ended.
    pub count: u64,
    /// How many of them failed, and it is to blame.
    pub errors: u64,
    /// How many of the version before it have, in the same time; where these are too few, in all the time since it was loaded.
    pub count_before: u64,
    /// How many of those failed.
    pub errors_before: u64,
    /// How sure it is that the version fails more often than `rollout.max_errors` allows, in percent.
    pub sure: f64,
}

/// Judges a version by what it did, and what the one before it did in the same time, or in all of its time.
pub(super) fn analyze(
    settings: &RolloutSettings,
    new: &Tally,
    old: &Tally,
    old_ever: &Tally,
) -> Analysis {
    let least = u64::from(settings.min_requests.get());
    let old = match old.count < least {
        true => old_ever,
        false => old,
    };
    let margin = f64::from(settings.max_errors) / 100.0;
    let chance = chance(failed(new), failed(old), margin);
    let evidence = Evidence {
        count: new.count,
        errors: new.errors,
        count_before: old.count,
        errors_before: old.errors,
        sure: 100.0 * (1.0 - chance.min(1.0)),
    };
    let exceeds = rate(new) > rate(old) + margin;
    let has_enough = new.count >= least;
    let finding = if exceeds && new.errors >= ERRORS && chance < CHANCE {
        Finding::Worse(format!(
            "{evidence}; rollout.max_errors allows {} percentage points more failures",
            settings.max_errors
        ))
    } else if let Some(slower) = slower(settings, new, old) {
        Finding::Worse(slower)
    } else if exceeds && (!has_enough || chance < 0.5) {
        Finding::Failing
    } else if has_enough {
        Finding::Well
    } else {
        Finding::TooLittle
    };
    Analysis { finding, evidence }
}

/// Its slowest hundredth is slower than allowed when more than a hundredth is beyond the limit, and that is no chance.
fn slower(settings: &RolloutSettings, new: &Tally, old: &Tally) -> Option<String> {
    if settings.max_latency == 0
        || new.count < u64::from(settings.min_requests.get())
        || old.count < LATENCIES
    {
        return None;
    }
    let before = old.p99();
    let allowed = before * settings.max_latency / 100;
    let limit = allowed.max(settings.latency_floor);
    let beyond = new.slower_than(limit);
    let is_slower = at_least(beyond, new.count, 0.01) < CHANCE;
    is_slower.then(|| {
        format!(
            "{beyond} of its {} invocations took longer than {}: its p99 is {}, that of the version before it {} (allowed are {} %: rollout.max_latency, or `innkeeper deploy --expect-slower` for one that is known to be slower)",
            new.count,
            rounded(limit),
            rounded(new.p99()),
            rounded(before),
            settings.max_latency
        )
    })
}

fn failed(tally: &Tally) -> Failed {
    Failed {
        errors: tally.errors,
        count: tally.count,
    }
}

fn rate(tally: &Tally) -> f64 {
    tally.errors as f64 / tally.count.max(1) as f64
}

fn rounded(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |errors: u64, count: u64| 100.0 * errors as f64 / count.max(1) as f64;
        let Self {
            count,
            errors,
            count_before,
            errors_before,
            sure,
        } = self;
        if *count == 0 {
            return f.write_str("it had no invocations");
        }
        write!(f, "{errors} of its {count} invocations failed")?;
        if *errors == 0 {
            return Ok(());
        }
        write!(
            f,
            " ({:.1} %), and {errors_before} of {count_before} of the version before it ({:.1} %); confidence that it fails more often than allowed: ",
            percent(*errors, *count),
            percent(*errors_before, *count_before),
        )?;
        match *sure > 99.99 {
            true => f.write_str("more than 99.99 %"),
            false => write!(f, "{:.2} %", (sure * 100.0).floor() / 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::versions::Scorecard;

    /// So many invocations of so many milliseconds, of which so many failed.
    fn tally(parts: &[(u64, u64, u64)]) -> Tally {
        let card = Scorecard::default();
        let now = Instant::now();
        for (count, milliseconds, errors) in parts {
            for index in 0..*count {
                card.note(now, Duration::from_millis(*milliseconds), index < *errors);
            }
        }
        card.total()
    }

    fn judged(new: &[(u64, u64, u64)], old: &Tally) -> Finding {
        analyze(&RolloutSettings::default(), &tally(new), old, old).finding
    }

    fn worse(new: &[(u64, u64, u64)], old: &Tally) -> String {
        match judged(new, old) {
            Finding::Worse(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_count_when_there_are_more_than_before() {
        let well = tally(&[(1_000, 1, 0)]);
        assert_eq!(judged(&[(1_000, 1, 5)], &well), Finding::Well);
        let said = worse(&[(100, 1, 20)], &well);
        assert!(said.contains("20 of its 100 invocations failed"), "{said}");
        assert!(said.contains("more than 99.99 %"), "{said}");
        let ill = tally(&[(100, 1, 20)]);
        assert_eq!(judged(&[(100, 1, 20)], &ill), Finding::Well);
        // Whatever the number of invocations, it is the difference that counts.
        worse(&[(10, 1, 10)], &well);
        assert_eq!(judged(&[(2, 1, 2)], &well), Finding::Failing);
    }

    #[test]
    fn too_little_is_told_from_well() {
        let well = tally(&[(1_000, 1, 0)]);
        let nothing = Tally::default();
        assert_eq!(judged(&[], &well), Finding::TooLittle);
        assert_eq!(judged(&[(19, 1, 0)], &well), Finding::TooLittle);
        assert_eq!(judged(&[(20, 1, 0)], &nothing), Finding::Well);
        // As the old one: that is not the new one's fault.
        let ill = tally(&[(10, 1, 10)]);
        assert_eq!(judged(&[(5, 1, 5)], &ill), Finding::TooLittle);
        // All of it fails, and nothing is known of the old one.
        assert_eq!(judged(&[(19, 1, 19)], &nothing), Finding::Failing);
        assert_eq!(judged(&[(40, 1, 40)], &nothing), Finding::Failing);
        // It may be chance, or not.
        assert_eq!(
            judged(&[(20, 1, 2)], &tally(&[(20, 1, 0)])),
            Finding::Failing
        );
    }

    #[test]
    fn what_an_old_version_did_before_counts_where_it_does_little_now() {
        let settings = RolloutSettings::default();
        let (new, ever) = (tally(&[(20, 1, 20)]), tally(&[(500, 1, 0)]));
        let now = tally(&[(1, 1, 0)]);
        let analysis = analyze(&settings, &new, &now, &ever);
        assert!(matches!(analysis.finding, Finding::Worse(_)));
        assert_eq!(analysis.evidence.count_before, 500);
        // What both suffer from is nobody's fault.
        let now = tally(&[(30, 1, 30)]);
        assert_eq!(analyze(&settings, &new, &now, &ever).finding, Finding::Well);
    }

    #[test]
    fn latency_counts_when_the_slowest_are_clearly_slower() {
        let old = tally(&[(990, 6, 0), (10, 10, 0)]);
        let slow = [(300, 40, 0)];
        let said = worse(&slow, &old);
        assert!(said.contains("its p99 is"), "{said}");
        // One in a hundred may be slow, and by chance a few more.
        assert_eq!(judged(&[(295, 6, 0), (5, 40, 0)], &old), Finding::Well);
        worse(&[(280, 6, 0), (20, 40, 0)], &old);
        // So few, and all of them.
        worse(&[(20, 40, 0)], &old);
        // Nothing to compare with, and what is fast anyway.
        assert_eq!(judged(&slow, &tally(&[(99, 6, 0)])), Finding::Well);
        let fast = tally(&[(1_000, 1, 0)]);
        assert_eq!(judged(&[(1_000, 3, 0)], &fast), Finding::Well);
        let never = RolloutSettings {
            max_latency: 0,
            ..RolloutSettings::default()
        };
        let analysis = analyze(&never, &tally(&slow), &old, &old);
        assert_eq!(analysis.finding, Finding::Well);
    }

    #[test]
    fn what_is_expected_to_be_slower_may_be_so_many_times_as_slow_and_no_more() {
        let old = tally(&[(1_000, 6, 0)]);
        let settings = RolloutSettings::default();
        let found = |times, milliseconds| {
            let new = tally(&[(300, milliseconds, 0)]);
            analyze(&settings.expecting_slower(times), &new, &old, &old).finding
        };
        assert!(matches!(found(None, 40), Finding::Worse(_)));
        assert_eq!(found(Some(20), 40), Finding::Well);
        assert!(matches!(found(Some(20), 400), Finding::Worse(_)));
        // What the manifest allows, or does not look at, is allowed anyway.
        let wide = RolloutSettings {
            max_latency: 5_000,
            ..RolloutSettings::default()
        };
        assert_eq!(wide.expecting_slower(Some(2)).max_latency, 5_000);
        let never = RolloutSettings {
            max_latency: 0,
            ..RolloutSettings::default()
        };
        assert_eq!(never.expecting_slower(Some(20)).max_latency, 0);
    }
}
