//! What an error looks like.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Problem details (RFC 9457). Some kinds have members of their own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Its kind, as a URN; `about:blank` where the status tells all.
    pub r#type: String,
    /// Its kind, for people.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What is wrong, and what to do.
    pub detail: String,
}
