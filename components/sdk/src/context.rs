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
        log_panics();
        C::handle(&request).unwrap_or_else(Response::from)
    }
}

impl<C: Context> policies::Guest for C {
    fn on_event(event: Delivered) -> Result<(), PolicyError> {
        log_panics();
        C::on_event(event)
    }
}

impl<C: Context> health::Guest for C {
    fn ready() -> Result<(), String> {
        log_panics();
        C::ready()
    }

    fn live() -> Result<(), String> {
        log_panics();
        C::live()
    }
}

/// A panic is a trap to the host, which cannot know its message; so it is logged.
pub(crate) fn log_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| {
        crate::log::write(crate::log::Level::Critical, "panic", &panic.to_string())
    }));
}
