//! `/v1/contexts/{name}/rebuild`

use axum::Json;
use http::StatusCode;

use super::extract::{Named, reading};
use super::problem::Problem;
use super::view;
use crate::rollout::rebuild::{self, RebuildError};

/// Begin to rebuild a projection
///
/// Its state is filled anew from the first event while the old state serves; then the new one takes its place.
#[utoipa::path(post, path = "/v1/contexts/{name}/rebuild", tag = "contexts", params(("name", description = "the context")), responses(
    (status = 202, body = view::Rebuild, description = "it begins; ask again for its progress"),
    (status = 404, description = "there is no such context"),
    (status = 409, description = "it is being rebuilt already"),
    (status = 422, description = "it is no projection")
))]
pub(super) async fn start(named: Named) -> Result<(StatusCode, Json<view::Rebuild>), Problem> {
    rebuild::start(&named.host.deployer, &named.context)?;
    Ok((StatusCode::ACCEPTED, progress(named).await?))
}

/// How far the newest rebuild is
#[utoipa::path(get, path = "/v1/contexts/{name}/rebuild", tag = "contexts", params(("name", description = "the context")), responses(
    (status = 200, body = view::Rebuild),
    (status = 404, description = "there is no such context, or no rebuild since the host started")
))]
pub(super) async fn progress(
    Named { host, context }: Named,
) -> Result<Json<view::Rebuild>, Problem> {
    let name = context.name.clone();
    match reading(move || rebuild::progress(&host.deployer, &context)).await? {
        Some(progress) => Ok(Json(progress.into())),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!("context {name} has not been rebuilt since the host started; POST begins it"),
        )),
    }
}

impl From<RebuildError> for Problem {
    fn from(error: RebuildError) -> Self {
        let status = match error {
            RebuildError::UnderWay { .. } => StatusCode::CONFLICT,
            RebuildError::NotAProjection { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            RebuildError::NotServing { .. } => StatusCode::SERVICE_UNAVAILABLE,
            RebuildError::Journal(error) => return error.into(),
        };
        Self::new(status, error.to_string())
    }
}
