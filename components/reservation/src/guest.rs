//! How many reservations one guest may have.

use innkeeper_sdk::{Config, prelude::*};

/// What operators may set.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many reservations one guest may have at a time.
    max_reservation_per_person: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_reservation_per_person: u64::MAX,
        }
    }
}

/// The live reservations of each guest, by guest and reservation.
pub const GUESTS: Table<(u64, u64), ()> = Table::new("guests");

/// Refuses a guest who has as many reservations as `max_reservation_per_person` allows.
pub fn admit(guest_id: u64) -> Result<(), Problem> {
    let max = Config::<Settings>::read()?.max_reservation_per_person;
    let live = GUESTS.count_of(guest_id);
    if live < max {
        return Ok(());
    }
    Err(Problem::conflict(format!(
        "Guest {guest_id} has {live} reservations; at most {max} are allowed at a time."
    )))
}

/// Notes that a guest has a reservation.
pub fn enter(guest_id: Option<u64>, rsv_id: u64) -> Result<(), Fault> {
    match guest_id {
        Some(guest_id) => GUESTS.put((guest_id, rsv_id), &()),
        None => Ok(()),
    }
}

/// Notes that a guest no longer has a reservation.
pub fn leave(guest_id: Option<u64>, rsv_id: u64) {
    if let Some(guest_id) = guest_id {
        GUESTS.delete((guest_id, rsv_id));
    }
}
