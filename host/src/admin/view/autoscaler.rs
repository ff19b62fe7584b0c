//! An autoscaler, as operators see it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::autoscale::{self, AutoscalerStatus};
use crate::core::Timestamp;

/// The autoscalers of the app's contexts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Autoscalers {
    /// One for each context that has a section `autoscale`.
    pub autoscalers: Vec<Autoscaler>,
}

/// How a context is scaled.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Autoscaler {
    /// The context.
    pub context: String,
    /// The number of the version that serves; absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Whether that version is in memory.
    pub loaded: bool,
    /// How many slots the context has at least.
    pub min: u32,
    /// How many slots it has at most.
    pub max: u32,
    /// How many it has.
    pub slots: u32,
    /// How many it should have.
    pub desired: u32,
    /// Which part of its slots was used, or waited for, in the last second, in percent: more than 100 when work waits.
    pub utilization: u32,
    /// Which part is to be used, in percent.
    pub target: u8,
    /// Since when it is scaled: since the host started.
    pub since: Timestamp,
    /// How it is, in the words of Kubernetes' HorizontalPodAutoscaler.
    pub conditions: Vec<Condition>,
}

/// One condition of an autoscaler.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `AbleToScale`, `ScalingActive` or `ScalingLimited`.
    pub r#type: String,
    /// `True` or `False`.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// Since when.
    pub last_transition_time: Timestamp,
}

impl From<AutoscalerStatus> for Autoscaler {
    fn from(status: AutoscalerStatus) -> Self {
        Self {
            context: status.context.to_string(),
            version: status.version,
            loaded: status.is_loaded,
            min: status.min,
            max: status.max,
            slots: status.slots,
            desired: status.desired,
            utilization: status.utilization,
            target: status.target,
            since: Timestamp(status.since),
            conditions: status.conditions.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<autoscale::Condition> for Condition {
    fn from(condition: autoscale::Condition) -> Self {
        Self {
            r#type: condition.about.name().to_owned(),
            status: if condition.holds { "True" } else { "False" }.to_owned(),
            reason: condition.reason.to_owned(),
            message: condition.message,
            last_transition_time: Timestamp(condition.since),
        }
    }
}
