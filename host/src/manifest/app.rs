//! `[app]`, `[host]` and `[log]`.

use std::{collections::BTreeSet, time::Duration};

use serde::Deserialize;

use super::{healing::LivenessCheck, scalar};
use crate::core::memory;

/// `[app]`: what the contexts make together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct App {
    /// The app's name: the first word of its subjects outside, `<app>.<context>.<Kind>`.
    #[serde(deserialize_with = "scalar::name")]
    pub name: String,
}

impl Default for App {
    fn default() -> Self {
        Self {
            name: "app".to_owned(),
        }
    }
}

/// `[host]`: what the process may use of its machine, and when it gives itself up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSettings {
    /// What the host may hold in memory for invocations and their answers, in bytes. Without it: half of what its control group has, or the machine.
    #[serde(deserialize_with = "scalar::optional_size")]
    pub memory: Option<u64>,
    /// What all guests may have of it, in bytes. Without it: half of it.
    #[serde(deserialize_with = "scalar::optional_size")]
    pub guests_memory: Option<u64>,
    /// How many guests may run at once. Without it: 1000.
    #[serde(deserialize_with = "scalar::optional_number")]
    pub instances: Option<u32>,
    /// How many of a hundred contexts may be restarted at once; one may always.
    #[serde(deserialize_with = "scalar::percent")]
    pub max_restarting: u8,
    /// What has to work for the process to count as alive.
    pub liveness: BTreeSet<LivenessCheck>,
    /// How long something of that may have failed before `/livez` says so.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub liveness_timeout: Duration,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            memory: None,
            guests_memory: None,
            instances: None,
            max_restarting: 25,
            liveness: [LivenessCheck::Runtime, LivenessCheck::Journal].into(),
            liveness_timeout: Duration::from_secs(30),
        }
    }
}

impl HostSettings {
    /// How many guests may run at once when nothing is said.
    pub const INSTANCES: u32 = 1_000;
    /// How few may be said: calls nest, and each depth has one.
    pub const FEWEST_INSTANCES: u32 = 24;

    /// How many guests may run at once.
    pub fn instances(&self) -> u32 {
        self.instances.unwrap_or(Self::INSTANCES)
    }

    /// What the host may hold in memory for invocations and their answers, in bytes.
    pub fn memory(&self) -> u64 {
        self.memory.unwrap_or_else(|| memory::of_the_machine() / 2)
    }

    /// What all guests may have in memory, in bytes.
    pub fn guests_memory(&self) -> u64 {
        self.guests_memory.unwrap_or_else(|| self.memory() / 2)
    }
}

/// `[log]`: what is logged, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged: a level, or a list such as `info,innkeeper::events=debug`.
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: "info".to_owned(),
        }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}
