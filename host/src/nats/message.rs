//! An event as a message: CloudEvents 1.0 in the binary mode.

use std::borrow::Cow;
use std::sync::LazyLock;

use async_nats::HeaderMap;
use async_nats::header::{
    HeaderName, NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM,
    NATS_MESSAGE_ID,
};
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::subject;
use crate::core::{ContextName, EventId, Timestamp, cloud_event};
use crate::events::feed::Told;
use crate::journal::{Event, EventPosition};
use crate::manifest::NatsSettings;

/// How far the context of a message is published with it. It is not said how far the relay has come with others: each context's last message tells.
pub(super) const PLACES: &str = "Innkeeper-Places";
/// Where an event is in its journal, for one that is published again: how far the relay has come does not say it then.
pub(super) const REPUBLISHED_FROM: &str = "Innkeeper-Again";
/// Who published the event of a message.
pub(super) const SOURCE: &str = "ce-source";

/// What the binding of CloudEvents has written as `%` and two digits; letters beyond ASCII always are.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The names of a message's headers, each without a value, so that nothing is sent of it: a map that does not have to grow, which would take its time.
static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let names: [&str; 16] = [
        NATS_MESSAGE_ID.as_ref(),
        NATS_EXPECTED_STREAM.as_ref(),
        NATS_EXPECTED_LAST_SEQUENCE.as_ref(),
        NATS_EXPECTED_LAST_MESSAGE_ID.as_ref(),
        PLACES,
        REPUBLISHED_FROM,
        "content-type",
        "ce-specversion",
        "ce-id",
        SOURCE,
        "ce-type",
        "ce-subject",
        "ce-time",
        "ce-datacontenttype",
        "ce-correlationid",
        "ce-causationid",
    ];
    let names = names.map(|name| (name.to_owned(), Value::Array(Vec::new())));
    serde_json::from_value(names.into_iter().collect()).unwrap_or_default()
});

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
    /// The context that published it.
    pub context: ContextName,
    pub position: EventPosition,
    pub data: Bytes,
    /// Without its data.
    event: Event,
    /// Where its context has come to when it is published, if not to the event itself.
    come_to: Option<EventPosition>,
    /// The request of an operator that it is published again for.
    republish_id: Option<String>,
    /// Events behind it that are not published: they count as published with it.
    pub passed: Vec<(ContextName, EventPosition)>,
}

impl Message {
    /// The message of an event.
    pub fn new(told: Told) -> Self {
        let Told {
            context,
            position,
            mut event,
        } = told;
        Self {
            context,
            position,
            data: std::mem::take(&mut event.data).into(),
            event,
            come_to: None,
            republish_id: None,
            passed: Vec::new(),
        }
    }

    /// The same, as it is published again for a request, when its context has come so far.
    pub fn republished(self, republish_id: &str, come_to: EventPosition) -> Self {
        Self {
            come_to: Some(come_to),
            republish_id: Some(republish_id.to_owned()),
            ..self
        }
    }

    /// Takes back that its context has come further than to a place, where it was said.
    pub fn come_no_further_than(&mut self, place: EventPosition) {
        self.come_to = self.come_to.map(|come_to| come_to.min(place));
    }

    /// The request that it is published again for, if it is.
    pub fn republish_id(&self) -> Option<&str> {
        self.republish_id.as_deref()
    }

