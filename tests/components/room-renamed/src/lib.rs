//! The app's room, but other contexts find another version of its interface: the one that they import is gone.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "
            package stay:room@0.2.0;
            interface rooms {
                variant room-error { not-found(string), taken(string), unavailable(string) }
                hold: func(room-id: u64, rsv-id: u64) -> result<_, room-error>;
                release: func(room-id: u64, rsv-id: u64) -> result<_, room-error>;
            }
            world offers { export rooms; }
        ",
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });

    export!(Component with_types_in self);

    use crate::Component;
}

#[macro_use]
#[path = "../../room.rs"]
mod app;
#[path = "../../../../components/room/src/calls.rs"]
mod calls;

use app::{events, policy, review, room, web};

room! {
    compensations: {
        "stay:room/rooms@0.2.0": "hold" => "release",
    },
}
