//! `/v1/documents`

use axum::Json;
use serde_json::Value;

use super::extract::{Running, reading};
use super::problem::Problem;
use crate::documents;

/// The routes that the app answers, as an OpenAPI 3.1 document
#[utoipa::path(get, path = "/v1/documents/openapi.json", tag = "documents", responses(
    (status = 200, body = Value),
    (status = 503, description = "the app is still starting")
))]
pub(super) async fn openapi(Running(host): Running) -> Result<Json<Value>, Problem> {
    let document = reading(move || Ok(documents::openapi(&host.manifest(), &host.wiring())));
    Ok(Json(document.await?))
}

/// The events that the app publishes and follows, and where it can be called over NATS, as an AsyncAPI 3.0 document
#[utoipa::path(get, path = "/v1/documents/asyncapi.json", tag = "documents", responses(
    (status = 200, body = Value),
    (status = 503, description = "the app is still starting")
))]
pub(super) async fn asyncapi(Running(host): Running) -> Result<Json<Value>, Problem> {
    let document = reading(move || Ok(documents::asyncapi(&host.manifest(), &host.wiring())));
    Ok(Json(document.await?))
}
