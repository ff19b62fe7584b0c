//! The app's room, but other contexts find another version of its interface: the one that they import is gone.

#[macro_use]
#[path = "../../room.rs"]
mod app;
#[path = "../../../../components/room/src/offered.rs"]
mod offered;

use app::{events, policy, review, room, web};

room! {
    offers: "stay:room/rooms@0.2.0",
    compensations: {
        "stay:room/rooms": "hold" => "release",
    },
}
