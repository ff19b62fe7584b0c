//! The aggregate Payment: a reservation is paid at most once, and not after it was cancelled.

use innkeeper_sdk::{config, prelude::*};

/// The payments.
pub const PAYMENTS: Table<u64, Payment> = Table::new("payments");

/// The payment of each reservation.
pub const BY_RESERVATION: Table<u64, u64> = Table::new("by-reservation");

/// The reservations that were cancelled before they were paid: a payment that comes late for one of them is declined.
pub const ENDED: Table<u64, ()> = Table::new("ended");

/// Whether a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It does.
    Paid,
    /// It was paid back.
    Cancelled,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Record, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Its id.
    pub pay_id: u64,
    /// The reservation that it is for.
    pub rsv_id: u64,
    /// The reservation's room.
    pub room_id: u64,
    /// Whether it stands.
    pub status: Status,
}

/// What there was to pay.
#[derive(Debug, PartialEq, Eq)]
pub enum Approval {
    /// The payment was made now.
    Made(Payment),
    /// The payment with this id was made before.
    Standing(u64),
    /// It was declined, and why.
    Declined(String),
}

/// What there was to cancel.
#[derive(Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// The payment was cancelled now.
    Made(Payment),
    /// The payment with this id was cancelled before.
    Standing(u64),
    /// There was no payment, and there will be none.
    NeverPaid,
}

fn of_reservation(rsv_id: u64) -> Result<Option<Payment>, Fault> {
    match BY_RESERVATION.get(rsv_id)? {
        Some(pay_id) => PAYMENTS.get(pay_id),
        None => Ok(None),
    }
}

/// Pays for a reservation.
pub fn approve(rsv_id: u64, room_id: u64) -> Result<Approval, Fault> {
    if let Some(payment) = of_reservation(rsv_id)? {
        return Ok(match payment.status {
            Status::Paid => Approval::Standing(payment.pay_id),
            Status::Cancelled => Approval::Declined(format!(
                "The payment of reservation {rsv_id} was cancelled."
            )),
        });
    }
    if ENDED.contains(rsv_id) {
        return Ok(Approval::Declined(format!(
            "Reservation {rsv_id} was cancelled."
        )));
    }
    if is_declined(room_id) {
        return Ok(Approval::Declined(format!(
            "The payment for room {room_id} was declined."
        )));
    }
    let payment = Payment {
        pay_id: PAYMENTS.next_id(),
        rsv_id,
        room_id,
        status: Status::Paid,
    };
    PAYMENTS.put(payment.pay_id, &payment)?;
    BY_RESERVATION.put(rsv_id, &payment.pay_id)?;
    Ok(Approval::Made(payment))
}

/// Cancels a reservation's payment.
pub fn cancel(rsv_id: u64) -> Result<Cancellation, Fault> {
    let Some(mut payment) = of_reservation(rsv_id)? else {
        ENDED.put(rsv_id, &())?;
        return Ok(Cancellation::NeverPaid);
    };
    if payment.status == Status::Cancelled {
        return Ok(Cancellation::Standing(payment.pay_id));
    }
    payment.status = Status::Cancelled;
    PAYMENTS.put(payment.pay_id, &payment)?;
    Ok(Cancellation::Made(payment))
}

/// Cancels the payment that an approval has made, and no other.
pub fn refund(rsv_id: u64, pay_id: u64) -> Result<Cancellation, Fault> {
    match of_reservation(rsv_id)? {
        Some(payment) if payment.pay_id == pay_id => cancel(rsv_id),
        Some(_) | None => Ok(Cancellation::NeverPaid),
    }
}

/// There is no bank behind this context: `declined_rooms`, for example `13, 17`, names the rooms whose payments are declined.
fn is_declined(room_id: u64) -> bool {
    config::text("declined_rooms").is_some_and(|rooms| {
        rooms
            .split(',')
            .any(|room| room.trim().parse() == Ok(room_id))
    })
}
