//! The app's room, but it imports a resource, which nobody grants.

mod wanted {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "
            package other:thing;
            interface api { resource thing { constructor(); weight: func() -> u32; } }
            world wants { import api; }
        ",
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });
}

#[macro_use]
#[path = "../../room.rs"]
mod app;
#[path = "../../../../components/room/src/offered.rs"]
mod offered;

use app::{events, policy, review, room, web};

/// What is never asked for is not imported.
fn is_ready() -> Result<(), String> {
    match wanted::other::thing::api::Thing::new().weight() {
        0 => Err("it weighs nothing".into()),
        _ => Ok(()),
    }
}

room! {
    offers: "stay:room/rooms",
    compensations: {
        "stay:room/rooms": "hold" => "release",
    },
    ready: is_ready,
}
