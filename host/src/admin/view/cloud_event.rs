//! An event as it is known outside: CloudEvents 1.0, in its JSON format.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::or_empty;
use crate::admin::redaction::Redaction;
use crate::core::{Timestamp, cloud_event};
use crate::journal::Event;

/// An event, in the JSON format of CloudEvents 1.0.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CloudEvent {
    /// The version of CloudEvents: `1.0`.
    pub specversion: String,
    /// Unique in its source.
    pub id: String,
    /// Who published it: `/<app>/<context>`.
    pub source: String,
    /// What happened: `<app>.<context>.<Kind>`.
    pub r#type: String,
    /// The aggregate that it is about.
    pub subject: String,
    /// When it was committed.
    pub time: Timestamp,
    /// What `data` is: `application/json`, or `application/octet-stream` for what is not.
    pub datacontenttype: String,
    /// The id that everything with one cause at its root shares.
    pub correlationid: String,
    /// The invocation that published it.
    pub causationid: String,
    /// What there is to know, when it is JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub data: Option<Box<RawValue>>,
    /// What there is to know, in base64, when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
}

impl CloudEvent {
    /// An event of a context of an app, without what is sensitive.
    pub(crate) fn new(app: &str, context: &str, event: &Event, redaction: &Redaction) -> Self {
        let shown = redaction.data(&event.data);
        let data = serde_json::from_slice(&shown).ok();
        let (datacontenttype, data_base64) = match &data {
            Some(_) => (cloud_event::JSON, None),
            None => (cloud_event::BYTES, Some(BASE64_STANDARD.encode(&shown))),
        };
        Self {
            specversion: "1.0".into(),
            id: event.id.to_string(),
            source: cloud_event::source(app, context),
            r#type: cloud_event::kind(app, context, &event.kind),
            subject: redaction.text(event.subject.clone()),
            time: Timestamp(event.time),
            datacontenttype: datacontenttype.into(),
            correlationid: event.correlation_id.to_string(),
            causationid: or_empty(event.causation_id.as_deref()),
            data,
            data_base64,
        }
    }

    /// The context that published it.
    pub fn context(&self) -> &str {
        self.source.rsplit('/').next().unwrap_or_default()
    }

    /// Its kind, without app and context.
    pub fn kind(&self) -> &str {
        self.r#type.rsplit('.').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: &[u8]) -> Event {
        Event {
            id: "e1".into(),
            kind: "RoomRegistered".into(),
            subject: "1".into(),
            time: 1_795_341_734_248,
            data: data.to_vec(),
            correlation_id: "c1".parse().unwrap(),
            causation_id: Some("i1".into()),
            trace: None,
            identity: None,
        }
    }

    #[test]
    fn it_has_the_attributes_of_cloud_events() {
        let shown = CloudEvent::new(
            "stay",
            "room",
            &event(b"{\"roomId\": 1}"),
            &Redaction::default(),
        );
        assert_eq!((shown.context(), shown.kind()), ("room", "RoomRegistered"));
        assert_eq!(
            serde_json::to_value(&shown).unwrap(),
            serde_json::json!({
                "specversion": "1.0", "id": "e1", "source": "/stay/room", "type": "stay.room.RoomRegistered", "subject": "1",
                "time": "2026-11-22T10:02:14.248Z", "datacontenttype": "application/json", "correlationid": "c1", "causationid": "i1",
                "data": {"roomId": 1}
            })
        );
    }

    #[test]
    fn data_that_is_no_json_is_base64() {
        for (data, text) in [
            (b"\xff".as_slice(), "/w=="),
            (b"hi", "aGk="),
            (b"hey", "aGV5"),
            (b"", ""),
            (b"hello", "aGVsbG8="),
        ] {
            let shown = CloudEvent::new("stay", "room", &event(data), &Redaction::default());
            assert_eq!(shown.data_base64.as_deref(), Some(text));
            assert_eq!(shown.datacontenttype, "application/octet-stream");
            assert!(shown.data.is_none());
        }
    }
}
