//! Events that are being tried again, as operators see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cloud_event::CloudEvent;
use crate::admin::redaction::Redaction;
use crate::core::Timestamp;
use crate::events::retrying::Retrying;

/// The events that a context tries again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Retries {
    /// The events, by their sources.
    pub retries: Vec<Retry>,
}

/// An event that a context could not handle yet, and tries again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Names it in its context; its dead letter would have the same id.
    pub id: String,
    /// How many attempts have failed.
    pub attempts: u32,
    /// After how many it becomes a dead letter.
    pub limit: u32,
    /// Why the last one failed.
    pub reason: String,
    /// When it is tried next.
    pub next: Timestamp,
    /// The event.
    pub event: CloudEvent,
}

impl Retry {
    /// An event that a context of an app tries again, without what is sensitive.
    pub(crate) fn new(app: &str, retrying: &Retrying, limit: u32, redaction: &Redaction) -> Self {
        Self {
            id: retrying.id.to_string(),
            attempts: retrying.attempts,
            limit,
            reason: redaction.text(retrying.reason.clone()),
            next: Timestamp(retrying.next),
            event: CloudEvent::new(app, &retrying.id.source, &retrying.event, redaction),
        }
    }
}
