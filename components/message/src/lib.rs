//! The context message: tells whoever booked what became of it.

mod message;
mod policy;
mod web;

use policy::{ReservationCancelled, ReservationConfirmed};

innkeeper_sdk::context! {
    summary: "Messages to whoever booked.",
    tables: [message::MESSAGES, message::WRITTEN],
    routes: {
        /// The messages, oldest first.
        GET "/messages" => web::list,
        /// A message.
        GET "/messages/{id}" => web::show,
    },
    follows: {
        "reservation": ReservationConfirmed => policy::confirmed,
        "reservation": ReservationCancelled => policy::cancelled,
    },
}

#[cfg(test)]
mod tests;
