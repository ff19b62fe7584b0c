//! The app's room in a mood: it misbehaves in the one way that the bytes of its component name.

#[macro_use]
#[path = "../../room.rs"]
mod app;
#[path = "../../../../components/room/src/offered.rs"]
mod offered;

use app::{events, policy, review, room, web};
mod mood;
#[path = "../../written_mood.rs"]
mod written_mood;

use innkeeper_sdk::{Answer, Context, Description, Outcome, Request};

/// What the host sees: room, after its mood.
pub struct Moody;

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
    offers: "stay:room/rooms",
    compensations: {
        "stay:room/rooms": "hold" => "release",
    },
    export: Moody,
}
