//! The events on NATS, as operators see them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::redaction::Redaction;
use crate::core::{Timestamp, counted};
use crate::nats::{self, SubscriptionStatus, dead_letter};

/// How the events on NATS are.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nats {
    /// How many events are still to be published; while the stream cannot be asked, counted from where the host last knew it to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
    /// What keeps them from NATS, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What there is to know, though nothing is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// How many events cannot be published as they are, and wait for an operator.
    #[serde(default)]
    pub dead_letters: u64,
    /// What is followed outside.
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
}

/// A subject that is followed outside.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// What contexts call the source of its events.
    pub source: String,
    /// The subject.
    pub subject: String,
    /// The stream that it is read from; absent until it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// How many messages are still to be taken in; absent until that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
    /// How many messages the stream has dropped before they were taken in.
    pub dropped: u64,
    /// What the stream has lost, as far as no operator has acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<StreamLoss>,
    /// What keeps messages from being taken in, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a followed stream has lost since an operator acknowledged it last.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamLoss {
    /// When the first of it was noticed.
    pub since: Timestamp,
    /// How many messages it dropped before they were read, at most.
    pub dropped: u64,
    /// How often it came back without messages that had been read.
    pub set_back: u64,
    /// How often it was replaced by another one.
    pub replaced: u64,
}

impl From<nats::StreamLoss> for StreamLoss {
    fn from(loss: nats::StreamLoss) -> Self {
        Self {
            since: Timestamp(loss.since),
            dropped: loss.dropped,
            set_back: loss.set_back,
            replaced: loss.replaced,
        }
    }
}

impl fmt::Display for StreamLoss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut what = Vec::new();
        if self.dropped > 0 {
            let messages = counted(self.dropped, "message");
            what.push(format!("dropped {messages} before they were read"));
        }
        if self.set_back > 0 {
            what.push("was set back".to_owned());
        }
        if self.replaced > 0 {
            what.push("was replaced by another one".to_owned());
        }
        let what = what.join(", ");
        write!(formatter, "since {} the stream {what}", self.since)
    }
}

impl Subscription {
    /// A subject of a source.
    pub fn new(source: String, subject: String, status: SubscriptionStatus) -> Self {
        Self {
            source,
            subject,
            stream: status.stream,
            waiting: status.waiting,
            dropped: status.dropped,
            loss: status.loss.map(StreamLoss::from),
            error: status.error,
        }
    }
}

/// The events that cannot be published as they are.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelayDeadLetters {
    /// The dead letters, by context, in the order of their events.
    pub dead_letters: Vec<RelayDeadLetter>,
}

/// An event that cannot be published as it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelayDeadLetter {
    /// Names it: `<context>.<commit>.<index>`.
    pub id: String,
    /// The context that published it.
    pub context: String,
    /// The event's id.
    pub event: String,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Why it cannot be published.
    pub reason: String,
    /// When that was found out the last time.
    pub time: Timestamp,
}

impl RelayDeadLetter {
    /// An event that cannot be published, without what is sensitive.
    pub(crate) fn new(letter: dead_letter::RelayDeadLetter, redaction: &Redaction) -> Self {
        Self {
            id: letter.place.to_string(),
            context: letter.place.context.to_string(),
            event: letter.event.to_string(),
            kind: letter.kind,
            subject: redaction.text(letter.subject),
            reason: redaction.text(letter.reason),
            time: Timestamp(letter.time),
        }
    }
}

/// What is published again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Republished {
    /// How many events.
    pub events: u64,
}
