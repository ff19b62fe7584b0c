//! `[context.<name>.healing]`: when a version counts as failing that does not say so itself, and what is done about one that fails.

use std::time::Duration;

use serde::Deserialize;

use super::scalar;
use crate::core::{Backoff, human_duration};

/// `[context.<name>.healing]`: what is done about a version that fails.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealingSettings {
    /// After how many traps and missed deadlines in a row a version is suspected; 0 never suspects one.
    #[serde(deserialize_with = "scalar::number")]
    pub consecutive_failures: u32,
    /// After how many restarts that did not help the version before it takes over.
    #[serde(deserialize_with = "scalar::number")]
    pub restarts_before_rollback: u32,
    /// The pause before the second restart, where there is no version to go back to; it doubles from there.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub initial_backoff: Duration,
    /// The longest pause.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub max_backoff: Duration,
    /// After how long without a failure its restarts are forgotten.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub backoff_reset: Duration,
    /// How long what is under way may take to end when a version is restarted; then it is cancelled.
    #[serde(deserialize_with = "scalar::duration")]
    pub termination_grace: Duration,
}

impl Default for HealingSettings {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            restarts_before_rollback: 3,
            initial_backoff: Duration::from_secs(10),
            max_backoff: Duration::from_secs(5 * 60),
            backoff_reset: Duration::from_secs(10 * 60),
            termination_grace: Duration::from_secs(30),
        }
    }
}

impl HealingSettings {
    /// The pause before a restart, after so many that did not help.
    pub fn pause(&self, restarts: u32) -> Duration {
        match restarts.checked_sub(1) {
            None => Duration::ZERO,
            Some(times) => Backoff::doubled(self.initial_backoff, self.max_backoff, times),
        }
    }
}

/// Refuses settings that cannot work: the key, and what is wrong.
pub(super) fn check(healing: &HealingSettings) -> Result<(), (&'static str, String)> {
    if healing.initial_backoff > healing.max_backoff {
        let message = format!(
            "must be at least initial_backoff ({})",
            human_duration(healing.initial_backoff)
        );
        return Err(("max_backoff", message));
    }
    Ok(())
}

/// `[host] liveness`: what `/livez` asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LivenessCheck {
    /// Whether tasks are run, and work on threads that may block.
    Runtime,
    /// Whether the journal's committer answers. One that says that its disk failed has answered: a restart does not mend a disk.
    Journal,
    /// Whether any context that should serve is not waiting to be restarted.
    Contexts,
}

/// How many contexts may be restarted at once: so many of a hundred, and one at least.
pub fn restarts_at_once(percent: u8, contexts: usize) -> usize {
    (contexts * usize::from(percent) / 100).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_waits_for_nothing_and_pauses_double_from_there() {
        let healing = HealingSettings::default();
        let pauses: Vec<_> = (0..8).map(|count| healing.pause(count).as_secs()).collect();
        assert_eq!(pauses, [0, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn one_at_least_is_restarted() {
        let quarter = 25;
        let at_once = [0, 1, 3, 4, 1_000].map(|contexts| restarts_at_once(quarter, contexts));
        assert_eq!(at_once, [1, 1, 1, 1, 250]);
    }
}
