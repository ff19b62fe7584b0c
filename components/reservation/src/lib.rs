//! The context reservation: books rooms and cancels bookings.

mod booking;
mod events;
mod guest;
mod policy;
mod reservation;
mod web;

use events::*;

innkeeper_sdk::context! {
    summary: "Reservations of rooms: the booking and cancelling sagas.",
    calls: ["stay:room/rooms", "stay:payment/payments"],
    tables: [reservation::RESERVATIONS, guest::GUESTS],
    config: guest::Settings,
    routes: {
        /// Books a room, and pays for it.
        POST "/reservations" => booking::book,
        /// The reservations, oldest first.
        GET "/reservations" => web::list,
        /// A reservation.
        GET "/reservations/{id}" => web::show,
        /// Has a reservation cancelled.
        PATCH "/reservations/{id}" => web::modify,
    },
    publishes: [ReservationCreated, ReservationConfirmed, ReservationCancelRequested, ReservationCancelled],
    follows: {
        "room": RoomUnavailable => policy::roll_back,
        "payment": PaymentCancelled => policy::finish_cancel,
    },
}

#[cfg(test)]
mod tests;
