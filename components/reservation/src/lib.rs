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
        POST "/reservations" => booking::book,
        GET "/reservations" => web::list,
        GET "/reservations/{id}" => web::show,
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
