use core::cell::Cell;

use crate::bindings::exports::innkeeper::context::{describe, health, policies, web};
use crate::bindings::innkeeper::context::types::Event as Delivered;
use crate::{Answer, Description, Outcome, PolicyError, Request, Response};

/// A bounded context; implemented by [`context!`](crate::context).
pub trait Context {
    /// What the context is to its host.
    fn describe() -> Description;

    /// Answers a request of one of the described routes.
    ///
    /// # Errors
    /// The problem to answer.
    fn handle(request: &Request) -> Answer;

    /// Handles one of the followed events.
    ///
    /// # Errors
    /// Whether to try again, or to give up.
    fn on_event(event: Delivered) -> Outcome;

    /// Whether the context can take requests.
    ///
    /// # Errors
    /// Why it cannot.
    fn ready() -> Result<(), String> {
        Ok(())
    }

    /// Whether the context works.
    ///
    /// # Errors
    /// Why it does not.
    fn live() -> Result<(), String> {
        Ok(())
    }
}

impl<C: Context> describe::Guest for C {
    fn describe() -> Description {
        C::describe()
    }
}

impl<C: Context> web::Guest for C {
    fn handle(request: Request) -> Response {
        entered("a request of", "no route");
        C::handle(&request).unwrap_or_else(Response::from)
    }
}

impl<C: Context> policies::Guest for C {
    fn on_event(event: Delivered) -> Result<(), PolicyError> {
        entered("an event of", "no policy");
        C::on_event(event)
    }
}

impl<C: Context> health::Guest for C {
    fn ready() -> Result<(), String> {
        entered("the check", "ready");
        C::ready()
    }

    fn live() -> Result<(), String> {
        entered("the check", "live");
        C::live()
    }
}

thread_local!(static ENTERED: Cell<[&'static str; 2]> = const { Cell::new(["", ""]) });

/// Notes what has begun to run, for the log: `["route", "GET /rooms"]`.
#[doc(hidden)]
pub fn entered(kind: &'static str, name: &'static str) {
    ENTERED.set([kind, name]);
    log_panics();
}

/// A panic is a trap to the host, which cannot know its message; so it is logged, with what has panicked. The host adds the correlation id.
fn log_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| {
        let [kind, name] = ENTERED.get();
        crate::log::write(
            crate::log::Level::Critical,
            "panic",
            &format!("{kind} {name}: {panic}"),
        )
    }));
}
