//! `/payments`, read only.

use innkeeper_sdk::prelude::*;

use crate::payment::PAYMENTS;

/// `GET /payments`
pub fn list(paging: Paging) -> Answer {
    Response::page(&PAYMENTS.page(paging)?)
}

/// `GET /payments/{id}`
pub fn show(Path(id): Path<u64>) -> Answer {
    Response::ok(&PAYMENTS.find(id)?)
}
