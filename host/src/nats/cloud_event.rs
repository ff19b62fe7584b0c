//! CloudEvents 1.0, read as strictly as the specification asks and no stricter: in headers (the binary mode), in the JSON format (the structured mode), and in
//! its batch format.

use std::collections::BTreeMap;

use async_nats::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use crate::core::cloud_event::JSON;

/// The one version of CloudEvents that there is.
const VERSION: &str = "1.0";
/// What every event has.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];
/// What events may have besides extension attributes.
const OPTIONAL: [&str; 3] = ["datacontenttype", "subject", "time"];
/// What headers of the binary mode begin with.
const PREFIX: &str = "ce-";
/// The content types of the formats that are read; all others of CloudEvents begin as they do.
const FORMATS: &str = "application/cloudevents";
const JSON_FORMAT: &str = "application/cloudevents+json";
const BATCH_FORMAT: &str = "application/cloudevents-batch+json";

/// An event as its producer describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CloudEvent {
    /// All attributes, as text.
    attributes: BTreeMap<String, String>,
    pub data: Vec<u8>,
}

/// What a message is.
pub(super) enum Message {
    /// CloudEvents, or why one of them is none. Only a batch has not just one.
    Events(Vec<Result<CloudEvent, String>>),
    /// Something else.
    Other,
}

/// Reads a message.
pub(super) fn read(headers: Option<&HeaderMap>, payload: &[u8]) -> Message {
    let content_type = header(headers, "content-type");
    let media_type = content_type.map(media_type).unwrap_or_default();
    match &*media_type {
        JSON_FORMAT => Message::Events(vec![structured(payload)]),
        BATCH_FORMAT => Message::Events(match batch(payload) {
            Ok(events) => events,
            Err(reason) => vec![Err(reason)],
        }),
        format if is_format(format) => Message::Events(vec![Err(format!(
            "it is a CloudEvent in the unsupported format `{format}`; publish it as `{JSON_FORMAT}`, or in headers"
        ))]),
        _ => match binary(headers, content_type, payload) {
            Some(event) => Message::Events(vec![event]),
            None if content_type.is_none() && claims_to_be_one(payload) => {
                Message::Events(vec![structured(payload)])
            }
            None => Message::Other,
        },
    }
}

/// Whether a content type is that of a whole CloudEvent, in whatever format.
fn is_format(media_type: &str) -> bool {
    let rest = media_type.strip_prefix(FORMATS);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '-']))
}

/// A content type without its parameters.
fn media_type(content_type: &str) -> String {
    let (media_type, _) = content_type.split_once(';').unwrap_or((content_type, ""));
    media_type.trim().to_ascii_lowercase()
}

/// Whether a content type says that data is JSON.
pub(super) fn is_json(content_type: &str) -> bool {
    let media_type = media_type(content_type);
    let subtype = media_type
        .split_once('/')
        .map_or("", |(_, subtype)| subtype);
    subtype == "json" || subtype.ends_with("+json")
}

/// A header, however its name is capitalized.
pub(super) fn header<'a>(headers: Option<&'a HeaderMap>, name: &str) -> Option<&'a str> {
    let mut headers = headers?.iter();
    let (_, values) = headers.find(|(found, _)| {
        let found: &str = found.as_ref();
        found.eq_ignore_ascii_case(name)
    })?;
    Some(values.first()?.as_str())
}

/// Attributes in headers; none when they do not say that they are of a CloudEvent.
fn binary(
    headers: Option<&HeaderMap>,
    content_type: Option<&str>,
    payload: &[u8],
) -> Option<Result<CloudEvent, String>> {
    let mut attributes = BTreeMap::new();
    for (name, values) in headers?.iter() {
        let name: &str = name.as_ref();
        let name = name.to_ascii_lowercase();
        let (Some(name), Some(value)) = (name.strip_prefix(PREFIX), values.first()) else {
            continue;
        };
        if !is_attribute(name) {
            continue;
        }
        let text = unquoted(value.as_str());
        match percent_decode_str(&text).decode_utf8() {
            Ok(text) => {
                attributes.insert(name.to_owned(), text.into_owned());
            }
            Err(_) if REQUIRED.contains(&name) || OPTIONAL.contains(&name) => {
                return Some(Err(format!(
                    "the header `{PREFIX}{name}` is not percent-encoded UTF-8"
                )));
            }
            // What an extension means is between those who know it.
            Err(_) => {
                attributes.insert(name.to_owned(), text);
            }
        }
    }
    if !attributes.contains_key("specversion") && !attributes.contains_key("id") {
        return None;
    }
    if let Some(content_type) = content_type {
        attributes.insert("datacontenttype".to_owned(), content_type.to_owned());
    }
    Some(CloudEvent::new(attributes, payload.to_vec()))
}

