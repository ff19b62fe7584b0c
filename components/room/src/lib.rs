//! The context room: rooms that can be booked, and their reviews.

mod events;
mod offered;
mod policy;
mod review;
mod room;
mod web;

use events::*;

innkeeper_sdk::context! {
    summary: "Rooms that can be booked, and their reviews.",
    offers: "stay:room/rooms",
    tables: [room::ROOMS, room::ENDED, review::REVIEWS, review::COUNTED],
    routes: {
        POST "/rooms" => web::rooms::register,
        GET "/rooms" => web::rooms::list,
        GET "/rooms/{id}" => web::rooms::show,
        PATCH "/rooms/{id}" => web::rooms::modify,
        DELETE "/rooms/{id}" => web::rooms::delete,
        POST "/reviews" => web::reviews::create,
        GET "/reviews" => web::reviews::list,
        GET "/reviews/{id}" => web::reviews::show,
        PATCH "/reviews/{id}" => web::reviews::modify,
        DELETE "/reviews/{id}" => web::reviews::delete,
    },
    publishes: [
        RoomRegistered,
        RoomModified,
        RoomReserved,
        RoomCancelled,
        RoomDeleted,
        RoomUnavailable,
        ReviewCreated,
        ReviewModified,
        ReviewDeleted,
    ],
    follows: {
        "reservation": ReservationConfirmed => policy::reserve,
        "reservation": ReservationCancelled => policy::free,
        "room": ReviewCreated => policy::review_created,
        "room": ReviewModified => policy::review_modified,
        "room": ReviewDeleted => policy::review_deleted,
    },
    compensations: {
        "stay:room/rooms": "hold" => "release",
    },
}

#[cfg(test)]
mod tests;
