//! How many slots a context should have: the algorithm of Kubernetes' HorizontalPodAutoscaler, with slots for pods.
//!
//! `desired = ceil(current * utilization / target)`, unless that is near to what there is. Before slots are taken away, the highest recommendation of the window counts, so that a
//! short lull changes nothing; then come the policies, the least and the most.

use std::collections::VecDeque;
use std::time::Duration;

use super::policy::{self, Changes};
use crate::core::human_duration;
use crate::manifest::{Autoscale, ScalingPolicy};

/// What an autoscaler remembers of one context.
#[derive(Clone, Debug)]
pub(super) struct Scaler {
    settings: Autoscale,
    /// How many there may be at most: what the settings say, unless less can run.
    most: u32,
    /// What was recommended lately, the newest last.
    recommendations: VecDeque<(Duration, u32)>,
    changes: Changes,
}

/// What is seen of a context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// How many slots it has.
    pub slots: u32,
    /// How many invocations ran and waited, on average.
    pub demand: f64,
}

/// What should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// How many slots there should be.
    pub desired: u32,
    /// Which part of the slots was used or waited for, in percent.
    pub utilization: u32,
    /// What keeps the number as it is, or why it changes.
    pub able: Able,
    /// What keeps it from being what was recommended.
    pub limited: Limited,
}

/// Whether there can be a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Able {
    /// What is recommended is what there is, or comes to be.
    ReadyForNewScale,
    /// There were higher recommendations lately.
    ScaleDownStabilized,
    /// There were lower recommendations lately.
    ScaleUpStabilized,
}

/// Why there are not as many as were recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limited {
    /// There are.
    DesiredWithinRange,
    /// There may not be fewer.
    TooFewSlots,
    /// There may not be more.
    TooManySlots,
    /// No faster than the policies for more.
    ScaleUpLimit,
    /// No faster than the policies for fewer.
    ScaleDownLimit,
}

impl Scaler {
    /// Of a context of which so many may run at once.
    pub(super) fn new(settings: Autoscale, max_running: u32) -> Self {
        Self {
            most: settings.max.get().min(max_running),
            settings,
            recommendations: VecDeque::new(),
            changes: Changes::default(),
        }
    }

    /// Its settings.
    pub(super) fn settings(&self) -> &Autoscale {
        &self.settings
    }

    /// Decides at a time; to be asked again and again, as time goes on.
    pub(super) fn decide(&mut self, now: Duration, seen: Seen) -> Decision {
        let Seen { slots, demand } = seen;
        let utilization = demand * 100.0 / f64::from(slots.max(1));
        if slots == 0 && demand <= 0.0 {
            // Nothing is to be decided while nobody wants anything of it.
            return Decision {
                desired: 0,
                utilization: 0,
                able: Able::ReadyForNewScale,
                limited: Limited::DesiredWithinRange,
            };
        }
        let recommended = self.recommended(seen);
        let (stabilized, able) = self.stabilize(now, slots, recommended);
        let (desired, limited) = self.limit(now, slots, stabilized);
        Decision {
            desired,
            utilization: utilization.round() as u32,
            able,
            limited,
        }
    }

    /// The formula.
    fn recommended(&self, Seen { slots, demand }: Seen) -> u32 {
        let target = f64::from(self.settings.target_utilization) / 100.0;
        if slots > 0 {
            let ratio = demand / f64::from(slots) / target;
            let tolerance = f64::from(self.settings.tolerance) / 1_000.0;
            // A little more, for what floating-point numbers make of 0.1.
            if (ratio - 1.0).abs() <= tolerance + 1e-9 {
                return slots;
            }
        }
        // The utilization is of the current slots, so they cancel each other.
        (demand / target - 1e-9).ceil().max(0.0) as u32
    }

