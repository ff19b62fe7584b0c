//! One route, as an operation of OpenAPI.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    PROBLEM, PROBLEM_SCHEMA, Placeholder, SCHEMAS, TOKEN, placeholders, schemas_of, split,
};
use crate::documents::Described;
use crate::guest::{Body, Field, Route};
use crate::versions::{AnnotatedTypes, Answer, RouteDocumentation, required};

/// What a route takes and answers, as far as its context says it.
pub(super) fn operation(context: &Described<'_>, route: &Route) -> Value {
    let (host, path) = split(&route.path);
    let documentation = &context.description.documentation;
    let said = Said {
        route: documentation.route(&route.method, &route.path),
        types: &documentation.types,
        prefix: schemas_of(context.name),
    };
    let mut parameters: Vec<_> = placeholders(path)
        .map(|one| said.placeholder(one))
        .collect();
    parameters.extend(said.query());
    let writes = route.method != "GET";
    if writes {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
            "description": "Repeated with the same key, the request takes effect once.",
        }));
    }
    let mut operation = json!({
        "operationId": format!("{} {} {}", context.name, route.method, route.path),
        "tags": [context.name],
        "parameters": parameters,
    });
    if let Some(summary) = said.route.and_then(|route| route.summary.as_ref()) {
        operation["summary"] = summary.as_str().into();
    }
    if writes && let Some(body) = said.body(route.consumes.as_deref()) {
        operation["requestBody"] = body;
    }
    let mut responses = said.answers();
    responses.insert("default".to_owned(), refusal("A problem."));
    let named = format!("{} {}", route.method, route.path);
    if let Some(required) = required(context.rules, &named) {
        let scopes: Vec<_> = required.iter().map(|required| &required.scope).collect();
        operation["security"] = json!([{ (TOKEN): scopes }]);
        let refusals = [
            ("401", "There is no token, or one that is not taken."),
            ("403", "The token does not allow this."),
        ];
        responses.extend(refusals.map(|(status, says)| (status.to_owned(), refusal(says))));
    }
    operation["responses"] = responses.into();
    if let Some(host) = host {
        operation["servers"] = json!([{ "url": format!("//{host}") }]);
    }
    operation
}

/// What a context says of one of its routes, if it says anything.
struct Said<'a> {
    route: Option<&'a RouteDocumentation>,
    types: &'a AnnotatedTypes,
    /// Where its schemas are.
    prefix: String,
}

impl Said<'_> {
    fn placeholder(&self, Placeholder { name, takes_rest }: Placeholder<'_>) -> Value {
        let value = self.route.and_then(|route| route.parameters.get(name));
        let schema = value.map_or_else(
            || json!({ "type": "string" }),
            |value| {
                self.types
                    .json_schema_of_what_is_there(&self.prefix, *value)
            },
        );
        let mut parameter =
            json!({ "name": name, "in": "path", "required": true, "schema": schema });
        if takes_rest {
            parameter["description"] = "All that is left of the path, with its slashes.".into();
            parameter["x-innkeeper-rest"] = true.into();
        }
        parameter
    }

    fn query(&self) -> Vec<Value> {
        let fields = self.route.map_or(&[][..], |route| route.query.as_slice());
        let parameter = |field: &Field| {
            let schema = self
                .types
                .json_schema_of_what_is_there(&self.prefix, field.value);
            let is_required = !field.has_default && !self.types.is_optional(field.value);
            // A list stands between commas.
            json!({
                "name": field.name, "in": "query", "required": is_required, "schema": schema,
                "style": "form", "explode": false,
            })
        };
        fields.iter().map(parameter).collect()
    }

    /// The body that a request may have; none where it is known that nobody reads one.
    fn body(&self, consumes: Option<&str>) -> Option<Value> {
        // Whoever says what it consumes is sent nothing else.
        let media_type = consumes.unwrap_or("*/*");
        match self.route.map_or(Body::Something, |route| route.body) {
            Body::Nothing if consumes.is_none() => None,
            Body::Nothing | Body::Something => Some(json!({ "content": { (media_type): {} } })),
            Body::Json(value) => {
                let schema = self.types.json_schema(&self.prefix, value);
                Some(json!({ "content": { (media_type): { "schema": schema } }, "required": true }))
            }
        }
    }

    /// What is answered with success.
    fn answers(&self) -> Map<String, Value> {
        let answers = self.route.map(|route| &route.answers);
        let Some(answers) = answers.filter(|answers| !answers.is_empty()) else {
            let any = json!({ "description": "What the context answers." });
            return Map::from_iter([("2XX".to_owned(), any)]);
        };
        let answer = |(status, answer): (&u16, &Answer)| {
            let known = StatusCode::from_u16(*status).ok();
            let reason = known.and_then(|status| status.canonical_reason());
            let mut said = json!({ "description": reason.unwrap_or("What the context answers.") });
            if let Some(media_type) = &answer.media_type {
                let content = answer.value.map_or_else(
                    || json!({}),
                    |value| json!({ "schema": self.types.json_schema(&self.prefix, value) }),
                );
                said["content"] = json!({ (media_type): content });
            }
            (status.to_string(), said)
        };
        answers.iter().map(answer).collect()
    }
}

fn refusal(description: &str) -> Value {
    let schema = json!({ "$ref": format!("{SCHEMAS}{PROBLEM_SCHEMA}") });
    json!({ "description": description, "content": { (PROBLEM): { "schema": schema } } })
}
