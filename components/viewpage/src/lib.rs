//! The context viewpage: a projection that shows each room with its reservation and payment.

mod events;
mod policy;
mod view;
mod web;

use events::*;

innkeeper_sdk::context! {
    summary: "A view of each room with its reservation and payment.",
    tables: [view::ROWS, view::STAYS, view::DELETED],
    routes: {
        /// The rooms with their reservations and payments.
        GET "/roomviews" => web::list,
        /// A room with its reservation and payment.
        GET "/roomviews/{id}" => web::show,
    },
    follows: {
        "room": RoomRegistered | RoomModified | RoomReserved | RoomCancelled => policy::room_changed,
        "room": RoomDeleted => policy::room_deleted,
        "reservation": ReservationCreated | ReservationConfirmed => policy::reservation_changed,
        "reservation": ReservationCancelRequested | ReservationCancelled => policy::reservation_changed,
        "payment": PaymentApproved | PaymentCancelled => policy::payment_changed,
    },
}

#[cfg(test)]
mod tests;
