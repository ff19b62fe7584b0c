//! What room offers to other contexts.

use crate::Component;
use crate::offers::rooms::{Guest, RoomError};
use crate::policy;
use crate::room::{Change, ENDED, ROOMS, Taken};

impl Guest for Component {
    fn hold(room_id: u64, rsv_id: u64) -> Result<(), RoomError> {
        if ENDED.contains(rsv_id) {
            return Err(RoomError::Taken(format!("Reservation {rsv_id} has ended.")));
        }
        let mut room = ROOMS
            .get(room_id)?
            .ok_or_else(|| RoomError::NotFound(format!("There is no room {room_id}.")))?;
        match room.hold(rsv_id) {
            Ok(Change::None) => Ok(()),
            Ok(_) => Ok(ROOMS.put(room_id, &room)?),
            Err(Taken { by: _ }) => Err(RoomError::Taken(format!("Room {room_id} is taken."))),
        }
    }

    fn release(room_id: u64, rsv_id: u64) -> Result<(), RoomError> {
        Ok(policy::end(room_id, rsv_id)?)
    }
}
