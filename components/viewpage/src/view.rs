//! The view: what is known of rooms, and of the reservations that were made of them.
//!
//! Events of different contexts come in any order. So each part is kept as far as it is known, a part only ever moves forward, and a row is put
//! together when it is read.

use innkeeper_sdk::prelude::*;

use crate::events::{Payment, PaymentStatus, Reservation, ReservationStatus, Room};

/// What is known of each room.
pub const ROWS: Table<u64, Row> = Table::new("rows");

/// What is known of each reservation.
pub const STAYS: Table<u64, Stay> = Table::new("stays");

/// The rooms that were deleted: no late event brings one back.
pub const DELETED: Table<u64, ()> = Table::new("deleted");

/// What is known of a room.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Row {
    /// The room.
    pub room_id: u64,
    /// What room has said about it, if it has.
    room: Option<RoomPart>,
    /// Its reservations that are not cancelled.
    live: Vec<u64>,
    /// The newest of its reservations that are cancelled.
    cancelled: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Record)]
struct RoomPart {
    desc: String,
    status: String,
    review_cnt: u64,
    revision: u64,
}

/// What is known of a reservation and its payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Record)]
pub struct Stay {
    rsv_status: Option<ReservationStatus>,
    pay_id: Option<u64>,
    pay_status: Option<PaymentStatus>,
}

/// A row, as it is shown. What is not known yet is null.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Roomview {
    room_id: u64,
    desc: Option<String>,
    review_cnt: Option<u64>,
    room_status: Option<String>,
    rsv_id: Option<u64>,
    rsv_status: Option<ReservationStatus>,
    pay_id: Option<u64>,
    pay_status: Option<PaymentStatus>,
}

impl Row {
    /// A room of which nothing is known.
    pub fn new(room_id: u64) -> Self {
        Self {
            room_id,
            room: None,
            live: Vec::new(),
            cancelled: None,
        }
    }

    /// Takes over what room says, unless something newer is known.
    pub fn merge(&mut self, room: Room) {
        if self
            .room
            .as_ref()
            .is_none_or(|known| known.revision < room.revision)
        {
            let Room {
                desc,
                status,
                review_cnt,
                revision,
                ..
            } = room;
            self.room = Some(RoomPart {
                desc,
                status,
                review_cnt,
                revision,
            });
        }
    }

    /// Notes a reservation of the room.
    pub fn note(&mut self, rsv_id: u64, status: ReservationStatus) {
        self.live.retain(|live| *live != rsv_id);
        if status == ReservationStatus::Cancelled {
            self.cancelled = self.cancelled.max(Some(rsv_id));
        } else {
            self.live.push(rsv_id);
        }
    }

    /// The reservation to show: the newest that is not cancelled, else the newest.
    fn rsv_id(&self) -> Option<u64> {
        self.live.iter().copied().max().or(self.cancelled)
    }

    /// The row, put together.
    pub fn show(self) -> Result<Roomview, Fault> {
        let rsv_id = self.rsv_id();
        let stay = match rsv_id {
            Some(rsv_id) => STAYS.get(rsv_id)?.unwrap_or_default(),
            None => Stay::default(),
        };
        let (desc, room_status, review_cnt) = match self.room {
            Some(RoomPart {
                desc,
                status,
                review_cnt,
                ..
            }) => (Some(desc), Some(status), Some(review_cnt)),
            None => (None, None, None),
        };
        let Stay {
            rsv_status,
            pay_id,
            pay_status,
        } = stay;
        Ok(Roomview {
            room_id: self.room_id,
            desc,
            review_cnt,
            room_status,
            rsv_id,
            rsv_status,
            pay_id,
            pay_status,
        })
    }
}

impl Stay {
    /// Takes over what reservation says; the status only moves forward. Returns the status that it has now.
    pub fn merge_reservation(&mut self, reservation: &Reservation) -> ReservationStatus {
        let status = self
            .rsv_status
            .map_or(reservation.status, |known| known.max(reservation.status));
        self.rsv_status = Some(status);
        self.pay_id = self.pay_id.or(reservation.pay_id);
        status
    }

    /// Takes over what payment says; the status only moves forward.
    pub fn merge_payment(&mut self, payment: &Payment) {
        if payment.pay_id.is_some() {
            self.pay_id = payment.pay_id;
            self.pay_status = self.pay_status.max(Some(payment.status));
        }
    }
}
