//! `/payments`, read only.

use innkeeper_sdk::prelude::*;

use crate::payment::{PAYMENTS, Payment};

/// `GET /payments`
pub fn list(paging: Paging) -> Answer<Page<Payment>> {
    Ok(PAYMENTS.page(paging)?)
}

/// `GET /payments/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<Payment>> {
    Ok(Json(PAYMENTS.find(id)?))
}
