//! What a registry says when it refuses something.

use serde::Deserialize;

use super::exchange::Answer;

/// The body of such an answer.
#[derive(Deserialize)]
struct Said {
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The first reason that an answer gives; empty where it gives none.
pub(super) fn said_in(answer: &Answer) -> String {
    let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
    let reason = said.and_then(|said| said.errors.into_iter().next());
    let said = reason.map(|reason| match reason.message.is_empty() {
        true => reason.code,
        false => reason.message,
    });
    said.unwrap_or_default()
}
