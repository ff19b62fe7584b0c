//! `/v1/contexts/{name}/versions`

use axum::Json;

use super::extract::Named;
use super::view;

/// The versions of a context
#[utoipa::path(get, path = "/v1/contexts/{name}/versions", tag = "contexts", params(("name", description = "the context")), responses(
    (status = 200, body = view::Versions),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn list(Named { context, .. }: Named) -> Json<view::Versions> {
    let current = context.version();
    Json(view::Versions {
        versions: current
            .as_deref()
            .map(view::Version::from)
            .into_iter()
            .collect(),
    })
}
