//! `/v1/stories/{correlation-id}`

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use http::StatusCode;

use super::extract::{Running, reading};
use super::problem::Problem;
use super::story::{Story, story};
use crate::core::InvalidCorrelationId;

/// Everything that happened under a correlation id, as a tree of what caused what
#[utoipa::path(get, path = "/v1/stories/{correlation-id}", tag = "events",
    params(("correlation-id" = String, Path, description = "the id that the answer to a request had in x-correlation-id")),
    responses(
        (status = 200, body = Story),
        (status = 404, description = "there is nothing under this correlation id")
    )
)]
pub(super) async fn one(
    Running(host): Running,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Story>, Problem> {
    let Path(id) = id?;
    let story = match id.parse() {
        Ok(id) => reading(move || story(&host, &id)).await?,
        // Nothing can happen under what is no id.
        Err(InvalidCorrelationId) => None,
    };
    match story {
        Some(story) => Ok(Json(story)),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!(
                "nothing was changed under the correlation id `{id}`; requests that only read leave no story"
            ),
        )),
    }
}
