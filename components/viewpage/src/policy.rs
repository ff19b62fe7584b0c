//! How events change the view.

use innkeeper_sdk::prelude::*;

use crate::events::{Payment, Reservation, Room};
use crate::view::{DELETED, ROWS, Row, STAYS};

/// Anything that room says about a room that exists.
pub fn room_changed(room: Room) -> Outcome {
    let Some(mut row) = row(room.room_id)? else {
        return Ok(());
    };
    row.merge(room);
    Ok(ROWS.put(row.room_id, &row)?)
}

/// A room was deleted.
pub fn room_deleted(room: Room) -> Outcome {
    DELETED.put(room.room_id, &())?;
    ROWS.delete(room.room_id);
    Ok(())
}

/// Anything that reservation says.
pub fn reservation_changed(reservation: Reservation) -> Outcome {
    let rsv_id = reservation.rsv_id;
    let mut stay = STAYS.get(rsv_id)?.unwrap_or_default();
    let status = stay.merge_reservation(&reservation);
    STAYS.put(rsv_id, &stay)?;
    let Some(mut row) = row(reservation.room_id)? else {
        return Ok(());
    };
    row.note(rsv_id, status);
    Ok(ROWS.put(row.room_id, &row)?)
}

/// Anything that payment says. It shows with its reservation: a payment that no reservation came of is not shown.
pub fn payment_changed(payment: Payment) -> Outcome {
    let mut stay = STAYS.get(payment.rsv_id)?.unwrap_or_default();
    stay.merge_payment(&payment);
    Ok(STAYS.put(payment.rsv_id, &stay)?)
}

/// A room's row, begun if need be; none when the room was deleted.
fn row(room_id: u64) -> Result<Option<Row>, Fault> {
    if DELETED.contains(room_id) {
        return Ok(None);
    }
    Ok(Some(
        ROWS.get(room_id)?.unwrap_or_else(|| Row::new(room_id)),
    ))
}
