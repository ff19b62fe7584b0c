//! `/v1/sagas`

use axum::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Query, Running, reading};
use super::problem::Problem;
use super::view;
use crate::app::Host;
use crate::events::saga::{self, NotAState, SagaState};

/// The most sagas in one answer.
const MOST: usize = 1000;

/// Which sagas.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only those of this name.
    saga: Option<String>,
    /// Only those in this state: `running`, `timed-out`, `completed` or `compensated`.
    state: Option<String>,
    /// At most so many, and never more than 1000.
    #[serde(default = "a_hundred")]
    limit: usize,
}

fn a_hundred() -> usize {
    100
}

/// The sagas that the manifest names, newest first
#[utoipa::path(get, path = "/v1/sagas", tag = "events", params(Which), responses(
    (status = 200, body = view::Sagas),
    (status = 404, description = "the manifest names no such saga")
))]
pub(super) async fn list(
    Running(host): Running,
    Query(Which { saga, state, limit }): Query<Which>,
) -> Result<Json<view::Sagas>, Problem> {
    let state = state.map(|state| state.parse::<SagaState>()).transpose()?;
    if let Some(name) = &saga {
        check(&host, name)?;
    }
    let limit = limit.clamp(1, MOST);
    let found = reading(move || saga::list(&host.events, saga.as_deref(), state, limit)).await?;
    Ok(Json(view::Sagas {
        sagas: found.into_iter().map(Into::into).collect(),
    }))
}

fn check(host: &Host, name: &str) -> Result<(), Problem> {
    let sagas = &host.manifest.sagas;
    if sagas.contains_key(name) {
        return Ok(());
    }
    let names: Vec<&str> = sagas.keys().map(String::as_str).collect();
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        match names.is_empty() {
            true => "the manifest names no sagas; a section [saga.<name>] does".to_owned(),
            false => format!("there is no saga `{name}`; there are {}", names.join(", ")),
        },
    ))
}

impl From<NotAState> for Problem {
    fn from(error: NotAState) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}
