//! Says what it is, and may fail when it is asked for its schema, as its mood wants it.

use std::sync::atomic::{AtomicBool, Ordering};

use innkeeper_sdk::prelude::*;
use innkeeper_sdk::{Context, Description, Migration, Outcome, Request, StateSchema};

#[path = "../../written_mood.rs"]
mod written_mood;

/// Whether this instance was asked what it is.
static IS_DESCRIBED: AtomicBool = AtomicBool::new(false);

/// What the host sees.
pub struct Evasive;

impl Context for Evasive {
    fn describe() -> Description {
        IS_DESCRIBED.store(true, Ordering::Relaxed);
        Component::describe()
    }

    fn handle(request: &Request) -> Answer {
        Component::handle(request)
    }

    fn on_event(event: innkeeper_sdk::private::Delivered) -> Outcome {
        Component::on_event(event)
    }
}

impl Migration for Evasive {
    fn schema() -> StateSchema {
        match written_mood::mood().as_str() {
            "schema-traps" => panic!("no schema today"),
            "schema-traps-after-describe" if IS_DESCRIBED.load(Ordering::Relaxed) => {
                panic!("one question is enough")
            }
            _ => {}
        }
        StateSchema {
            number: 0,
            reads: Vec::new(),
            rebuild: false,
        }
    }
}

#[cfg(target_arch = "wasm32")]
innkeeper_sdk::evolving::export_migration!(Evasive with_types_in innkeeper_sdk::evolving);

innkeeper_sdk::context! {
    summary: "Says little of itself.",
    routes: {
        GET "/evasions" => evade,
    },
    export: Evasive,
}

fn evade() -> Answer {
    Response::no_content()
}
