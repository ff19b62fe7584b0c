//! The events that room publishes, and what it reads of those that it follows.

use innkeeper_sdk::prelude::*;

use crate::review::Review;
use crate::room::{Action, Status};

innkeeper_sdk::events! {
    /// A room was registered.
    pub RoomRegistered: RoomFact,
    /// A room's description or reviews changed.
    pub RoomModified: RoomFact,
    /// A room was taken for a confirmed reservation.
    pub RoomReserved: RoomFact,
    /// A room's reservation was cancelled: it is free again.
    pub RoomCancelled: RoomFact,
    /// A room was deleted.
    pub RoomDeleted: RoomFact,
    /// A reservation was confirmed for a room that is taken or gone.
    pub RoomUnavailable: Unavailable,
    /// A review was written.
    pub ReviewCreated: Review,
    /// A review was changed.
    pub ReviewModified: Review,
    /// A review was deleted.
    pub ReviewDeleted: Review,
    /// A reservation was confirmed.
    pub ReservationConfirmed: Reservation,
    /// A reservation was cancelled.
    pub ReservationCancelled: Reservation,
}

/// A room, as events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct RoomFact {
    /// The room.
    pub room_id: u64,
    /// What it is like.
    pub desc: String,
    /// Whether a confirmed reservation has it.
    pub status: Status,
    /// How many reviews it has.
    pub review_cnt: u64,
    /// What was last done with it.
    pub last_action: Action,
    /// The reservation that has it, or that has just left it.
    pub rsv_id: Option<u64>,
    /// Counts the events about this room, from 1: of two, the one with the higher number is newer.
    pub revision: u64,
}

impl Subject for RoomFact {
    fn subject(&self) -> String {
        self.room_id.to_string()
    }
}

/// Why a reservation cannot have its room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Unavailable {
    /// The room.
    pub room_id: u64,
    /// The reservation that cannot have it.
    pub rsv_id: u64,
    /// Why.
    pub reason: String,
}

impl Subject for Unavailable {
    fn subject(&self) -> String {
        self.room_id.to_string()
    }
}

/// What room reads of a reservation's events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The reservation.
    pub rsv_id: u64,
    /// Its room.
    pub room_id: u64,
}
