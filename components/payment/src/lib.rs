//! The context payment: pays for reservations and refunds them.

mod bindings;
mod calls;
mod events;
mod payment;
mod policy;
mod web;

use events::*;

innkeeper_sdk::context! {
    summary: "Payments of reservations.",
    tables: [payment::PAYMENTS, payment::BY_RESERVATION, payment::ENDED],
    routes: {
        GET "/payments" => web::list,
        GET "/payments/{id}" => web::show,
    },
    publishes: [PaymentApproved, PaymentCancelled],
    follows: {
        "reservation": ReservationCancelRequested => policy::refund,
    },
    compensations: {
        "stay:payment/payments@0.1.0": "approve" => "refund",
    },
}

#[cfg(test)]
mod tests;
