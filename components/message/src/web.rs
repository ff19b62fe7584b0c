//! `/messages`, read only.

use innkeeper_sdk::prelude::*;

use crate::message::MESSAGES;

/// `GET /messages`
pub fn list(paging: Paging) -> Answer {
    Response::page(&MESSAGES.page(paging)?)
}

/// `GET /messages/{id}`
pub fn show(Path(id): Path<u64>) -> Answer {
    Response::ok(&MESSAGES.find(id)?)
}
