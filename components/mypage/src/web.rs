//! `/mypage`, read only: the newest first.

use innkeeper_sdk::prelude::*;

use crate::history::{OrderHistory, ROWS};
use crate::mileage::{self, ENTRIES, MileageHistory};

/// How many there are on a page, when nobody says it, and at most.
const SIZE: u32 = 20;
const MAX_SIZE: u32 = 100;

/// Which page is wanted, from 0, and how many there are on one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Wanted {
    page: u32,
    size: u32,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            page: 0,
            size: SIZE,
        }
    }
}

/// Orders of a customer, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Orders {
    items: Vec<OrderHistory>,
    page: u32,
    size: u32,
    total: u64,
}

/// What a customer was given and what was taken back, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Mileage {
    items: Vec<MileageHistory>,
    page: u32,
    size: u32,
    total: u64,
}

impl Wanted {
    /// How many are before the page and on it.
    fn limit(&self) -> Result<u32, Problem> {
        if !(1..=MAX_SIZE).contains(&self.size) {
            return Err(Problem::new(
                400,
                format!("Invalid size in the query: it must be from 1 to {MAX_SIZE}."),
            ));
        }
        Ok(self.page.saturating_add(1).saturating_mul(self.size))
    }

    /// What is on the page, of what is before it and on it.
    fn cut<T>(&self, newest: Vec<T>) -> Vec<T> {
        let before = self.page.saturating_mul(self.size) as usize;
        newest.into_iter().skip(before).collect()
    }
}

/// `GET /mypage/orders/{customer-id}`
pub fn orders(
    Path(customer_id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<Orders>> {
    let rows = ROWS.last_of(&customer_id, wanted.limit()?)?.into_iter();
    let newest = rows.map(|(_, row)| row).collect();
    Ok(Json(Orders {
        items: wanted.cut(newest),
        page: wanted.page,
        size: wanted.size,
        total: ROWS.count_of(&customer_id),
    }))
}

/// `GET /mypage/mileage/{customer-id}`
pub fn mileage(
    Path(customer_id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<Mileage>> {
    let newest = mileage::newest(&customer_id, wanted.limit()?)?;
    Ok(Json(Mileage {
        items: wanted.cut(newest),
        page: wanted.page,
        size: wanted.size,
        total: ENTRIES.count_of(&customer_id),
    }))
}
