//! The app's room, but rooms are held by their names, not their numbers, in the same version of the interface.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "
            package stay:room@0.1.0;
            interface rooms {
                variant room-error { not-found(string), taken(string), unavailable(string) }
                hold: func(room: string, rsv-id: u64) -> result<_, room-error>;
                release: func(room: string, rsv-id: u64) -> result<_, room-error>;
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
#[allow(dead_code, reason = "nothing is held here")]
mod app;

use app::{events, policy, review, room, web};
use bindings::exports::stay::room::rooms::{Guest, RoomError};

impl Guest for Component {
    fn hold(room: String, _: u64) -> Result<(), RoomError> {
        Err(RoomError::NotFound(room))
    }

    fn release(_: String, _: u64) -> Result<(), RoomError> {
        Ok(())
    }
}

room! {
    compensations: {
        "stay:room/rooms@0.1.0": "hold" => "release",
    },
}
