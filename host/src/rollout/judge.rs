//! Whether a version does as well as the one before it.

use std::time::Duration;

use super::scorecard::Tally;
use crate::manifest::RolloutSettings;

/// How many invocations of each version a comparison of their slowest needs.
const LATENCIES: u64 = 100;
/// How many errors are no accident.
const ERRORS: u64 = 3;
/// How many standard deviations away from the expected a difference is none of chance.
const SURE: f64 = 4.0;

/// Says what a version does worse than the one before it, if it does; both over the same time, or the old one over the last that it served.
pub(super) fn fault(settings: &RolloutSettings, new: &Tally, old: &Tally) -> Option<String> {
    if new.count < u64::from(settings.min_requests.get()) {
        return None;
    }
    errors(settings, new, old).or_else(|| latency(settings, new, old))
}

fn errors(settings: &RolloutSettings, new: &Tally, old: &Tally) -> Option<String> {
    let (after, before) = (new.error_percent(), old.error_percent());
    let is_worse = new.errors >= ERRORS && after > before + f64::from(settings.max_errors);
    is_worse.then(|| {
        format!(
            "{} of its {} invocations failed ({after:.1} %; {before:.1} % of the version before it, and rollout.max_errors allows {} points more)",
            new.errors, new.count, settings.max_errors
        )
    })
}

/// Its slowest hundredth is slower than allowed when clearly more than a hundredth is beyond the limit.
fn latency(settings: &RolloutSettings, new: &Tally, old: &Tally) -> Option<String> {
    if settings.max_latency == 0 || new.count < LATENCIES || old.count < LATENCIES {
        return None;
    }
    let before = old.p99();
    let allowed = before * settings.max_latency / 100;
    let limit = allowed.max(settings.latency_floor);
    let expected = new.count as f64 / 100.0;
    let deviation = (expected * 0.99).sqrt();
    let is_slower = new.slower_than(limit) as f64 > expected + SURE * deviation;
    is_slower.then(|| {
        format!(
            "its p99 is {}, that of the version before it {} (rollout.max_latency allows {} %)",
            rounded(new.p99()),
            rounded(before),
            settings.max_latency
        )
    })
}

fn rounded(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::rollout::scorecard::Scorecard;

    /// So many invocations of so many milliseconds, of which so many failed.
    fn tally(parts: &[(u64, u64, u64)]) -> Tally {
        let card = Scorecard::default();
        let now = Instant::now();
        for (count, milliseconds, errors) in parts {
            for index in 0..*count {
                card.note(now, Duration::from_millis(*milliseconds), index < *errors);
            }
        }
        card.since(now, now)
    }

    fn judge(new: &Tally, old: &Tally) -> Option<String> {
        fault(&RolloutSettings::default(), new, old)
    }

    #[test]
    fn errors_count_when_there_are_more_than_before() {
        let well = tally(&[(1_000, 1, 0)]);
        assert_eq!(judge(&tally(&[(1_000, 1, 5)]), &well), None);
        let said = judge(&tally(&[(100, 1, 20)]), &well).unwrap();
        assert!(said.contains("20 of its 100 invocations failed"), "{said}");
        assert_eq!(
            judge(&tally(&[(100, 1, 20)]), &tally(&[(100, 1, 20)])),
            None
        );
        assert_eq!(judge(&tally(&[(10, 1, 10)]), &well), None, "too few to say");
    }

    #[test]
    fn latency_counts_when_the_slowest_are_clearly_slower() {
        let old = tally(&[(990, 6, 0), (10, 10, 0)]);
        let slow = tally(&[(300, 40, 0)]);
        let said = judge(&slow, &old).unwrap();
        assert!(said.contains("its p99 is"), "{said}");
        // One in a hundred may be slow, and by chance a few more.
        assert_eq!(judge(&tally(&[(295, 6, 0), (5, 40, 0)]), &old), None);
        assert!(judge(&tally(&[(280, 6, 0), (20, 40, 0)]), &old).is_some());
        // Too few to say, and what is fast anyway.
        assert_eq!(judge(&tally(&[(50, 40, 0)]), &old), None);
        let fast = tally(&[(1_000, 1, 0)]);
        assert_eq!(judge(&tally(&[(1_000, 3, 0)]), &fast), None);
        let never = RolloutSettings {
            max_latency: 0,
            ..RolloutSettings::default()
        };
        assert_eq!(fault(&never, &slow, &old), None);
    }
}
