//! `/v1/sagas`

use axum::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Query, Running, reading};
use super::problem::Problem;
use super::view;
use crate::admin::redaction::Redactor;
use crate::app::Host;
use crate::core::nearest;
use crate::events::saga::{self, NotAState, Saga, SagaState};
use crate::journal;

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
    let found = reading(move || {
        let mut redactor = Redactor::new(&host);
        let found = saga::list(&host.events, saga.as_deref(), state, limit)?.into_iter();
        let manifest = host.manifest();
        let view = |saga: Saga| {
            let starts = manifest.sagas.get(&saga.saga);
            let context = starts.map(|settings| settings.starts.context.as_str());
            let (event, story) = (&saga.started_by, &saga.correlation_id);
            let redaction = redactor.of_what_is_said(event, Some(story), context)?;
            Ok(view::Saga::new(saga, &redaction))
        };
        Ok(view::Sagas {
            sagas: found.map(view).collect::<Result<_, journal::Error>>()?,
        })
    });
    Ok(Json(found.await?))
}

fn check(host: &Host, name: &str) -> Result<(), Problem> {
    let manifest = host.manifest();
    let sagas = &manifest.sagas;
    if sagas.contains_key(name) {
        return Ok(());
    }
    let names: Vec<&str> = sagas.keys().map(String::as_str).collect();
    Err(Problem::new(
        StatusCode::NOT_FOUND,
        match names.is_empty() {
            true => "the manifest names no sagas; a section [saga.<name>] does".to_owned(),
            false => format!(
                "there is no saga `{name}`; there are {}{}",
                names.join(", "),
                nearest::suggestion(name, &names)
            ),
        },
    ))
}

impl From<NotAState> for Problem {
    fn from(error: NotAState) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}