/// A header's value without the quotation marks that it may be in.
fn unquoted(text: &str) -> String {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let Some(inner) = inner else {
        return text.to_owned();
    };
    let mut unquoted = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => unquoted.extend(characters.next()),
            other => unquoted.push(other),
        }
    }
    unquoted
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

fn malformed(error: &serde_json::Error) -> String {
    format!("it is not a CloudEvent in JSON: {error}")
}

fn structured(payload: &[u8]) -> Result<CloudEvent, String> {
    let members = serde_json::from_slice(payload).map_err(|error| malformed(&error))?;
    of_members(members)
}

fn batch(payload: &[u8]) -> Result<Vec<Result<CloudEvent, String>>, String> {
    let events: Vec<&RawValue> =
        serde_json::from_slice(payload).map_err(|error| malformed(&error))?;
    let events = events.into_iter().map(|event| {
        let members = serde_json::from_str(event.get()).map_err(|error| malformed(&error))?;
        of_members(members)
    });
    Ok(events.collect())
}

/// Whether a message that says nothing of itself is a CloudEvent in JSON all the same, as the binding for NATS has it.
fn claims_to_be_one(payload: &[u8]) -> bool {
    let Ok(members) = serde_json::from_slice::<Members>(payload) else {
        return false;
    };
    REQUIRED.iter().all(|name| {
        let text = members.get(*name).map(|value| value.get());
        text.is_some_and(|text| text.starts_with('"') && text != "\"\"")
    })
}

fn of_members(mut members: Members) -> Result<CloudEvent, String> {
    let is_set = |value: &&RawValue| value.get() != "null";
    let data = members.remove("data");
    let encoded = members.remove("data_base64").filter(is_set);
    let mut attributes = BTreeMap::new();
    for (name, value) in members {
        if !is_attribute(&name) || !is_set(&value) {
            continue;
        }
        let text = match serde_json::from_str(value.get()) {
            Ok(text) => text,
            Err(_) if REQUIRED.contains(&&*name) || OPTIONAL.contains(&&*name) => {
                return Err(format!("its `{name}` is not a string: {}", value.get()));
            }
            // A number, a truth value, or what only those know who know the extension.
            Err(_) => value.get().to_owned(),
        };
        attributes.insert(name, text);
    }
    let content_type = attributes.get("datacontenttype");
    let data_is_json = content_type.is_none_or(|content_type| is_json(content_type));
    let data = match (data, encoded) {
        (Some(data), Some(_)) if is_set(&data) => {
            return Err("it has both `data` and `data_base64`".to_owned());
        }
        (_, Some(text)) => {
            let text: String = serde_json::from_str(text.get())
                .map_err(|_| "its `data_base64` is not a string".to_owned())?;
            BASE64_STANDARD
                .decode(text)
                .map_err(|error| format!("its `data_base64` is not base64: {error}"))?
        }
        (Some(data), None) if data_is_json => {
            if content_type.is_none() {
                attributes.insert("datacontenttype".to_owned(), JSON.to_owned());
            }
            data.get().as_bytes().to_vec()
        }
        (Some(data), None) if is_set(&data) => {
            let text: String = serde_json::from_str(data.get()).map_err(|_| {
                format!(
                    "its `data` is not a string, though its `datacontenttype`, {}, is not JSON",
                    content_type.map_or("", String::as_str)
                )
            })?;
            text.into_bytes()
        }
        _ => Vec::new(),
    };
    CloudEvent::new(attributes, data)
}

fn is_attribute(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl CloudEvent {
    fn new(mut attributes: BTreeMap<String, String>, data: Vec<u8>) -> Result<Self, String> {
        for name in REQUIRED {
            if attributes.get(name).is_none_or(String::is_empty) {
                return Err(format!("it is a CloudEvent without `{name}`"));
            }
        }
        // An optional attribute has a value, or is not there.
        for name in OPTIONAL {
            if attributes.get(name).is_some_and(String::is_empty) {
                attributes.remove(name);
            }
        }
        let event = Self { attributes, data };
        match event.get("specversion") {
            Some(VERSION) => Ok(event),
            other => Err(format!(
                "it follows version {} of CloudEvents; only {VERSION} is supported",
                other.unwrap_or_default()
            )),
        }
    }

    /// An attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// An attribute that every event has.
    pub fn required(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// What those have agreed on who publish and follow it, beyond what every event has: the extension attributes, and the schema of its data.
    pub fn extensions(&self) -> Vec<(String, String)> {
        let attributes = self.attributes.iter();
        let extensions = attributes
            .filter(|(name, _)| !REQUIRED.contains(&&***name) && !OPTIONAL.contains(&&***name));
        extensions
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}
