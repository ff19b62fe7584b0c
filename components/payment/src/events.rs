//! The events that payment publishes, and what it reads of those that it follows.

use innkeeper_sdk::prelude::*;

use crate::payment::{Payment, Status};

innkeeper_sdk::events! {
    /// A reservation was paid.
    pub PaymentApproved: PaymentFact,
    /// A reservation's payment was cancelled; without a `payId` when it had none, and now never will.
    pub PaymentCancelled: PaymentFact,
    /// A reservation is to be cancelled.
    pub ReservationCancelRequested: Reservation,
}

/// A payment, as events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct PaymentFact {
    /// The payment.
    pub pay_id: Option<u64>,
    /// The reservation.
    pub rsv_id: u64,
    /// The reservation's room.
    pub room_id: u64,
    /// Whether it is paid.
    pub status: Status,
}

impl From<Payment> for PaymentFact {
    fn from(payment: Payment) -> Self {
        let Payment {
            pay_id,
            rsv_id,
            room_id,
            status,
        } = payment;
        Self {
            pay_id: Some(pay_id),
            rsv_id,
            room_id,
            status,
        }
    }
}

impl Subject for PaymentFact {
    fn subject(&self) -> String {
        self.pay_id.unwrap_or(0).to_string()
    }
}

/// What payment reads of a reservation's events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The reservation.
    pub rsv_id: u64,
    /// Its room.
    pub room_id: u64,
}
