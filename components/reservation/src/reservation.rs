//! The aggregate Reservation: its status only moves forward.

use innkeeper_sdk::prelude::*;

use crate::events::ReservationFact;

/// The reservations.
pub const RESERVATIONS: Table<u64, Reservation> = Table::new("reservations");

/// How far a reservation has come; a later status is greater.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Record, EventData,
)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Asked for.
    ReqReserve,
    /// Paid and confirmed.
    Reserved,
    /// To be cancelled; its payment is being cancelled.
    ReqCancel,
    /// Cancelled, and its payment too.
    Cancelled,
}

/// A reservation, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Reservation {
    /// Its id.
    pub rsv_id: u64,
    /// The room.
    pub room_id: u64,
    /// How far it has come.
    pub status: Status,
    /// Its payment.
    pub pay_id: Option<u64>,
    /// Who made it, if they said so.
    pub guest_id: Option<u64>,
}

impl Reservation {
    /// A reservation that is asked for.
    pub fn new(rsv_id: u64, room_id: u64, guest_id: Option<u64>) -> Self {
        Self {
            rsv_id,
            room_id,
            status: Status::ReqReserve,
            pay_id: None,
            guest_id,
        }
    }

    /// It is paid.
    pub fn confirm(&mut self, pay_id: u64) {
        self.pay_id = Some(pay_id);
        self.advance(Status::Reserved);
    }

    /// Moves the status forward; false when it is there already, or further.
    pub fn advance(&mut self, status: Status) -> bool {
        let moves = self.status < status;
        if moves {
            self.status = status;
        }
        moves
    }

    /// The reservation, as it is shown and as events tell it.
    pub fn fact(&self) -> ReservationFact {
        let Self {
            rsv_id,
            room_id,
            status,
            pay_id,
            guest_id,
        } = *self;
        ReservationFact {
            rsv_id,
            room_id,
            status,
            pay_id,
            guest_id,
        }
    }
}
