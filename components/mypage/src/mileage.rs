//! Mileage: a tenth of each payment, given for an order and taken back when it is cancelled.
//!
//! Events of different orders come in any order, so the entries of a customer are found by the time of their events, and what they come to is said when they are shown.

use innkeeper_sdk::{Counter, prelude::*};

/// What was given and taken back, by customer and place: the newest is the last.
pub const ENTRIES: Table<(String, String), Entry> = Table::new("entries");

/// What each customer has.
pub const TOTALS: Counter<String> = Counter::new("totals");

/// Which part of a payment is given.
const PART: u64 = 10;

/// Something that was given, or taken back.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Entry {
    /// For which order.
    pub order_id: u64,
    /// How much: less than 0 where it was taken back.
    pub mileage: i64,
    /// When, in milliseconds since the Unix epoch.
    pub timestamp: u64,
}

/// An entry, as it is shown.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MileageHistory {
    order_id: u64,
    user_id: String,
    mileage: i64,
    timestamp: u64,
    /// What the customer had from then on.
    total_mileage: i64,
}

/// Gives a tenth of a payment.
pub fn give(user_id: &str, order_id: u64, payment: u64, timestamp: u64) -> Result<(), Fault> {
    enter(user_id, order_id, part(payment), timestamp, "given")
}

/// Takes it back.
pub fn take_back(user_id: &str, order_id: u64, payment: u64, timestamp: u64) -> Result<(), Fault> {
    enter(user_id, order_id, -part(payment), timestamp, "taken")
}

fn part(payment: u64) -> i64 {
    i64::try_from(payment / PART).unwrap_or(i64::MAX)
}

fn enter(
    user_id: &str,
    order_id: u64,
    mileage: i64,
    timestamp: u64,
    what: &str,
) -> Result<(), Fault> {
    // Of one time by order, and what was given before what was taken back: so a projection that is filled anew shows the same.
    let place = format!("{timestamp:016x}-{order_id:016x}-{what}");
    TOTALS.add(user_id, mileage);
    let entry = Entry {
        order_id,
        mileage,
        timestamp,
    };
    ENTRIES.put((user_id, &place), &entry)
}

/// The newest entries of a customer, the newest first, at most so many.
pub fn newest(user_id: &str, limit: u32) -> Result<Vec<MileageHistory>, Fault> {
    let mut total = TOTALS.get(user_id)?;
    let entries = ENTRIES.last_of(user_id, limit)?.into_iter();
    let shown = entries.map(|(_, entry)| {
        let Entry {
            order_id,
            mileage,
            timestamp,
        } = entry;
        let shown = MileageHistory {
            order_id,
            user_id: user_id.into(),
            mileage,
            timestamp,
            total_mileage: total,
        };
        total -= mileage;
        shown
    });
    Ok(shown.collect())
}
