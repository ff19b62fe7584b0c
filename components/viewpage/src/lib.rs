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
        GET "/roomviews" => web::list,
        GET "/roomviews/{id}" => web::show,
    },
    follows: {
        "room": RoomRegistered => policy::room_changed,
        "room": RoomModified => policy::room_changed,
        "room": RoomReserved => policy::room_changed,
        "room": RoomCancelled => policy::room_changed,
        "room": RoomDeleted => policy::room_deleted,
        "reservation": ReservationCreated => policy::reservation_changed,
        "reservation": ReservationConfirmed => policy::reservation_changed,
        "reservation": ReservationCancelRequested => policy::reservation_changed,
        "reservation": ReservationCancelled => policy::reservation_changed,
        "payment": PaymentApproved => policy::payment_changed,
        "payment": PaymentCancelled => policy::payment_changed,
    },
}

#[cfg(test)]
mod tests;
