//! `/v1/contexts/{name}/floor`: the oldest version that may serve.

use axum::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::extract::{Named, Query};
use super::problem::Problem;
use super::view;
use crate::rollout::{self, FloorError};

/// Which version is the oldest.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Oldest {
    /// Its number; 0 lets all versions serve again.
    version: u32,
}

/// Keep older versions of a context out
///
/// None with a smaller number comes to serve again: not by an upload, nor by a rollback, nor at a start. Where the version is signed, none comes either that was
/// signed before it, though the host may never have seen it.
#[utoipa::path(put, path = "/v1/contexts/{name}/floor", tag = "versions", params(("name", description = "the context"), Oldest), responses(
    (status = 200, body = view::Floor),
    (status = 404, description = "there is no such context or version"),
    (status = 409, description = "the version that serves is older")
))]
pub(super) async fn set(
    Named { host, context }: Named,
    caller: Caller,
    Query(Oldest { version }): Query<Oldest>,
) -> Result<Json<view::Floor>, Problem> {
    let floor = rollout::set_floor(&host.deployer, &context, version, &caller.name).await?;
    Ok(Json(floor.into()))
}

impl From<FloorError> for Problem {
    fn from(error: FloorError) -> Self {
        let status = match error {
            FloorError::Unknown { .. } => StatusCode::NOT_FOUND,
            FloorError::AboveServing { .. } => StatusCode::CONFLICT,
            FloorError::Journal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}
