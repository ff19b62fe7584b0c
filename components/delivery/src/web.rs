//! `/deliveries`, read only.

use innkeeper_sdk::prelude::*;

use crate::delivery::DELIVERIES;
use crate::events::DeliveryFact;

/// `GET /deliveries`
pub fn list(paging: Paging) -> Answer<Page<DeliveryFact>> {
    Ok(DELIVERIES.page(paging)?.map(|delivery| delivery.fact()))
}

/// `GET /deliveries/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<DeliveryFact>> {
    Ok(Json(DELIVERIES.find(id)?.fact()))
}
