//! How fast the number of slots may change: the scaling policies of Kubernetes' HorizontalPodAutoscaler.

use std::time::Duration;

use crate::manifest::{PolicyType, ScalingPolicy, SelectPolicy};

/// The changes that were made lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes(Vec<Change>);

#[derive(Clone, Copy, Debug)]
struct Change {
    at: Duration,
    from: u32,
    to: u32,
}

impl Changes {
    /// Notes a change, and forgets those that no policy looks at any more.
    pub(super) fn note(&mut self, now: Duration, from: u32, to: u32, longest: Duration) {
        self.0
            .retain(|change| now.saturating_sub(change.at) < longest);
        if from != to {
            self.0.push(Change { at: now, from, to });
        }
    }

    /// How many there were when the period began that ends now.
    fn at_beginning_of(&self, period: Duration, now: Duration, current: u32) -> i64 {
        let within = |change: &&Change| now.saturating_sub(change.at) < period;
        let changes = self.0.iter().filter(within);
        let changed: i64 = changes
            .map(|change| i64::from(change.to) - i64::from(change.from))
            .sum();
        i64::from(current) - changed
    }
}

/// How many slots there may be at most.
pub(super) fn highest(
    policies: &[ScalingPolicy],
    select: SelectPolicy,
    changes: &Changes,
    now: Duration,
    current: u32,
) -> u32 {
    let allowed = policies.iter().map(|policy| {
        let value = i64::from(policy.value.get());
        let before = changes.at_beginning_of(policy.period, now, current);
        match policy.r#type {
            PolicyType::Slots => before.saturating_add(value),
            PolicyType::Percent => percent(before, value.saturating_add(100), Rounding::Up),
        }
    });
    let most = match select {
        SelectPolicy::Disabled => return current,
        SelectPolicy::Max => allowed.max(),
        SelectPolicy::Min => allowed.min(),
    };
    // No more until the changes of before are long enough ago.
    most.map_or(u32::MAX, |most| bounded(most).max(current))
}

/// How many slots there may be at least.
pub(super) fn lowest(
    policies: &[ScalingPolicy],
    select: SelectPolicy,
    changes: &Changes,
    now: Duration,
    current: u32,
) -> u32 {
    let allowed = policies.iter().map(|policy| {
        let value = i64::from(policy.value.get());
        let before = changes.at_beginning_of(policy.period, now, current);
        match policy.r#type {
            PolicyType::Slots => before.saturating_sub(value),
            PolicyType::Percent => percent(before, (100 - value).max(0), Rounding::Down),
        }
    });
    let least = match select {
        SelectPolicy::Disabled => return current,
        SelectPolicy::Max => allowed.min(),
        SelectPolicy::Min => allowed.max(),
    };
    least.map_or(0, |least| bounded(least).min(current))
}

enum Rounding {
    Up,
    Down,
}

fn percent(number: i64, percent: i64, rounding: Rounding) -> i64 {
    let hundredths = number.saturating_mul(percent);
    match rounding {
        Rounding::Up => hundredths.saturating_add(99).div_euclid(100),
        Rounding::Down => hundredths.div_euclid(100),
    }
}

fn bounded(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    fn policy(r#type: PolicyType, value: u32, seconds: u64) -> ScalingPolicy {
        ScalingPolicy {
            r#type,
            value: NonZeroU32::new(value).unwrap(),
            period: Duration::from_secs(seconds),
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// "4 Pods in 15 s, or 100 percent": the default of Kubernetes, whichever is more.
    #[test]
    fn the_defaults_of_kubernetes_double_or_add_four() {
        let policies = [
            policy(PolicyType::Percent, 100, 15),
            policy(PolicyType::Slots, 4, 15),
        ];
        let up = |select, current| highest(&policies, select, &Changes::default(), LONG, current);
        assert_eq!(up(SelectPolicy::Max, 1), 5);
        assert_eq!(up(SelectPolicy::Max, 10), 20);
        assert_eq!(up(SelectPolicy::Min, 1), 2);
        assert_eq!(up(SelectPolicy::Disabled, 7), 7);
    }

    /// The documentation of Kubernetes: of 80 replicas, "10 percent" in a minute lets 8 go, then 10 percent of 72 which is 7.2, so that 8 go again
    /// (it rounds towards more change), while "4 pods in 60 s" lets 4.
    #[test]
    fn the_example_of_the_documentation() {
        let percent = [policy(PolicyType::Percent, 10, 60)];
        let mut changes = Changes::default();
        let down = |changes: &Changes, now, current| {
            lowest(&percent, SelectPolicy::Max, changes, now, current)
        };
        assert_eq!(down(&changes, seconds(100), 80), 72);
        changes.note(seconds(100), 80, 72, LONG);
        assert_eq!(down(&changes, seconds(130), 72), 72, "in the same minute");
        assert_eq!(down(&changes, seconds(161), 72), 64);
        let both = [
            policy(PolicyType::Slots, 4, 60),
            policy(PolicyType::Percent, 10, 60),
        ];
        let down = |select, current| lowest(&both, select, &Changes::default(), LONG, current);
        assert_eq!(down(SelectPolicy::Max, 80), 72);
        assert_eq!(
            down(SelectPolicy::Max, 30),
            26,
            "four are more than a tenth"
        );
        assert_eq!(down(SelectPolicy::Min, 80), 76);
        assert_eq!(down(SelectPolicy::Disabled, 80), 80);
    }

    #[test]
    fn what_was_taken_away_in_the_period_may_come_back() {
        let up = [policy(PolicyType::Slots, 2, 60)];
        let mut changes = Changes::default();
        changes.note(seconds(10), 10, 4, LONG);
        assert_eq!(
            highest(&up, SelectPolicy::Max, &changes, seconds(20), 4),
            12
        );
        changes.note(seconds(20), 4, 12, LONG);
        assert_eq!(
            highest(&up, SelectPolicy::Max, &changes, seconds(30), 12),
            12
        );
    }

    #[test]
    fn without_policies_there_is_no_limit() {
        let changes = Changes::default();
        assert_eq!(highest(&[], SelectPolicy::Max, &changes, LONG, 1), u32::MAX);
        assert_eq!(lowest(&[], SelectPolicy::Max, &changes, LONG, 9), 0);
    }

    #[test]
    fn more_than_all_is_all() {
        let all = [policy(PolicyType::Percent, 300, 15)];
        let changes = Changes::default();
        assert_eq!(lowest(&all, SelectPolicy::Max, &changes, LONG, 9), 0);
        let most = [policy(PolicyType::Slots, u32::MAX, 15)];
        let up = highest(&most, SelectPolicy::Max, &changes, LONG, 9);
        assert_eq!(up, u32::MAX);
    }
}
