//! What answers where, and who may ask.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};
use http::{Method, StatusCode};

use super::problem::Problem;
use super::state::State;
use super::{
    authorize, autoscalers, backup, commits, contexts, dead_letters, documents, events, fault,
    floor, graph, health, interrupted, nats, openapi, origin, rebuild, retries, rollouts, sagas,
    scrape, stories, undos, versions,
};

pub(super) fn router(state: Arc<State>) -> Router {
    // Probes and scrapers bring no token.
    let open = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(scrape::metrics))
        .route("/openapi.json", get(openapi::document));
    let guarded = Router::new()
        .route("/v1/autoscalers", get(autoscalers::list))
        .route("/v1/contexts", get(contexts::list))
        .route("/v1/contexts/{name}", get(contexts::one))
        .route(
            "/v1/contexts/{name}/versions",
            get(versions::list).post(versions::upload),
        )
        .route("/v1/contexts/{name}/rollout", get(rollouts::newest))
        .route("/v1/contexts/{name}/rollout/pause", post(rollouts::pause))
        .route("/v1/contexts/{name}/rollout/resume", post(rollouts::resume))
        .route(
            "/v1/contexts/{name}/rollout/promote",
            post(rollouts::promote),
        )
        .route("/v1/contexts/{name}/rollout/abort", post(rollouts::abort))
        .route("/v1/contexts/{name}/rollback", post(rollouts::rollback))
        .route("/v1/contexts/{name}/floor", put(floor::set))
        .route(
            "/v1/contexts/{name}/fault",
            get(fault::see)
                .put(fault::switch_on)
                .delete(fault::switch_off),
        )
        .route("/v1/graph", get(graph::see))
        .route("/v1/documents/openapi.json", get(documents::openapi))
        .route("/v1/documents/asyncapi.json", get(documents::asyncapi))
        .route("/v1/contexts/{name}/commits", get(commits::list))
        .route(
            "/v1/contexts/{name}/rebuild",
            get(rebuild::progress).post(rebuild::start),
        )
        .route("/v1/contexts/{name}/dead-letters", get(dead_letters::list))
        .route(
            "/v1/contexts/{name}/dead-letters/retry",
            post(dead_letters::retry_all),
        )
        .route(
            "/v1/contexts/{name}/dead-letters/{id}",
            delete(dead_letters::drop),
        )
        .route(
            "/v1/contexts/{name}/dead-letters/{id}/retry",
            post(dead_letters::retry),
        )
        .route("/v1/contexts/{name}/retries", get(retries::list))
        .route(
            "/v1/contexts/{name}/retries/{id}/give-up",
            post(retries::give_up),
        )
        .route("/v1/contexts/{name}/undos", get(undos::list))
        .route("/v1/contexts/{name}/undos/{id}", delete(undos::drop))
        .route("/v1/contexts/{name}/undos/{id}/retry", post(undos::retry))
        .route("/v1/contexts/{name}/interrupted", get(interrupted::list))
        .route(
            "/v1/contexts/{name}/interrupted/{id}",
            delete(interrupted::drop),
        )
        .route(
            "/v1/contexts/{name}/interrupted/{id}/retry",
            post(interrupted::retry),
        )
        .route("/v1/backup", post(backup::take))
        .route("/v1/nats/dead-letters", get(nats::dead_letters))
        .route("/v1/nats/dead-letters/{id}", delete(nats::drop))
        .route("/v1/nats/dead-letters/{id}/retry", post(nats::retry))
        .route("/v1/nats/republish", post(nats::republish))
        .route("/v1/nats/losses/acknowledge", post(nats::acknowledge))
        .route("/v1/sagas", get(sagas::list))
        .route("/v1/stories/{correlation-id}", get(stories::one))
        .route("/v1/events", get(events::stream))
        .layer(from_fn_with_state(state.clone(), authorize::authorize));
    open.merge(guarded)
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        // Outermost, so that no entrance is without it.
        .layer(from_fn_with_state(state.clone(), origin::refuse_foreign))
        .with_state(state)
}

async fn nothing() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no endpoint at this path; /openapi.json lists them",
    )
}

async fn not_allowed(method: Method) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{method} is not allowed at this path"),
    )
}
