//! What room does about events.

use innkeeper_sdk::prelude::*;

use crate::events::*;
use crate::review::{self, Review};
use crate::room::{Action, Change, ENDED, ROOMS, Taken};

/// A confirmed reservation takes its room, also without a hold: it may have been made while this context was away.
/// When the room is taken or gone, the reservation is told so.
pub fn reserve(Reservation { rsv_id, room_id }: Reservation) -> Outcome {
    if ENDED.contains(rsv_id) {
        return Ok(());
    }
    let reason = match ROOMS.get(room_id)? {
        None => format!("There is no room {room_id}."),
        Some(mut room) => match room.reserve(rsv_id) {
            Ok(Change::Announced) => {
                emit::<RoomReserved>(&room.fact())?;
                ROOMS.put(room_id, &room)?;
                return Ok(());
            }
            Ok(_) => return Ok(()),
            Err(Taken { by }) => format!("Reservation {by} has room {room_id}."),
        },
    };
    emit::<RoomUnavailable>(&Unavailable {
        room_id,
        rsv_id,
        reason,
    })?;
    Ok(())
}

/// A cancelled reservation leaves its room.
pub fn free(reservation: Reservation) -> Outcome {
    Ok(end(reservation.room_id, reservation.rsv_id)?)
}

/// Ends a reservation as far as room is concerned: nothing that comes later for it can take a room.
pub fn end(room_id: u64, rsv_id: u64) -> Result<(), Fault> {
    ENDED.put(rsv_id, &())?;
    let Some(mut room) = ROOMS.get(room_id)? else {
        return Ok(());
    };
    match room.free(rsv_id) {
        Change::None => return Ok(()),
        Change::Silent => {}
        Change::Announced => {
            emit::<RoomCancelled>(&RoomFact {
                rsv_id: Some(rsv_id),
                ..room.fact()
            })?;
        }
    }
    ROOMS.put(room_id, &room)
}

/// A new review is counted.
pub fn review_created(review: Review) -> Outcome {
    let Some(mut room) = ROOMS.get(review.room_id)? else {
        return Ok(());
    };
    if review::count(&mut room, review.review_id)? {
        emit::<RoomModified>(&room.fact())?;
        ROOMS.put(room.room_id, &room)?;
    }
    Ok(())
}

/// A changed review is the last that was done with its room.
pub fn review_modified(review: Review) -> Outcome {
    let Some(mut room) = ROOMS.get(review.room_id)? else {
        return Ok(());
    };
    room.last_action = Action::Review;
    emit::<RoomModified>(&room.fact())?;
    Ok(ROOMS.put(room.room_id, &room)?)
}

/// A deleted review is no longer counted.
pub fn review_deleted(review: Review) -> Outcome {
    let Some(mut room) = ROOMS.get(review.room_id)? else {
        return Ok(());
    };
    if review::discount(&mut room, review.review_id) {
        emit::<RoomModified>(&room.fact())?;
        ROOMS.put(room.room_id, &room)?;
    }
    Ok(())
}
