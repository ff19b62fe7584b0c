//! `[context.<name>.startup_probe]`: when a version that was just loaded is given up on.

use std::{num::NonZeroU32, time::Duration};

use serde::Deserialize;

use super::scalar;

/// `[context.<name>.startup_probe]`: how often, and how long, a version that was just loaded is asked whether it is ready. The words are Kubernetes'.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StartupProbe {
    /// How long it is left alone first.
    #[serde(deserialize_with = "scalar::duration")]
    pub initial_delay: Duration,
    /// The pause between two questions.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub period: Duration,
    /// How long an answer may take.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub timeout: Duration,
    /// How many times it may fail to say that it is ready.
    #[serde(deserialize_with = "scalar::positive")]
    pub failure_threshold: NonZeroU32,
}

impl Default for StartupProbe {
    fn default() -> Self {
        Self {
            initial_delay: Duration::ZERO,
            period: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            failure_threshold: NonZeroU32::MIN.saturating_add(9),
        }
    }
}
