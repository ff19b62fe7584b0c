//! Dead letters, as operators see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cloud_event::CloudEvent;
use crate::admin::redaction::Redaction;
use crate::core::Timestamp;
use crate::events::{dead_letter, redelivery};

/// Some dead letters of a context.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetters {
    /// The dead letters, by their sources, in the order of their events.
    pub dead_letters: Vec<DeadLetter>,
    /// What to ask for as `after` to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An event that a context has given up on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Names it in its context.
    pub id: String,
    /// Why it was given up on the last time.
    pub reason: String,
    /// How many attempts there were in all.
    pub attempts: u32,
    /// How often it was given up on.
    pub given_up: u32,
    /// Whether it was never tried, and only waits behind an earlier dead letter of its subject.
    #[serde(default)]
    pub held_back: bool,
    /// When it was given up on the last time.
    pub time: Timestamp,
    /// The event.
    pub event: CloudEvent,
}

impl DeadLetter {
    /// A dead letter of a context of an app.
    pub(crate) fn new(app: &str, letter: &dead_letter::DeadLetter, redaction: &Redaction) -> Self {
        Self {
            id: letter.id.to_string(),
            reason: redaction.text(letter.reason.clone()),
            attempts: letter.attempts,
            given_up: letter.given_up,
            held_back: letter.is_held(),
            time: Timestamp(letter.time),
            event: CloudEvent::new(app, &letter.id.source, &letter.event, redaction),
        }
    }
}

/// What a retry came to.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retried {
    /// Events that are handled now.
    pub handled: u64,
    /// Events that failed again.
    pub failed: u64,
    /// Events that were not tried, since an older one of their subject was not handled.
    pub held_back: u64,
}

impl From<redelivery::Retried> for Retried {
    fn from(retried: redelivery::Retried) -> Self {
        Self {
            handled: retried.handled,
            failed: retried.failed,
            held_back: retried.held_back,
        }
    }
}
