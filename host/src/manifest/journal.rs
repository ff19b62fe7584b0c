//! `[journal]`: where commits are kept.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::scalar;

/// `[journal]`: where commits are kept, and how surely.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalSettings {
    /// What keeps the journals.
    pub engine: Engine,
    /// When a commit is answered.
    pub durability: Durability,
    /// The directory of the journals.
    pub directory: PathBuf,
    /// Memory for what was read or written lately, in bytes, at least 64 KiB.
    #[serde(deserialize_with = "scalar::cache")]
    pub cache: u64,
    /// How many bytes stay free on the volume: with less, whatever adds something is refused. Without it: a twentieth of the volume, and 1 GiB at most.
    #[serde(deserialize_with = "scalar::optional_size")]
    pub disk_free_limit: Option<u64>,
    /// How long the stored result of a call or of a request with an `Idempotency-Key` is kept.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub result_retention: Duration,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            durability: Durability::default(),
            directory: PathBuf::from("data"),
            cache: 64 * 1024 * 1024,
            disk_free_limit: None,
            result_retention: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl JournalSettings {
    /// How many bytes stay free on a volume of a size.
    pub fn disk_free_limit(&self, volume: u64) -> u64 {
        const MOST: u64 = 1 << 30;
        self.disk_free_limit.unwrap_or((volume / 20).min(MOST))
    }
}

/// What keeps a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The embedded database, on disk.
    #[default]
    Sled,
    /// Memory: gone with the process.
    Memory,
}

/// When a commit is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When it is on disk.
    #[default]
    Flush,
    /// Before that: a crash may lose the newest commits.
    Relaxed,
}
