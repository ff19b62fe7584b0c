//! Commits, as a journal has them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cloud_event::CloudEvent;
use super::or_empty;
use crate::admin::redaction::Redaction;
use crate::core::Timestamp;
use crate::journal::{Cause, Ending, Recorded};

/// Some commits of a journal, in order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Commits {
    /// The commits.
    pub commits: Vec<Commit>,
    /// The position of the newest commit on disk.
    pub flushed: u64,
    /// What to ask for as `after` to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// One commit, without its writes: those live on in the state only.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Its place in the context's journal, from 1, without gaps.
    pub position: u64,
    /// The invocation that made it.
    pub invocation: String,
    /// What set the invocation off: `web`, `call`, `event`, `timer` or `host`.
    pub trigger: String,
    /// Which route, function, event, timer or purpose that was.
    pub cause: String,
    /// Why the invocation was given up on; absent when its effects are in this commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandoned: Option<String>,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// The id that everything with one cause at its root shares.
    pub correlation_id: String,
    /// The event or invocation that caused it; empty at the root.
    pub causation_id: String,
    /// The digest of the version that ran; empty when no guest ran.
    pub version: String,
    /// When it was committed.
    pub time: Timestamp,
    /// The status of the web response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The events that it published.
    pub events: Vec<CloudEvent>,
}

impl Commit {
    /// A commit of a context of an app.
    pub(crate) fn new(
        app: &str,
        context: &str,
        (position, header, events): Recorded,
        redaction: &Redaction,
    ) -> Self {
        let (trigger, cause) = name(&header.cause);
        Self {
            position,
            invocation: header.invocation.to_string(),
            trigger: trigger.into(),
            cause,
            abandoned: match header.ending {
                Ending::Committed => None,
                Ending::Abandoned { reason } => Some(redaction.text(reason)),
            },
            attempt: header.attempt,
            correlation_id: or_empty(header.correlation_id.as_deref()),
            causation_id: or_empty(header.causation_id.as_deref()),
            version: header
                .version
                .map(|version| version.to_string())
                .unwrap_or_default(),
            time: Timestamp(header.time),
            status: header.status,
            events: events
                .iter()
                .map(|event| CloudEvent::new(app, context, event, redaction))
                .collect(),
        }
    }
}

/// The kind of a cause, and which one it is.
fn name(cause: &Cause) -> (&'static str, String) {
    match cause {
        Cause::Web { method, route } => ("web", format!("{method} {route}")),
        Cause::Call { function } => ("call", function.clone()),
        Cause::Event { source, kind, id } => ("event", format!("{source}.{kind} {id}")),
        Cause::Timer { id } => ("timer", id.to_string()),
        Cause::Host { purpose } => ("host", purpose.clone()),
    }
}
