//! The app's view in its second edition: each row says so. It is filled anew from the events.

#[path = "../../../../components/viewpage/src/events.rs"]
mod events;
#[path = "../../../../components/viewpage/src/policy.rs"]
mod policy;
#[path = "../../../../components/viewpage/src/view.rs"]
mod view;

use events::*;
use innkeeper_sdk::prelude::*;
use view::{ROWS, Roomview, Row};

/// A row, as it is shown, and which edition shows it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    view: Roomview,
    edition: u32,
}

fn shown(row: Row) -> Result<Shown, Fault> {
    Ok(Shown {
        view: row.show()?,
        edition: 2,
    })
}

fn list(paging: Paging) -> Answer {
    Response::ok(&ROWS.page(paging)?.try_map(shown)?)
}

fn show(Path(id): Path<u64>) -> Answer {
    Response::ok(&shown(ROWS.find(id)?)?)
}

innkeeper_sdk::context! {
    summary: "A view of each room with its reservation and payment. Second edition.",
    tables: [ROWS, view::STAYS, view::DELETED],
    routes: {
        GET "/roomviews" => list,
        GET "/roomviews/{id}" => show,
    },
    follows: {
        "room": RoomRegistered | RoomModified | RoomReserved | RoomCancelled => policy::room_changed,
        "room": RoomDeleted => policy::room_deleted,
        "reservation": ReservationCreated | ReservationConfirmed => policy::reservation_changed,
        "reservation": ReservationCancelRequested | ReservationCancelled => policy::reservation_changed,
        "payment": PaymentApproved | PaymentCancelled => policy::payment_changed,
    },
    schema: { number: 1, rebuild: true },
}
