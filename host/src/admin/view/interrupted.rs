//! Requests that a stop of the host has interrupted and that cannot be ended, as operators see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::redaction::Redaction;
use crate::core::{Timestamp, digest};
use crate::invocation::interrupted_requests;

/// Some interrupted requests of a context.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InterruptedRequests {
    /// The requests, and calls from outside.
    pub interrupted: Vec<InterruptedRequest>,
}

/// A request, or a call from outside, that a stop of the host has interrupted and that cannot be ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterruptedRequest {
    /// Names it in its context.
    pub id: String,
    /// Its invocation.
    pub invocation: String,
    /// The method and route of the request, or the function of the call.
    pub what: String,
    /// The id of its story; absent where what is on record of it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// When it began; absent where that cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// How often ending it has failed since the host started.
    pub failures: u32,
    /// Why it has not ended.
    pub reason: String,
}

impl InterruptedRequest {
    /// A request, without what is sensitive.
    pub(crate) fn new(
        request: interrupted_requests::InterruptedRequest,
        redaction: &Redaction,
    ) -> Self {
        Self {
            id: interrupted_id(&request.id),
            invocation: request.id.to_string(),
            what: request.what,
            correlation_id: request.correlation_id.map(|id| id.to_string()),
            began: request.began.map(Timestamp),
            failures: request.failures,
            reason: redaction.text(request.reason),
        }
    }
}

/// How operators name an interrupted request: short, and fit for a path.
pub fn interrupted_id(invocation: &str) -> String {
    let digest = digest(&[invocation.as_bytes()]);
    format!("request-{}", digest.get(..12).unwrap_or(&digest))
}
