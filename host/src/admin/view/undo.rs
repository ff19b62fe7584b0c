//! Calls that are still to be undone, as operators see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::redaction::Redaction;
use crate::core::{CallId, Timestamp, digest};
use crate::invocation::undoing::operator_decision::PendingCompensation;

/// Some calls of a context that are still to be undone.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Undos {
    /// The calls: those first that wait for an operator.
    pub undos: Vec<Undo>,
}

/// A call that is still to be undone.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Undo {
    /// Names it in its context.
    pub id: String,
    /// The call; absent where what is on record of it cannot be read, and where it is all that the caller has called at the callee, which had left the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The context that was called; absent where that cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callee: Option<String>,
    /// The id of its story; absent where that cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The invocation that called, and did not commit.
    pub caller: String,
    /// How often it was tried in vain.
    pub failures: u32,
    /// Why it was not undone, where it was refused too often, its callee could not be reached for too long, or what is on record of it cannot be read; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Undo {
    /// A call that is still to be undone, without what is sensitive.
    pub(crate) fn new(pending: PendingCompensation, redaction: &Redaction) -> Self {
        let (reason, since) = match pending.stuck {
            Some(stuck) => (
                Some(redaction.text(stuck.reason)),
                Some(Timestamp(stuck.time)),
            ),
            None => (None, None),
        };
        let known = pending.known;
        Self {
            id: undo_id(&pending.id),
            call: known
                .as_ref()
                .and_then(|known| known.call.as_ref())
                .map(CallId::to_string),
            correlation_id: known.as_ref().map(|known| known.correlation_id.to_string()),
            callee: known.map(|known| known.callee.to_string()),
            caller: pending.causation_id.to_string(),
            failures: pending.failures,
            reason,
            since,
        }
    }
}

/// How operators name an undo: short, and fit for a path.
pub fn undo_id(key: &str) -> String {
    let digest = digest(&[key.as_bytes()]);
    format!("undo-{}", digest.get(..12).unwrap_or(&digest))
}
