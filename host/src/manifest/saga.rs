//! `[saga.<name>]`: a saga to watch.

use std::{fmt, str::FromStr, time::Duration};

use serde::Deserialize;

use super::scalar;
use crate::core::ContextName;

/// The source of the events that the host itself publishes about sagas; no context can have this name.
pub const HOST_SOURCE: &str = "innkeeper";

/// `[saga.<name>]`: a saga whose state the host shows, and that it says when is stuck.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SagaSettings {
    /// The event that begins one.
    pub starts: EventName,
    /// The events that end one well.
    pub completes: Vec<EventName>,
    /// The events that end one compensated.
    #[serde(default)]
    pub compensates: Vec<EventName>,
    /// The field of the events' data that says what a saga is about, such as `rsvId`: events with the same value there belong to one. Where it is absent, here or
    /// in an event, the event's subject says it.
    #[serde(default)]
    pub key: Option<String>,
    /// After how long without an end it counts as stuck.
    #[serde(
        default = "half_a_minute",
        deserialize_with = "scalar::positive_duration"
    )]
    pub timeout: Duration,
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

/// An event kind of a context, written `<context>.<Kind>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct EventName {
    /// The context that publishes it.
    pub context: ContextName,
    /// Its kind, for example `RoomRegistered`.
    pub kind: String,
}

impl FromStr for EventName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_kind = |kind: &str| {
            !kind.is_empty()
                && kind
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        let read = || {
            let (context, kind) = text.split_once('.')?;
            Some(Self {
                context: context.parse().ok()?,
                kind: Some(kind).filter(|kind| is_kind(kind))?.to_owned(),
            })
        };
        read().ok_or_else(|| {
            format!(
                "`{text}` is not an event; write `<context>.<Kind>`, for example `room.RoomRegistered`"
            )
        })
    }
}

impl TryFrom<String> for EventName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.context, self.kind)
    }
}
