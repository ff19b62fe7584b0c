//! Errors are problem details here, too.

use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::events::feed::FeedError;
pub(super) use crate::gateway::problem::Problem;
use crate::journal;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.answer(None).into_response()
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<journal::Error> for Problem {
    fn from(error: journal::Error) -> Self {
        let status = match error {
            journal::Error::Closed => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Journal(error) => error.into(),
            FeedError::BegunAnew { .. } => Self::new(StatusCode::GONE, error.to_string()),
        }
    }
}