    fn stabilize(&mut self, now: Duration, slots: u32, recommended: u32) -> (u32, Able) {
        let up = self.settings.scale_up.stabilization_window;
        let down = self.settings.stabilization_window;
        let is_old = |at: Duration| now.saturating_sub(at) >= up.max(down);
        while self
            .recommendations
            .front()
            .is_some_and(|one| is_old(one.0))
        {
            self.recommendations.pop_front();
        }
        let within = |window: Duration| {
            let lately = self.recommendations.iter();
            let lately = lately.filter(move |one| now.saturating_sub(one.0) < window);
            lately.map(|one| one.1)
        };
        let lowest = within(up).fold(recommended, u32::min);
        let highest = within(down).fold(recommended, u32::max);
        self.recommendations.push_back((now, recommended));
        let stabilized = slots.max(lowest).min(highest);
        let able = match () {
            () if stabilized > recommended => Able::ScaleDownStabilized,
            () if stabilized < recommended => Able::ScaleUpStabilized,
            () => Able::ReadyForNewScale,
        };
        (stabilized, able)
    }

    fn limit(&self, now: Duration, slots: u32, wanted: u32) -> (u32, Limited) {
        let (up, down) = (&self.settings.scale_up, &self.settings.scale_down);
        let (changes, least) = (&self.changes, self.settings.min.max(1));
        // What it has without, where it comes back from nothing: the first slot is never too many.
        let current = slots.max(1);
        if wanted > slots {
            let allowed = policy::highest(&up.policies, up.select, changes, now, current);
            return match () {
                () if wanted.min(self.most) > allowed => {
                    (allowed.max(least), Limited::ScaleUpLimit)
                }
                () if wanted > self.most => (self.most, Limited::TooManySlots),
                () => (wanted.max(least), Limited::DesiredWithinRange),
            };
        }
        let allowed = policy::lowest(&down.policies, down.select, changes, now, current);
        match () {
            () if wanted.max(least) < allowed => (allowed.min(self.most), Limited::ScaleDownLimit),
            () if wanted < least => (least, Limited::TooFewSlots),
            () if wanted > self.most => (self.most, Limited::TooManySlots),
            () => (wanted, Limited::DesiredWithinRange),
        }
    }

    /// The number of slots was changed.
    pub(super) fn changed(&mut self, now: Duration, from: u32, to: u32) {
        let periods = |policies: &[ScalingPolicy]| {
            let periods = policies.iter().map(|policy| policy.period);
            periods.max().unwrap_or_default()
        };
        let up = periods(&self.settings.scale_up.policies);
        let down = periods(&self.settings.scale_down.policies);
        self.changes.note(now, from, to, up.max(down));
    }

    /// It has left memory: what was recommended before says nothing of what is to come.
    pub(super) fn forget(&mut self) {
        self.recommendations.clear();
        self.changes = Changes::default();
    }
}

impl Able {
    /// One word for programs.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::ReadyForNewScale => "ReadyForNewScale",
            Self::ScaleDownStabilized => "ScaleDownStabilized",
            Self::ScaleUpStabilized => "ScaleUpStabilized",
        }
    }

    /// A sentence for people.
    pub(super) fn message(self, settings: &Autoscale) -> String {
        match self {
            Self::ReadyForNewScale => "the recommended number of slots is what there is".to_owned(),
            Self::ScaleDownStabilized => format!(
                "recommendations of the last {} were higher than the current one; the highest counts (stabilization_window)",
                human_duration(settings.stabilization_window)
            ),
            Self::ScaleUpStabilized => format!(
                "recommendations of the last {} were lower than the current one; the lowest counts (scale_up.stabilization_window)",
                human_duration(settings.scale_up.stabilization_window)
            ),
        }
    }
}

impl Limited {
    /// One word for programs.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::DesiredWithinRange => "DesiredWithinRange",
            Self::TooFewSlots => "TooFewSlots",
            Self::TooManySlots => "TooManySlots",
            Self::ScaleUpLimit => "ScaleUpLimit",
            Self::ScaleDownLimit => "ScaleDownLimit",
        }
    }

    /// A sentence for people.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::DesiredWithinRange => "the desired number of slots is within the range",
            Self::TooFewSlots => "fewer slots would do, but `min` says no less",
            Self::TooManySlots => {
                "more slots are wanted, but `max`, or circuit_breaker.max_requests, says no more"
            }
            Self::ScaleUpLimit => "slots are added no faster than scale_up allows",
            Self::ScaleDownLimit => "slots are taken away no faster than scale_down allows",
        }
    }
}

#[cfg(test)]
mod tests;
