//! `/roomviews`, read only.

use innkeeper_sdk::prelude::*;

use crate::view::{ROWS, Roomview, Row};

/// `GET /roomviews`
pub fn list(paging: Paging) -> Answer<Page<Roomview>> {
    Ok(ROWS.page(paging)?.try_map(Row::show)?)
}

/// `GET /roomviews/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<Roomview>> {
    Ok(Json(ROWS.find(id)?.show()?))
}
