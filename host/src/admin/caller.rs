//! Who asks.

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

use super::problem::Problem;
use crate::manifest::{LOCAL, OPERATOR, Role};

/// Who asks, and what they may do. Handlers take it from requests that were let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// The name of their token.
    pub name: String,
    /// What it is good for.
    pub role: Role,
}

impl Caller {
    /// Who has the main token.
    pub fn operator() -> Self {
        Self {
            name: OPERATOR.to_owned(),
            role: Role::Admin,
        }
    }

    /// Who looks from this machine, without a token.
    pub fn local() -> Self {
        Self {
            name: LOCAL.to_owned(),
            role: Role::Read,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Whatever is guarded has one; a route that is not must not take one.
        parts
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the caller is unknown"))
    }
}
