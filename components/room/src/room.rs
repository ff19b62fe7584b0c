//! The aggregate Room: what may happen to it, in which order.

use innkeeper_sdk::prelude::*;

use crate::events::RoomFact;

/// The rooms.
pub const ROOMS: Table<u64, Room> = Table::new("rooms");

/// The reservations that have ended. Whatever comes late for one of them, a hold or a confirmation, must not take a room.
pub const ENDED: Table<u64, ()> = Table::new("ended");

/// Whether a room can be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It can.
    Available,
    /// A reservation has it.
    Reserved,
}

/// What was last done with a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It was registered.
    Register,
    /// Its description was changed.
    Modify,
    /// A review of it was written, changed or deleted.
    Review,
    /// It was reserved.
    Reserved,
    /// Its reservation was cancelled.
    Cancelled,
}

/// A room, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Room {
    /// Its id.
    pub room_id: u64,
    /// What it is like.
    pub desc: String,
    /// How many reviews it has.
    pub review_cnt: u64,
    /// What was last done with it.
    pub last_action: Action,
    /// The reservation that has it.
    hold: Option<Hold>,
    /// How many events have been about it.
    revision: u64,
}

/// Which reservation has a room: cancelling another one must not free it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
struct Hold {
    rsv_id: u64,
    /// Whether the reservation is known to exist. Events speak of the hold only then.
    confirmed: bool,
}

/// Another reservation has the room.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// The reservation that has it.
    pub by: u64,
}

/// What a step has changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// The room, in a way that nobody else needs to hear of.
    Silent,
    /// The room, and an event has to say so.
    Announced,
}

impl Room {
    /// A new room.
    pub fn new(room_id: u64, desc: String) -> Self {
        Self {
            room_id,
            desc,
            review_cnt: 0,
            last_action: Action::Register,
            hold: None,
            revision: 0,
        }
    }

    /// Whether it can be booked.
    pub fn status(&self) -> Status {
        if self.hold.is_some() {
            Status::Reserved
        } else {
            Status::Available
        }
    }

    /// Holds the room for a reservation that is about to be made. Nobody is told before it is confirmed.
    pub fn hold(&mut self, rsv_id: u64) -> Result<Change, Taken> {
        match self.hold {
            Some(hold) if hold.rsv_id != rsv_id => Err(Taken { by: hold.rsv_id }),
            Some(_) => Ok(Change::None),
            None => {
                self.hold = Some(Hold {
                    rsv_id,
                    confirmed: false,
                });
                Ok(Change::Silent)
            }
        }
    }

    /// Takes the room for a confirmed reservation, held before or not.
    pub fn reserve(&mut self, rsv_id: u64) -> Result<Change, Taken> {
        match self.hold {
            Some(hold) if hold.rsv_id != rsv_id => Err(Taken { by: hold.rsv_id }),
            Some(hold) if hold.confirmed => Ok(Change::None),
            _ => {
                self.hold = Some(Hold {
                    rsv_id,
                    confirmed: true,
                });
                self.last_action = Action::Reserved;
                Ok(Change::Announced)
            }
        }
    }

    /// Frees the room if this reservation has it.
    pub fn free(&mut self, rsv_id: u64) -> Change {
        let Some(hold) = self.hold.filter(|hold| hold.rsv_id == rsv_id) else {
            return Change::None;
        };
        self.hold = None;
        if !hold.confirmed {
            return Change::Silent;
        }
        self.last_action = Action::Cancelled;
        Change::Announced
    }

    /// The room as the next event about it tells it.
    pub fn fact(&mut self) -> RoomFact {
        self.revision += 1;
        let confirmed = self.hold.filter(|hold| hold.confirmed);
        RoomFact {
            room_id: self.room_id,
            desc: self.desc.clone(),
            status: if confirmed.is_some() {
                Status::Reserved
            } else {
                Status::Available
            },
            review_cnt: self.review_cnt,
            last_action: self.last_action,
            rsv_id: confirmed.map(|hold| hold.rsv_id),
            revision: self.revision,
        }
    }
}
