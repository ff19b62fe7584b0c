//! An event as a message: CloudEvents 1.0 in the binary mode.

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::subject;
use crate::events::cloud_event;
use crate::events::feed::Told;
use crate::events::place::Places;
use crate::manifest::NatsSettings;
use crate::observe::Timestamp;

/// How far the relay has come with a message.
pub(super) const PLACES: &str = "Innkeeper-Places";
/// Who published the event of a message.
pub(super) const SOURCE: &str = "ce-source";

/// What the binding of CloudEvents has written as `%` and two digits; letters beyond ASCII always are.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// Whose messages, and where they go.
pub(super) struct Address {
    pub app: String,
    pub prefix: String,
    pub stream: String,
}

impl Address {
    /// As the settings say; what they leave out is called as the app is.
    pub fn new(app: &str, settings: &NatsSettings) -> Self {
        let or_app = |name: &Option<String>| name.clone().unwrap_or_else(|| app.to_owned());
        Self {
            app: app.to_owned(),
            prefix: or_app(&settings.subject_prefix),
            stream: or_app(&settings.stream),
        }
    }
}

/// An event on its way.
pub(super) struct Message {
    pub id: String,
    pub subject: String,
    pub headers: HeaderMap,
    pub data: Bytes,
    /// How far the relay has come when it is published.
    pub places: Places,
}

impl Message {
    /// The message of an event; with `places` the relay has come so far.
    pub fn new(address: &Address, told: Told, places: Places) -> Self {
        let Told { context, event, .. } = told;
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&event.data).is_ok();
        let content_type = match is_json {
            true => cloud_event::JSON,
            false => cloud_event::BYTES,
        };
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, event.id.as_str());
        headers.insert(NATS_EXPECTED_STREAM, address.stream.as_str());
        headers.insert(PLACES, places.to_string());
        headers.insert("content-type", content_type);
        let time = Timestamp(event.time).to_string();
        let source = cloud_event::source(&address.app, &context);
        let kind = cloud_event::kind(&address.app, &context, &event.kind);
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", &event.id),
            (SOURCE, &source),
            ("ce-type", &kind),
            ("ce-subject", &event.subject),
            ("ce-time", &time),
            ("ce-datacontenttype", content_type),
            ("ce-correlationid", &event.correlation_id),
            ("ce-causationid", &event.causation_id),
        ] {
            // An attribute without a value is left out, as CloudEvents has it.
            if !value.is_empty() {
                headers.insert(name, utf8_percent_encode(value, ENCODED).to_string());
            }
        }
        Self {
            subject: subject::of_event(&address.prefix, &context, &event.kind),
            id: event.id,
            headers,
            data: event.data.into(),
            places,
        }
    }
}
