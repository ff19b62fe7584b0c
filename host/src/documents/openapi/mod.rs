//! The app's routes, as an OpenAPI document.

mod operation;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::operation::operation;
use super::{described, version};
use crate::manifest::Manifest;
use crate::versions::Wiring;

const ABOUT: &str = "Errors are problem details (RFC 9457). Each answer has an X-Correlation-Id, which leads to all that came of the request.";
const PROBLEM: &str = "application/problem+json";
const SCHEMAS: &str = "#/components/schemas/";
const PROBLEM_SCHEMA: &str = "Problem";
/// The bearer tokens of `[gateway.auth]`.
const TOKEN: &str = "token";

/// The routes that the versions answer which serve now.
///
/// What bodies and parameters are is told as far as versions say it; of others there are the media types alone. OpenAPI knows no route that takes all that is left of a path: such a parameter is marked
/// by `x-innkeeper-rest`. A route of one host alone has that as its server, and is listed in `x-innkeeper-others` where another route has its path already.
pub fn openapi(manifest: &Manifest, wiring: &Wiring) -> Value {
    let contexts = described(manifest, wiring);
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    // OpenAPI has one path for all that differ in the names of what varies alone.
    let mut written: BTreeMap<String, String> = BTreeMap::new();
    let mut others = Vec::new();
    let mut needs_token = false;
    let mut schemas = BTreeMap::from([(PROBLEM_SCHEMA.to_owned(), problem())]);
    for context in &contexts {
        let types = &context.description.documentation.types;
        let prefix = schemas_of(context.name);
        let own = types.json_schemas(&prefix).into_iter();
        schemas.extend(own.map(|(name, schema)| (format!("{}.{name}", context.name), schema)));
        for route in &context.description.routes {
            let operation = operation(context, route);
            needs_token |= operation.get("security").is_some();
            let method = route.method.to_ascii_lowercase();
            let (_, path) = split(&route.path);
            let template = template(path);
            let first = written.entry(without_names(path));
            let is_first = *first.or_insert_with(|| template.clone()) == template;
            let item = paths.get(&template);
            if !is_first || item.is_some_and(|item| item.contains_key(&method)) {
                others.push(
                    json!({ "method": route.method, "path": route.path, "operation": operation }),
                );
            } else {
                paths.entry(template).or_default().insert(method, operation);
            }
        }
    }
    let tags = contexts
        .iter()
        .map(|context| json!({ "name": context.name, "description": context.description.summary }));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": manifest.app.name, "version": version(&contexts), "description": ABOUT },
        "servers": [{ "url": "/" }],
        "tags": tags.collect::<Vec<_>>(),
        "paths": paths,
        "components": { "schemas": schemas },
    });
    if needs_token {
        document["components"]["securitySchemes"] =
            json!({ (TOKEN): { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } });
    }
    if !others.is_empty() {
        document["x-innkeeper-others"] = others.into();
    }
    document
}

/// Where the schemas are of what a context says.
fn schemas_of(context: &str) -> String {
    format!("{SCHEMAS}{context}.")
}

/// Problem details (RFC 9457), as the host and the SDKs make them.
fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "description": "A URI of the kind of problem." },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 100, "maximum": 599 },
            "detail": { "type": "string" },
            "correlationId": { "type": "string" },
            "errors": {
                "type": "array",
                "description": "The parts of a body that are not accepted.",
                "items": {
                    "type": "object",
                    "properties": {
                        "pointer": { "type": "string", "description": "Where it is: a JSON pointer (RFC 6901)." },
                        "detail": { "type": "string" },
                    },
                    "required": ["pointer", "detail"],
                },
            },
        },
    })
}

/// The host that a route is of, if it is of one alone, and its path.
fn split(path: &str) -> (Option<&str>, &str) {
    match path.strip_prefix("//") {
        None => (None, path),
        Some(rest) => match rest.find('/') {
            Some(end) => (Some(&rest[..end]), &rest[end..]),
            None => (Some(rest), "/"),
        },
    }
}

struct Placeholder<'a> {
    name: &'a str,
    takes_rest: bool,
}

fn placeholders(path: &str) -> impl Iterator<Item = Placeholder<'_>> {
    path.split('/').filter_map(|segment| {
        let inner = segment.strip_prefix('{')?.strip_suffix('}')?;
        let (name, takes_rest) = match inner.strip_prefix('*') {
            Some(name) => (name, true),
            None => (inner, false),
        };
        Some(Placeholder { name, takes_rest })
    })
}

/// A path by what OpenAPI tells paths apart.
fn without_names(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| match segment.starts_with('{') {
            true => "{}",
            false => segment,
        });
    segments.collect::<Vec<_>>().join("/")
}

/// A path as OpenAPI writes it.
fn template(path: &str) -> String {
    path.replace("{*", "{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_from_hosts_and_say_what_varies() {
        assert_eq!(split("/rooms/{id}"), (None, "/rooms/{id}"));
        assert_eq!(
            split("//docs.example/guide/{*page}"),
            (Some("docs.example"), "/guide/{*page}")
        );
        assert_eq!(split("//docs.example"), (Some("docs.example"), "/"));
        let found: Vec<_> = placeholders("/a/{b}/c/{*d}")
            .map(|one| (one.name, one.takes_rest))
            .collect();
        assert_eq!(found, [("b", false), ("d", true)]);
        assert_eq!(template("/a/{b}/{*d}"), "/a/{b}/{d}");
        assert_eq!(without_names("/a/{b}/{*d}"), without_names("/a/{id}/{d}"));
        assert_ne!(without_names("/a/{b}"), without_names("/b/{b}"));
    }
}
