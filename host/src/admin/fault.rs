//! `/v1/contexts/{name}/fault`: what is made to go wrong in a context on purpose.

use axum::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Named, Query};
use super::problem::Problem;
use super::view;
use crate::core::{Timestamp, wall_clock};
use crate::invocation::faults;
use crate::manifest::FaultInjection;

/// What goes wrong, and for how long.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// How many are kept waiting, and how long: `10%:2s`.
    delay: Option<String>,
    /// How many are answered with an error, and with which: `5%:503`.
    abort: Option<String>,
    /// After how long it ends by itself, such as `10m`; a day at most.
    #[serde(rename = "for")]
    time: String,
}

/// What is made to go wrong in a context on purpose
#[utoipa::path(get, path = "/v1/contexts/{name}/fault", tag = "contexts", params(("name", description = "the context")), responses(
    (status = 200, body = view::Fault),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn see(Named { context, .. }: Named) -> Json<view::Fault> {
    let current = context.faults.current();
    Json(current.map(|faults| (&*faults).into()).unwrap_or_default())
}

/// Make some requests and calls to a context go wrong, for a time
///
/// It takes the place of all faults that are on, and ends by itself; then what the manifest says holds again.
#[utoipa::path(put, path = "/v1/contexts/{name}/fault", tag = "contexts", params(("name", description = "the context"), Wanted), responses(
    (status = 200, body = view::Fault),
    (status = 404, description = "there is no such context"),
    (status = 422, description = "that cannot be injected")
))]
pub(super) async fn switch_on(
    Named { host, context }: Named,
    Query(wanted): Query<Wanted>,
) -> Result<Json<view::Fault>, Problem> {
    let (delay, abort) = (wanted.delay.as_deref(), wanted.abort.as_deref());
    let injection = FaultInjection::for_a_time(delay, abort, &wanted.time);
    let (injection, time) = injection.map_err(unprocessable)?;
    let until = Timestamp(wall_clock().saturating_add(time.as_millis() as u64));
    let faults = faults::switch_on(&host.invoker, &context, injection, until);
    Ok(Json((&*faults).into()))
}

/// Let nothing go wrong on purpose any more
///
/// That holds for what the manifest says, too, until the next start of the host.
#[utoipa::path(delete, path = "/v1/contexts/{name}/fault", tag = "contexts", params(("name", description = "the context")), responses(
    (status = 204, description = "nothing is injected any more"),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn switch_off(Named { host, context }: Named) -> StatusCode {
    faults::switch_off(&host.invoker, &context);
    StatusCode::NO_CONTENT
}

fn unprocessable(detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}
