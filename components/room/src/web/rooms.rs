//! `/rooms`

use innkeeper_sdk::prelude::*;

use crate::events::*;
use crate::room::{Action, ROOMS, Room, Status};

/// A room, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    room_id: u64,
    desc: String,
    status: Status,
    review_cnt: u64,
    last_action: Action,
}

impl From<Room> for Shown {
    fn from(room: Room) -> Self {
        let status = room.status();
        Self {
            room_id: room.room_id,
            desc: room.desc,
            status,
            review_cnt: room.review_cnt,
            last_action: room.last_action,
        }
    }
}

/// What a client may set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settable {
    desc: Text<2000>,
}

/// `POST /rooms`
pub fn register(Json(new): Json<Settable>) -> Answer {
    let mut room = Room::new(ROOMS.next_id(), new.desc.into());
    emit::<RoomRegistered>(&room.fact())?;
    ROOMS.put(room.room_id, &room)?;
    Response::created(&format!("/rooms/{}", room.room_id), &Shown::from(room))
}

/// `GET /rooms`
pub fn list(paging: Paging) -> Answer {
    Response::page(&ROOMS.page(paging)?.map(Shown::from))
}

/// `GET /rooms/{id}`
pub fn show(Path(id): Path<u64>) -> Answer {
    Response::ok(&Shown::from(ROOMS.find(id)?))
}

/// `PATCH /rooms/{id}`
pub fn modify(Path(id): Path<u64>, Json(change): Json<Settable>) -> Answer {
    let mut room = ROOMS.find(id)?;
    room.desc = change.desc.into();
    room.last_action = Action::Modify;
    emit::<RoomModified>(&room.fact())?;
    ROOMS.put(id, &room)?;
    Response::ok(&Shown::from(room))
}

/// `DELETE /rooms/{id}`; a room that someone has cannot be deleted.
pub fn delete(Path(id): Path<u64>) -> Answer {
    let mut room = ROOMS.find(id)?;
    if room.status() == Status::Reserved {
        return Err(Problem::conflict(format!(
            "Room {id} is reserved: cancel its reservation first."
        )));
    }
    emit::<RoomDeleted>(&room.fact())?;
    ROOMS.delete(id);
    Response::no_content()
}
