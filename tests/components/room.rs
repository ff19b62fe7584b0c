//! The app's room, for crates that are a variant of it: all of it but what it offers to other contexts.

#[path = "../../components/room/src/events.rs"]
pub mod events;
#[path = "../../components/room/src/policy.rs"]
pub mod policy;
#[path = "../../components/room/src/review.rs"]
pub mod review;
#[path = "../../components/room/src/room.rs"]
pub mod room;
#[path = "../../components/room/src/web/mod.rs"]
pub mod web;

/// Declares a context with the routes and events of room, and with whatever else is given.
#[macro_export]
macro_rules! room {
    ($($more:tt)*) => {
        innkeeper_sdk::context! {
            summary: "Rooms that can be booked, and their reviews.",
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
                events::RoomRegistered,
                events::RoomModified,
                events::RoomReserved,
                events::RoomCancelled,
                events::RoomDeleted,
                events::RoomUnavailable,
                events::ReviewCreated,
                events::ReviewModified,
                events::ReviewDeleted,
            ],
            follows: {
                "reservation": events::ReservationConfirmed => policy::reserve,
                "reservation": events::ReservationCancelled => policy::free,
                "room": events::ReviewCreated => policy::review_created,
                "room": events::ReviewModified => policy::review_modified,
                "room": events::ReviewDeleted => policy::review_deleted,
            },
            $($more)*
        }
    };
}
