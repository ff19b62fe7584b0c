//! `/openapi.json`

use axum::Json;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    backup, commits, contexts, dead_letters, events, health, nats, rebuild, rollouts, sagas,
    stories, undos, versions,
};

const ABOUT: &str = "Errors are problem details (RFC 9457). Whatever changes something needs an operators' token: one of the role deploy to bring a version, to tell its rollout what to do, or to take one back, one of the role admin for anything else. Looking at what is below /v1 needs one of any role when the port listens elsewhere than on the loopback interface, or is asked by another name than a loopback one.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Innkeeper: the operators' port", description = ABOUT),
    paths(
        health::live, health::ready, health::metrics,
        contexts::list, contexts::one, commits::list,
        versions::list, versions::upload, rollouts::newest, rollouts::rollback,
        rollouts::pause, rollouts::resume, rollouts::promote, rollouts::abort,
        rebuild::start, rebuild::progress,
        dead_letters::list, dead_letters::retry, dead_letters::retry_all, dead_letters::drop,
        nats::dead_letters, nats::retry, nats::drop, nats::republish,
        events::stream, stories::one, sagas::list, undos::list, undos::retry, undos::drop, backup::take,
    ),
    modifiers(&Token),
    security(("token" = [])),
)]
struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", bearer);
    }
}

/// This document.
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
