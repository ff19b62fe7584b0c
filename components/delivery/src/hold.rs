//! Holds: while an order is about to be cancelled its delivery is not completed. Whoever holds it has a hold of their own, so none ends another's.

use innkeeper_sdk::prelude::*;

/// The holds, by order and hold.
pub const HOLDS: Table<(u64, String), ()> = Table::new("holds");

/// How many holds are looked at at once.
const SOME: u32 = 100;

/// Whether anybody holds the delivery of an order.
pub fn is_held(order_id: u64) -> bool {
    HOLDS.count_of(order_id) > 0
}

/// Ends all holds of an order.
pub fn end_all(order_id: u64) -> Result<(), Fault> {
    loop {
        let holds = HOLDS.of(order_id, SOME)?;
        if holds.is_empty() {
            return Ok(());
        }
        for ((_, hold_id), ()) in holds {
            HOLDS.delete((order_id, &hold_id));
        }
    }
}
