//! `/rooms`

use innkeeper_sdk::prelude::*;

use crate::events::*;
use crate::room::{Action, ROOMS, Room, Status};

/// A room, as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomShown {
    room_id: u64,
    desc: String,
    status: Status,
    review_cnt: u64,
    last_action: Action,
}

impl From<Room> for RoomShown {
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
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomSettings {
    desc: Text<2000>,
}

/// `POST /rooms`
pub fn register(Json(new): Json<RoomSettings>) -> Answer<Created<RoomShown>> {
    let mut room = Room::new(ROOMS.next_id(), new.desc.into());
    emit::<RoomRegistered>(&room.fact())?;
    ROOMS.put(room.room_id, &room)?;
    Ok(Created::at(format!("/rooms/{}", room.room_id), room.into()))
}

/// `GET /rooms`
pub fn list(paging: Paging) -> Answer<Page<RoomShown>> {
    Ok(ROOMS.page(paging)?.map(RoomShown::from))
}

/// `GET /rooms/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<RoomShown>> {
    Ok(Json(ROOMS.find(id)?.into()))
}

/// `PATCH /rooms/{id}`
pub fn modify(Path(id): Path<u64>, Json(change): Json<RoomSettings>) -> Answer<Json<RoomShown>> {
    let mut room = ROOMS.find(id)?;
    room.desc = change.desc.into();
    room.last_action = Action::Modify;
    emit::<RoomModified>(&room.fact())?;
    ROOMS.put(id, &room)?;
    Ok(Json(room.into()))
}

/// `DELETE /rooms/{id}`; a room that someone has cannot be deleted.
pub fn delete(Path(id): Path<u64>) -> Answer<NoContent> {
    let mut room = ROOMS.find(id)?;
    if room.status() == Status::Reserved {
        return Err(Problem::conflict(format!(
            "Room {id} is reserved: cancel its reservation first."
        )));
    }
    emit::<RoomDeleted>(&room.fact())?;
    ROOMS.delete(id);
    Ok(NoContent)
}
