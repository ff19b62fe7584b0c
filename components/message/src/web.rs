//! `/messages`, read only.

use innkeeper_sdk::prelude::*;

use crate::message::{MESSAGES, Message};

/// `GET /messages`
pub fn list(paging: Paging) -> Answer<Page<Message>> {
    Ok(MESSAGES.page(paging)?)
}

/// `GET /messages/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<Message>> {
    Ok(Json(MESSAGES.find(id)?))
}
