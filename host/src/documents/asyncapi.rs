//! The app's events and the subjects of NATS that it listens at, as an AsyncAPI document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Described, described, version};
use crate::manifest::{CALLS, Manifest};
use crate::nats::subject_of_event;
use crate::versions::Wiring;

const ABOUT: &str = "Events are CloudEvents 1.0 in the binary mode: attributes are headers, the data is the payload. Each subject of an event is in order; a message that comes twice has the same ce-id.";
const SCHEMAS: &str = "#/components/schemas/";

/// What is published, who follows what, and where functions can be called, by the versions that serve now.
///
/// Events whose data no version describes have no schema. What is followed outside is described by whoever publishes it.
pub fn asyncapi(manifest: &Manifest, wiring: &Wiring) -> Value {
    let contexts = described(manifest, wiring);
    let prefix = manifest
        .nats
        .as_ref()
        .and_then(|nats| nats.subject_prefix.as_deref());
    let prefix = prefix.unwrap_or(&manifest.app.name);
    let mut parts = Parts::default();
    for context in &contexts {
        parts.publishes(prefix, context);
    }
    for context in &contexts {
        parts.follows(context);
        parts.offers(prefix, context);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": manifest.app.name, "version": version(&contexts), "description": ABOUT },
        "defaultContentType": "application/json",
        "channels": parts.channels,
        "operations": parts.operations,
        "components": { "messages": parts.messages, "schemas": parts.schemas },
    })
}

#[derive(Default)]
struct Parts {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: BTreeMap<String, Value>,
}

impl Parts {
    fn publishes(&mut self, prefix: &str, context: &Described<'_>) {
        let shapes: BTreeMap<_, _> = context.description.events.published().collect();
        for kind in &context.description.publishes {
            let name = format!("{}.{}", context.name, key(kind));
            let mut message = json!({ "name": kind, "headers": headers() });
            if let Some(shape) = shapes.get(kind.as_str()) {
                self.schemas.extend(shape.json_schemas(SCHEMAS, &name));
                message["payload"] = json!({ "$ref": format!("{SCHEMAS}{name}") });
            }
            self.messages.insert(name.clone(), message);
            let message = reference(&["components", "messages", &name]);
            self.channels.insert(
                name.clone(),
                json!({
                    "address": subject_of_event(prefix, context.name, kind),
                    "messages": { "event": message },
                }),
            );
            self.operations.insert(
                format!("{name}.publish"),
                json!({
                    "action": "send",
                    "channel": reference(&["channels", &name]),
                    "summary": format!("{} publishes it", context.name),
                }),
            );
        }
    }

    fn follows(&mut self, context: &Described<'_>) {
        for followed in &context.description.follows {
            let name = format!("{}.{}", followed.source, key(&followed.kind));
            // What comes from outside has no channel of the app's.
            if self.channels.contains_key(&name) {
                self.operations.insert(
                    format!("{name}.follow.{}", context.name),
                    json!({
                        "action": "receive",
                        "channel": reference(&["channels", &name]),
                        "summary": format!("{} follows it", context.name),
                    }),
                );
            }
        }
    }

    fn offers(&mut self, prefix: &str, context: &Described<'_>) {
        for interface in &context.description.offers {
            // Without package and version, as it is called over NATS.
            let short = interface.rsplit('/').next().unwrap_or(interface);
            let short = short.split('@').next().unwrap_or(short);
            let name = format!("{CALLS}.{}.{short}", context.name);
            self.channels.insert(
                name.clone(),
                json!({
                    "address": format!("{prefix}.{CALLS}.{}.{short}.{{function}}", context.name),
                    "parameters": { "function": { "description": format!("A function of {interface}") } },
                    "messages": {
                        "call": { "name": "call", "summary": "The parameters by their names in WIT, or in their order", "payload": { "type": ["object", "array"] } },
                        "reply": { "name": "reply", "summary": "The result, or problem details", "payload": { "type": ["object", "null"] } },
                    },
                }),
            );
            self.operations.insert(
                name.clone(),
                json!({
                    "action": "receive",
                    "channel": reference(&["channels", &name]),
                    "messages": [reference(&["channels", &name, "messages", "call"])],
                    "reply": {
                        "address": { "location": "$message.header#/reply", "description": "The subject that the request names for its reply" },
                        "channel": reference(&["channels", &name]),
                        "messages": [reference(&["channels", &name, "messages", "reply"])],
                    },
                }),
            );
        }
    }
}

/// A kind as the key of a document may look.
fn key(kind: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    kind.chars()
        .map(|character| match allowed(character) {
            true => character.to_string(),
            false => format!("_{:x}_", u32::from(character)),
        })
        .collect()
}

fn reference(path: &[&str]) -> Value {
    json!({ "$ref": format!("#/{}", path.join("/")) })
}

/// The attributes of a CloudEvent, as headers of NATS.
fn headers() -> Value {
    let text = json!({ "type": "string" });
    let names = [
        "ce-specversion",
        "ce-id",
        "ce-source",
        "ce-type",
        "ce-subject",
        "ce-time",
        "ce-correlationid",
        "ce-causationid",
    ];
    let properties: Map<_, _> = names
        .map(|name| (name.to_owned(), text.clone()))
        .into_iter()
        .collect();
    json!({ "type": "object", "properties": properties, "required": names[..5] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_key_whatever_it_holds() {
        assert_eq!(key("RoomRegistered"), "RoomRegistered");
        assert_eq!(key("a.b/é"), "a_2e_b_2f__e9_");
    }
}
