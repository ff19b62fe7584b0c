//! What payment does about events.

use innkeeper_sdk::prelude::*;

use crate::events::*;
use crate::payment::{self, Cancellation, Status};

/// A reservation that is to be cancelled gets its payment back. One that was never paid is answered too: else its cancelling would not end.
pub fn refund(Reservation { rsv_id, room_id }: Reservation) -> Outcome {
    let fact = match payment::cancel(rsv_id)? {
        Cancellation::Made(payment) => payment.into(),
        // Its PaymentCancelled has been published, and ends the reservation.
        Cancellation::Standing(_) => return Ok(()),
        Cancellation::NeverPaid => PaymentFact {
            pay_id: None,
            rsv_id,
            room_id,
            status: Status::Cancelled,
        },
    };
    emit::<PaymentCancelled>(&fact)?;
    Ok(())
}
