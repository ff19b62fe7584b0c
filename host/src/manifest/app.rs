//! `[app]`, `[host]` and `[log]`.

use serde::Deserialize;

use super::scalar;
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

/// `[host]`: what the process may use of its machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
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
