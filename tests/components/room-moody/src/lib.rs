//! The app's room in a mood: it misbehaves in the one way that the bytes of its component name.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "package test:room-context; world offers { export stay:room/rooms@0.1.0; }",
        path: "../../../wit/stay/room",
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
mod mood;

use innkeeper_sdk::{Answer, Context, Description, Outcome, Request};

/// What the host sees: room, after its mood.
struct Moody;

impl Context for Moody {
    fn describe() -> Description {
        mood::describe(Component::describe())
    }

    fn handle(request: &Request) -> Answer {
        mood::before_an_answer()?;
        Component::handle(request).map(mood::after_an_answer)
    }

    fn on_event(event: innkeeper_sdk::private::Delivered) -> Outcome {
        Component::on_event(event)
    }

    fn ready() -> Result<(), String> {
        mood::ready()
    }
}

room! {
    compensations: {
        "stay:room/rooms@0.1.0": "hold" => "release",
    },
    export: Moody,
}
