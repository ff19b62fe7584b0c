//! `/roomviews`, read only.

use innkeeper_sdk::prelude::*;

use crate::view::{ROWS, Row};

/// `GET /roomviews`
pub fn list(paging: Paging) -> Answer {
    Response::page(&ROWS.page(paging)?.try_map(Row::show)?)
}

/// `GET /roomviews/{id}`
pub fn show(Path(id): Path<u64>) -> Answer {
    Response::ok(&ROWS.find(id)?.show()?)
}
