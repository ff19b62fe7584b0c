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
        /// Registers a room.
        POST "/rooms" => web::rooms::register,
        /// The rooms, oldest first.
        GET "/rooms" => web::rooms::list,
        /// A room.
        GET "/rooms/{id}" => web::rooms::show,
        /// Changes what a room is like.
        PATCH "/rooms/{id}" => web::rooms::modify,
        /// Deletes a room that nobody has.
        DELETE "/rooms/{id}" => web::rooms::delete,
        /// Writes a review of a room.
        POST "/reviews" => web::reviews::create,
        /// The reviews, oldest first.
        GET "/reviews" => web::reviews::list,
        /// A review.
        GET "/reviews/{id}" => web::reviews::show,
        /// Changes what a review says.
        PATCH "/reviews/{id}" => web::reviews::modify,
        /// Deletes a review.
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
