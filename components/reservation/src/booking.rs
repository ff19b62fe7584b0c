//! The booking saga: one request with two calls. When it does not end with a reservation, the host undoes the calls.

use innkeeper_sdk::prelude::*;

use crate::calls::payments::{self, PaymentError};
use crate::calls::rooms::{self, RoomError};
use crate::events::*;
use crate::guest;
use crate::reservation::{RESERVATIONS, Reservation};

/// In how many seconds to try again when payment cannot be reached.
const RETRY_AFTER: u32 = 1;

/// What a client may set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewReservation {
    room_id: u64,
    guest_id: Option<u64>,
}

/// `POST /reservations`
pub fn book(Json(new): Json<NewReservation>) -> Answer<Created<ReservationFact>> {
    let NewReservation { room_id, guest_id } = new;
    if let Some(guest_id) = guest_id {
        guest::admit(guest_id)?;
    }
    let mut reservation = Reservation::new(RESERVATIONS.next_id(), room_id, guest_id);
    let rsv_id = reservation.rsv_id;
    held(rooms::hold(room_id, rsv_id))?;
    let pay_id = paid(payments::approve(rsv_id, room_id))?;
    emit::<ReservationCreated>(&reservation.fact())?;
    reservation.confirm(pay_id);
    emit::<ReservationConfirmed>(&reservation.fact())?;
    RESERVATIONS.put(rsv_id, &reservation)?;
    guest::enter(guest_id, rsv_id)?;
    let location = format!("/reservations/{rsv_id}");
    Ok(Created::at(location, reservation.fact()))
}

/// Whether to go on after asking for the room. When room cannot be reached, yes: reservations are taken round the clock, and room says later if it
/// is taken or gone.
fn held(answer: Result<(), RoomError>) -> Result<(), Problem> {
    match answer {
        Ok(()) => Ok(()),
        Err(RoomError::NotFound(reason)) => Err(Problem::invalid("/roomId", reason)),
        Err(RoomError::Taken(reason)) => Err(Problem::conflict(reason)),
        Err(RoomError::Unavailable(reason)) => {
            innkeeper_sdk::warn!("booked without a hold: {reason}");
            Ok(())
        }
    }
}

/// The payment's id. Without a payment there is no reservation.
fn paid(answer: Result<u64, PaymentError>) -> Result<u64, Problem> {
    match answer {
        Ok(pay_id) => Ok(pay_id),
        Err(PaymentError::Declined(reason)) => Err(Problem::new(402, reason)),
        Err(PaymentError::Unavailable(reason)) => {
            innkeeper_sdk::warn!("not booked: {reason}");
            Err(Problem::unavailable(
                "Payments cannot be made at the moment; nothing was booked.",
                RETRY_AFTER,
            ))
        }
        Err(PaymentError::DeadlineExceeded(reason)) => {
            innkeeper_sdk::warn!("not booked: {reason}");
            Err(Problem::new(
                504,
                "The payment has taken too long; nothing was booked.",
            ))
        }
    }
}
