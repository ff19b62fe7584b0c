//! The rest of `/orders`.

use innkeeper_sdk::prelude::*;

use crate::events::OrderFact;
use crate::order::ORDERS;

/// `GET /orders`
pub fn list(paging: Paging) -> Answer<Page<OrderFact>> {
    Ok(ORDERS.page(paging)?.map(|order| order.fact()))
}

/// `GET /orders/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<OrderFact>> {
    Ok(Json(ORDERS.find(id)?.fact()))
}
