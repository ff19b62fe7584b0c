//! How an autoscaler is, in the conditions of Kubernetes' HorizontalPodAutoscaler.

use crate::core::wall_clock;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionType {
    /// Whether slots can be changed, and what they wait for.
    AbleToScale,
    /// Whether there is something to decide by.
    ScalingActive,
    /// Whether there should be more, or fewer, than there may be.
    ScalingLimited,
}

impl ConditionType {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::AbleToScale => "AbleToScale",
            Self::ScalingActive => "ScalingActive",
            Self::ScalingLimited => "ScalingLimited",
        }
    }
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What it is about.
    pub about: ConditionType,
    /// Whether it holds.
    pub holds: bool,
    /// Why, in one word for programs.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub message: String,
    /// Since when it holds, or does not, in milliseconds since the Unix epoch.
    pub since: u64,
}

impl Condition {
    /// It holds from now on.
    pub(super) fn met(about: ConditionType, reason: &'static str, message: String) -> Self {
        Self::new(about, true, reason, message)
    }

    /// It does not hold from now on.
    pub(super) fn unmet(about: ConditionType, reason: &'static str, message: String) -> Self {
        Self::new(about, false, reason, message)
    }

    fn new(about: ConditionType, holds: bool, reason: &'static str, message: String) -> Self {
        Self {
            about,
            holds,
            reason,
            message,
            since: wall_clock(),
        }
    }

    /// The same, since when it has been so.
    pub(super) fn after(mut self, before: &[Self]) -> Self {
        let mut before = before.iter();
        let same = before.find(|one| one.about == self.about && one.holds == self.holds);
        if let Some(same) = same {
            self.since = same.since;
        }
        self
    }
}
