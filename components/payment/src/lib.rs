//! The context payment: pays for reservations and refunds them.

mod events;
mod offered;
mod payment;
mod policy;
mod web;

use events::*;

innkeeper_sdk::context! {
    summary: "Payments of reservations.",
    offers: "stay:payment/payments",
    tables: [payment::PAYMENTS, payment::BY_RESERVATION, payment::ENDED],
    routes: {
        /// The payments, oldest first.
        GET "/payments" => web::list,
        /// A payment.
        GET "/payments/{id}" => web::show,
    },
    publishes: [PaymentApproved, PaymentCancelled],
    follows: {
        "reservation": ReservationCancelRequested => policy::refund,
    },
    compensations: {
        "stay:payment/payments": "approve" => "refund",
    },
}

#[cfg(test)]
mod tests;
