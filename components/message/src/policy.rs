//! What message does about events.

use innkeeper_sdk::prelude::*;

use crate::message::{self, Occasion};

innkeeper_sdk::events! {
    /// A reservation was confirmed.
    pub ReservationConfirmed: Reservation,
    /// A reservation was cancelled.
    pub ReservationCancelled: Reservation,
}

/// What message reads of a reservation's events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    rsv_id: u64,
    room_id: u64,
}

/// A confirmed reservation is worth a message.
pub fn confirmed(Reservation { rsv_id, room_id }: Reservation) -> Outcome {
    Ok(message::write(rsv_id, room_id, Occasion::Confirmed)?)
}

/// So is a cancelled one.
pub fn cancelled(Reservation { rsv_id, room_id }: Reservation) -> Outcome {
    Ok(message::write(rsv_id, room_id, Occasion::Cancelled)?)
}
