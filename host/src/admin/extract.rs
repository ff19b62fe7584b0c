//! What handlers take from a request; what cannot be taken is a problem.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Query as AxumQuery};
use http::StatusCode;
use http::request::Parts;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use super::problem::Problem;
use super::state::State;
use crate::app::Host;
use crate::core::{ContextName, nearest};
use crate::invocation::Context;
use crate::journal;

/// The app, for what needs it to be started.
pub(super) struct Running(pub Arc<Host>);

impl FromRequestParts<Arc<State>> for Running {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &Arc<State>) -> Result<Self, Problem> {
        match state.host.get() {
            Some(host) => Ok(Self(host.clone())),
            None => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the app is still starting; try again in a moment",
            )),
        }
    }
}

/// The context that the path names, and its app.
pub(super) struct Named {
    pub host: Arc<Host>,
    pub context: Arc<Context>,
}

impl FromRequestParts<Arc<State>> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Problem> {
        let Running(host) = Running::from_request_parts(parts, state).await?;
        let name = segment(parts, state, "name").await?;
        match host.context(&name) {
            Some(context) => Ok(Self { host, context }),
            None => Err(no_such_context(&host, &name)),
        }
    }
}

/// There is no context of that name, and these there are.
pub(super) fn no_such_context(host: &Host, name: &str) -> Problem {
    let contexts = host.contexts();
    let names: Vec<&str> = contexts.keys().map(ContextName::as_str).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        format!(
            "there is no context `{name}`; there are {}{}",
            names.join(", "),
            nearest::suggestion(name, &names)
        ),
    )
}

/// A placeholder's value in the path.
pub(super) async fn segment(
    parts: &mut Parts,
    state: &Arc<State>,
    name: &str,
) -> Result<String, Problem> {
    let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
    let Path(mut path) = path?;
    Ok(path.remove(name).unwrap_or_default())
}

/// The query, of a type that refuses what it does not know.
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<State>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<State>) -> Result<Self, Problem> {
        match AxumQuery::<T>::try_from_uri(&parts.uri) {
            Ok(AxumQuery(query)) => Ok(Self(query)),
            Err(rejection) => Err(Problem::new(StatusCode::BAD_REQUEST, rejection.body_text())),
        }
    }
}

/// A text that is kept and shown, of at most so many characters.
pub(super) fn short_text<'de, D: Deserializer<'de>, const MOST: usize>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    match text.as_ref().map_or(0, |text| text.chars().count()) {
        length if length > MOST => Err(D::Error::custom(format!(
            "it has {length} characters; write at most {MOST}"
        ))),
        _ => Ok(text),
    }
}

/// Reads journals where blocking is allowed.
pub(super) async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, journal::Error> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => Ok(read?),
        // Only when the runtime stops.
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the host is stopping",
        )),
    }
}
