//! What a context may take of what it shares with its neighbours: the journal, timers, sequences, the log.

use std::{num::NonZeroU32, time::Duration};

use serde::Deserialize;

use super::scalar;

/// `[context.<name>.limits.commit]`: what one invocation may put into its commit, besides bytes (`limits.staged`). What is large is committed in steps: the context itself waits for the end of it, other contexts for a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommitLimits {
    /// How many keys it may change.
    #[serde(deserialize_with = "scalar::committed")]
    pub keys: NonZeroU32,
    /// How many events it may publish.
    #[serde(deserialize_with = "scalar::committed")]
    pub events: NonZeroU32,
    /// How many timers it may set and cancel.
    #[serde(deserialize_with = "scalar::committed")]
    pub timers: NonZeroU32,
    /// How many numbers it may draw of all its sequences.
    #[serde(deserialize_with = "scalar::positive")]
    pub numbers: NonZeroU32,
    /// How far ahead it may set a timer.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub timer_delay: Duration,
}

impl Default for CommitLimits {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            keys: NonZeroU32::MIN.saturating_add(4_999),
            events: NonZeroU32::MIN.saturating_add(999),
            timers: NonZeroU32::MIN.saturating_add(999),
            numbers: NonZeroU32::MIN.saturating_add(99_999),
            timer_delay: Duration::from_secs(400 * DAY),
        }
    }
}

/// `[context.<name>.limits.log]`: what a context may write to the log. What is more is left out, counted, and said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogLimits {
    /// How many lines a second.
    #[serde(deserialize_with = "scalar::positive")]
    pub lines: NonZeroU32,
    /// How many bytes a second, with what the host writes of each line.
    #[serde(deserialize_with = "scalar::size")]
    pub bytes: u64,
    /// How much of a line is kept, in bytes.
    #[serde(deserialize_with = "scalar::size")]
    pub line: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            lines: NonZeroU32::MIN.saturating_add(999),
            bytes: 512 * 1024,
            line: 8 * 1024,
        }
    }
}

/// `[context.<name>.quota]`: what a context may keep, over all its invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Bytes of its journal: its state, and all commits and events that are kept. Without it: a part of the volume, or of the memory, that the journals are in.
    #[serde(deserialize_with = "scalar::optional_size")]
    pub bytes: Option<u64>,
    /// Keys of its state.
    #[serde(deserialize_with = "scalar::positive")]
    pub keys: NonZeroU32,
    /// Timers that have yet to fire.
    #[serde(deserialize_with = "scalar::positive")]
    pub timers: NonZeroU32,
    /// Names of sequences.
    #[serde(deserialize_with = "scalar::positive")]
    pub sequences: NonZeroU32,
    /// Dead letters: when there are so many, whatever would add one waits.
    #[serde(deserialize_with = "scalar::positive")]
    pub dead_letters: NonZeroU32,
    /// Commits that are kept, which is all of them. Without it: as many as there is memory for their index.
    #[serde(deserialize_with = "scalar::optional_number")]
    pub commits: Option<u32>,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            bytes: None,
            keys: NonZeroU32::MIN.saturating_add(9_999_999),
            timers: NonZeroU32::MIN.saturating_add(99_999),
            sequences: NonZeroU32::MIN.saturating_add(127),
            dead_letters: NonZeroU32::MIN.saturating_add(9_999),
            commits: None,
        }
    }
}
