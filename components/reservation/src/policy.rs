//! The cancelling saga: reservation asks for it, payment refunds, reservation ends. A booking is rolled back in the same way.

use innkeeper_sdk::prelude::*;

use crate::events::*;
use crate::guest;
use crate::reservation::{RESERVATIONS, Reservation, Status};

/// Starts to cancel a reservation, unless that has begun. Payment answers with `PaymentCancelled`, also when there is no payment.
pub fn request_cancel(reservation: &mut Reservation) -> Result<(), Fault> {
    if reservation.advance(Status::ReqCancel) {
        emit::<ReservationCancelRequested>(&reservation.fact())?;
        RESERVATIONS.put(reservation.rsv_id, reservation)?;
    }
    Ok(())
}

/// A reservation that cannot have its room is cancelled.
pub fn roll_back(unavailable: Unavailable) -> Outcome {
    let Some(mut reservation) = RESERVATIONS.get(unavailable.rsv_id)? else {
        return Ok(());
    };
    innkeeper_sdk::info!(
        "reservation {} is rolled back: {}",
        unavailable.rsv_id,
        unavailable.reason
    );
    Ok(request_cancel(&mut reservation)?)
}

/// A reservation ends with its payment. A payment that was cancelled because no reservation came of it concerns nobody.
pub fn finish_cancel(payment: Payment) -> Outcome {
    let Some(mut reservation) = RESERVATIONS.get(payment.rsv_id)? else {
        return Ok(());
    };
    if reservation.advance(Status::Cancelled) {
        guest::leave(reservation.guest_id, reservation.rsv_id);
        emit::<ReservationCancelled>(&reservation.fact())?;
        RESERVATIONS.put(reservation.rsv_id, &reservation)?;
    }
    Ok(())
}
