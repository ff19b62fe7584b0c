//! Sagas, as operators see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::redaction::Redaction;
use crate::core::Timestamp;
use crate::events::saga;

/// Some sagas, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sagas {
    /// The sagas.
    pub sagas: Vec<Saga>,
}

/// One saga.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Saga {
    /// Its name in the manifest.
    pub saga: String,
    /// What it is about, by which its events are known: the field that the manifest names, or the subject.
    #[serde(default)]
    pub key: String,
    /// The correlation id that it began under; also the id of its story.
    pub correlation_id: String,
    /// The subject of the event that began it.
    pub subject: String,
    /// What has become of it: `running`, `timed-out`, `completed` or `compensated`.
    pub state: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it counts as stuck.
    pub deadline: Timestamp,
    /// When it was found to be stuck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timed_out_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Saga {
    /// A saga, without what is sensitive.
    pub(crate) fn new(saga: saga::Saga, redaction: &Redaction) -> Self {
        Self {
            state: saga.state.name().into(),
            started_at: Timestamp(saga.started_at),
            deadline: Timestamp(saga.deadline),
            timed_out_at: saga.timed_out_at.map(Timestamp),
            ended_at: saga.ended_at.map(Timestamp),
            saga: saga.saga,
            key: redaction.text(saga.key),
            correlation_id: saga.correlation_id.to_string(),
            subject: redaction.text(saga.subject),
        }
    }
}
