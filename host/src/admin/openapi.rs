//! `/openapi.json`

use axum::Json;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use utoipa::{Modify, OpenApi as _};

use super::{
    autoscalers, backup, commits, contexts, dead_letters, documents, events, fault, floor, graph,
    health, interrupted, nats, rebuild, retries, rollouts, sagas, scrape, stories, undos, versions,
    view,
};

const ABOUT: &str = "Errors are problem details (RFC 9457). Whatever changes something needs an operators' token: one of the role deploy to bring a version, to tell its rollout what to do, or to take one back, one of the role admin for anything else. Looking at what is below /v1 needs one of any role when the port listens elsewhere than on the loopback interface, or is asked by another name than a loopback one.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Innkeeper: the operators' port", description = ABOUT),
    paths(
        health::live, health::ready, scrape::metrics,
        contexts::list, contexts::one, autoscalers::list, commits::list, graph::see,
        fault::see, fault::switch_on, fault::switch_off,
        versions::list, versions::upload, floor::set, rollouts::newest, rollouts::rollback,
        rollouts::pause, rollouts::resume, rollouts::promote, rollouts::abort,
        rebuild::start, rebuild::progress,
        dead_letters::list, dead_letters::retry, dead_letters::retry_all, dead_letters::drop,
        retries::list, retries::give_up,
        nats::dead_letters, nats::retry, nats::drop, nats::republish, nats::acknowledge,
        documents::openapi, documents::asyncapi,
        events::stream, stories::one, sagas::list, undos::list, undos::retry, undos::drop,
        interrupted::list, interrupted::retry, interrupted::drop, backup::take,
    ),
    components(schemas(view::Problem, rollouts::Until)),
    modifiers(&Names, &Security, &Refusals, &Parameters),
    security(("token" = [])),
)]
struct Document;

/// What each operation is called: functions of several rooms have one name.
struct Names;

/// Who may ask: whoever has a token, and of some paths anybody.
struct Security;

/// What each path may be answered with besides.
struct Refusals;

/// What parameters are that are only described.
struct Parameters;

impl Modify for Names {
    fn modify(&self, document: &mut OpenApi) {
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in methods(item) {
                operation.operation_id = Some(format!("{method} {path}"));
            }
        }
    }
}

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", bearer);
        for (path, operation) in operations(document) {
            if !is_guarded(path) {
                operation.security = Some(Vec::new());
            }
        }
    }
}

impl Modify for Refusals {
    fn modify(&self, document: &mut OpenApi) {
        for (path, operation) in operations(document) {
            let answers = &mut operation.responses.responses;
            let known = [
                (
                    "400",
                    true,
                    "the request cannot be understood: its path, its query, its framing or a header",
                ),
                (
                    "401",
                    is_guarded(path),
                    "an operators' token is required, and there was none, or an invalid or expired one",
                ),
                (
                    "403",
                    true,
                    "the token's role does not allow this, or the request comes from a page of another origin",
                ),
                (
                    "503",
                    is_guarded(path),
                    "the app is still starting, or the host is stopping; try again in a moment",
                ),
                (
                    "429",
                    is_guarded(path),
                    "too many wrong tokens came from this address, or too many requests; Retry-After says when to try again",
                ),
            ];
            for (status, may_be, why) in known {
                if may_be && !answers.contains_key(status) {
                    answers.insert(status.to_owned(), Response::new(why).into());
                }
            }
            let problems = answers
                .iter_mut()
                .filter(|(status, _)| status.starts_with(['4', '5']));
            for (_, answer) in problems {
                if let RefOr::T(answer) = answer
                    && answer.content.is_empty()
                {
                    let content = Content::new(Some(Ref::from_schema_name("Problem")));
                    let kind = "application/problem+json".to_owned();
                    answer.content.insert(kind, content);
                }
            }
        }
    }
}

impl Modify for Parameters {
    fn modify(&self, document: &mut OpenApi) {
        for (_, operation) in operations(document) {
            for parameter in operation.parameters.iter_mut().flatten() {
                let text = || Schema::Object(Object::with_type(Type::String)).into();
                parameter.schema.get_or_insert_with(text);
            }
        }
    }
}

fn is_guarded(path: &str) -> bool {
    path.starts_with("/v1/")
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = (&str, &mut Operation)> {
    document.paths.paths.iter_mut().flat_map(|(path, item)| {
        let operations = methods(item);
        operations.map(move |(_, operation)| (path.as_str(), operation))
    })
}

fn methods(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let operations = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
    ];
    let operations = operations.into_iter();
    operations.filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// This document.
pub(super) async fn document() -> Json<OpenApi> {
    Json(Document::openapi())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_path_says_what_it_takes_who_may_ask_and_how_it_refuses() {
        let mut document = Document::openapi();
        let (mut paths, mut names) = (BTreeSet::new(), BTreeSet::new());
        for (path, operation) in operations(&mut document) {
            paths.insert(path.to_owned());
            let name = operation.operation_id.clone();
            assert!(names.insert(name.clone()), "{name:?}");
            let parameters = operation.parameters.clone().unwrap_or_default();
            for placeholder in path.split(['{', '}']).skip(1).step_by(2) {
                let described = parameters.iter().find(|one| one.name == placeholder);
                assert!(described.is_some(), "{path}: {placeholder}");
            }
            assert!(parameters.iter().all(|one| one.schema.is_some()), "{path}");
            let answers = &operation.responses.responses;
            assert!(
                answers.contains_key("400") && answers.contains_key("403"),
                "{path}"
            );
            assert_eq!(
                answers.contains_key("401"),
                path.starts_with("/v1/"),
                "{path}"
            );
            let is_open = operation.security.as_ref().is_some_and(Vec::is_empty);
            assert_eq!(is_open, !path.starts_with("/v1/"), "{path}");
        }
        // What is referred to is there.
        let text = serde_json::to_string(&document).unwrap();
        let schemas = document.components.unwrap_or_default().schemas;
        for rest in text.split("#/components/schemas/").skip(1) {
            let name = rest.split('"').next().unwrap_or_default();
            assert!(schemas.contains_key(name), "{name}");
        }
        assert!(paths.len() > 20 && paths.contains("/v1/contexts/{name}/floor"));
    }
}