    /// What the stream knows it by.
    pub fn message_id(&self) -> Cow<'_, str> {
        match &self.republish_id {
            Some(id) => format!("{}-{id}", self.event.id).into(),
            None => (&*self.event.id).into(),
        }
    }

    /// The event, without its data.
    pub fn event(&self) -> &Event {
        &self.event
    }

    pub fn id(&self) -> &EventId {
        &self.event.id
    }

    pub fn into_id(self) -> EventId {
        self.event.id
    }

    pub fn subject(&self, address: &Address) -> String {
        subject::of_event(&address.prefix, &self.context, &self.event.kind)
    }

    /// The headers that are the same however often it is sent. They are made when it is: most of its cost, and few are sent twice.
    pub fn headers(&self, address: &Address) -> HeaderMap {
        let event = &self.event;
        let content_type = cloud_event::content_type(&self.data);
        let mut headers = NO_HEADERS.clone();
        headers.insert(NATS_MESSAGE_ID, &*self.message_id());
        if self.republish_id.is_some() {
            let EventPosition { commit, index } = self.position;
            headers.insert(
                HeaderName::from_static(REPUBLISHED_FROM),
                format!("{commit}.{index}"),
            );
        }
        headers.insert(NATS_EXPECTED_STREAM, address.stream.as_str());
        let EventPosition { commit, index } = self.come_to.unwrap_or(self.position);
        let place = format!("{}:{commit}.{index}", self.context);
        headers.insert(HeaderName::from_static(PLACES), place);
        headers.insert(HeaderName::from_static("content-type"), content_type);
        let time = Timestamp(event.time).to_string();
        let source = cloud_event::source(&address.app, &self.context);
        let kind = cloud_event::kind(&address.app, &self.context, &event.kind);
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", &event.id),
            (SOURCE, &source),
            ("ce-type", &kind),
            ("ce-subject", &event.subject),
            ("ce-time", &time),
            ("ce-datacontenttype", content_type),
            ("ce-correlationid", &event.correlation_id),
            (
                "ce-causationid",
                event.causation_id.as_deref().unwrap_or_default(),
            ),
        ] {
            // An attribute without a value is left out, as CloudEvents has it.
            if value.is_empty() {
                continue;
            }
            let name = HeaderName::from_static(name);
            match Cow::from(utf8_percent_encode(value, ENCODED)) {
                Cow::Borrowed(value) => headers.insert(name, value),
                Cow::Owned(value) => headers.insert(name, value),
            }
        }
        if let Some(trace) = &event.trace {
            headers.insert("traceparent", trace.to_string());
            for (name, value) in [("tracestate", trace.state()), ("baggage", trace.baggage())] {
                if let Some(value) = value {
                    headers.insert(name, value);
                }
            }
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::VerifiedIdentity;

    #[test]
    fn what_has_no_value_is_no_header() {
        let event = Event {
            id: "1".into(),
            kind: "RoomRegistered".into(),
            subject: "a room".into(),
            time: 0,
            data: b"{}".to_vec(),
            correlation_id: "2".parse().unwrap(),
            causation_id: None,
            trace: None,
            // It is not for whoever reads there.
            identity: Some(VerifiedIdentity::of("alice")),
        };
        let told = Told {
            context: "room".into(),
            position: EventPosition {
                commit: 7,
                index: 1,
            },
            event,
        };
        let address = Address {
            app: "stay".into(),
            prefix: "stay".into(),
            stream: "events".into(),
        };
        let headers = Message::new(told).headers(&address);
        assert_eq!(headers.len(), NO_HEADERS.len());
        let mut all: Vec<(String, &str)> = headers
            .iter()
            .flat_map(|(name, values)| {
                values
                    .iter()
                    .map(|value| (name.to_string(), value.as_str()))
            })
            .collect();
        all.sort();
        let expected = [
            ("Innkeeper-Places", "room:7.1"),
            ("Nats-Expected-Stream", "events"),
            ("Nats-Msg-Id", "1"),
            ("ce-correlationid", "2"),
            ("ce-datacontenttype", "application/json"),
            ("ce-id", "1"),
            ("ce-source", "/stay/room"),
            ("ce-specversion", "1.0"),
            ("ce-subject", "a%20room"),
            ("ce-time", "1970-01-01T00:00:00.000Z"),
            ("ce-type", "stay.room.RoomRegistered"),
            ("content-type", "application/json"),
        ];
        assert_eq!(all, expected.map(|(name, value)| (name.to_owned(), value)));
    }
}
