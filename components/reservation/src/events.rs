//! The events that reservation publishes, and what it reads of those that it follows.

use innkeeper_sdk::prelude::*;

use crate::reservation::Status;

innkeeper_sdk::events! {
    /// A reservation was asked for.
    pub ReservationCreated: ReservationFact,
    /// A reservation is paid.
    pub ReservationConfirmed: ReservationFact,
    /// A reservation is to be cancelled.
    pub ReservationCancelRequested: ReservationFact,
    /// A reservation and its payment are cancelled.
    pub ReservationCancelled: ReservationFact,
    /// A confirmed reservation cannot have its room.
    pub RoomUnavailable: Unavailable,
    /// A payment was cancelled.
    pub PaymentCancelled: Payment,
}

/// A reservation, as it is shown and as events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct ReservationFact {
    /// The reservation.
    pub rsv_id: u64,
    /// The room.
    pub room_id: u64,
    /// How far it has come.
    pub status: Status,
    /// Its payment.
    pub pay_id: Option<u64>,
    /// Who made it, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_id: Option<u64>,
}

impl Subject for ReservationFact {
    fn subject(&self) -> String {
        self.rsv_id.to_string()
    }
}

/// What reservation reads of `RoomUnavailable`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Unavailable {
    /// The reservation that cannot have its room.
    pub rsv_id: u64,
    /// Why.
    pub reason: String,
}

/// What reservation reads of a payment's events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The reservation that was paid with it.
    pub rsv_id: u64,
}
