//! The rest of `/orders`.

use innkeeper_sdk::prelude::*;

use crate::order::{ORDERS, Order};

/// `GET /orders`
pub fn list(paging: Paging) -> Answer<Page<Order>> {
    Ok(ORDERS.page(paging)?)
}

/// `GET /orders/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<Order>> {
    Ok(Json(ORDERS.find(id)?))
}
