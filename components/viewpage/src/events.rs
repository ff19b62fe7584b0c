//! What viewpage reads of the events that it follows.

use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// A room was registered.
    pub RoomRegistered: Room,
    /// A room's description or reviews changed.
    pub RoomModified: Room,
    /// A room was reserved.
    pub RoomReserved: Room,
    /// A room is free again.
    pub RoomCancelled: Room,
    /// A room was deleted.
    pub RoomDeleted: Room,
    /// A reservation was asked for.
    pub ReservationCreated: Reservation,
    /// A reservation is paid.
    pub ReservationConfirmed: Reservation,
    /// A reservation is to be cancelled.
    pub ReservationCancelRequested: Reservation,
    /// A reservation is cancelled.
    pub ReservationCancelled: Reservation,
    /// A reservation was paid.
    pub PaymentApproved: Payment,
    /// A payment was cancelled.
    pub PaymentCancelled: Payment,
}

/// A room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// The room.
    pub room_id: u64,
    /// What it is like.
    pub desc: String,
    /// Whether it can be booked.
    pub status: String,
    /// How many reviews it has.
    pub review_cnt: u64,
    /// Counts the events about the room: of two, the one with the higher number is newer.
    pub revision: u64,
}

/// How far a reservation has come; a later status is greater.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Record, EventData,
)]
#[serde(rename_all = "camelCase")]
pub enum ReservationStatus {
    /// Asked for.
    ReqReserve,
    /// Paid and confirmed.
    Reserved,
    /// To be cancelled.
    ReqCancel,
    /// Cancelled.
    Cancelled,
}

/// A reservation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The reservation.
    pub rsv_id: u64,
    /// Its room.
    pub room_id: u64,
    /// How far it has come.
    pub status: ReservationStatus,
    /// Its payment.
    pub pay_id: Option<u64>,
}

/// Whether a payment stands; a later status is greater.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Record, EventData,
)]
#[serde(rename_all = "camelCase")]
pub enum PaymentStatus {
    /// It does.
    Paid,
    /// It was paid back.
    Cancelled,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The payment; none when its reservation was never paid.
    pub pay_id: Option<u64>,
    /// The reservation.
    pub rsv_id: u64,
    /// Whether it stands.
    pub status: PaymentStatus,
}
