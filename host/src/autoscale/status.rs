//! What an autoscaler shows of a context.

use super::condition::Condition;
use crate::core::ContextName;

/// How a context is scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoscalerStatus {
    /// The context.
    pub context: ContextName,
    /// The version that serves; none when none does.
    pub version: Option<u32>,
    /// How many slots it has at least.
    pub min: u32,
    /// How many slots it has at most.
    pub max: u32,
    /// How many it has.
    pub slots: u32,
    /// How many it should have.
    pub desired: u32,
    /// Which part of them was used or waited for in the last second, in percent.
    pub utilization: u32,
    /// Which part is to be.
    pub target: u8,
    /// Whether the version that serves is in memory.
    pub is_loaded: bool,
    /// Since when it is scaled, in milliseconds since the Unix epoch.
    pub since: u64,
    /// How it is.
    pub conditions: Vec<Condition>,
}
