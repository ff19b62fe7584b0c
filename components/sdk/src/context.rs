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
        entered("the function", "describe");
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

/// Notes what has begun to run, for the log: `["the route", "GET /rooms"]`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evolving::exports::innkeeper::context::migration;
    use crate::prelude::*;
    use crate::{Entry, Happened};

    crate::events! {
        /// A bell has rung.
        pub BellRung: Bell,
    }

    /// A bell.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Bell {
        id: u64,
    }

    impl Subject for Bell {
        fn subject(&self) -> String {
            self.id.to_string()
        }
    }

    fn show() -> Answer {
        Response::ok(&1)
    }

    fn hear(_: Happened<BellRung>) -> Outcome {
        Ok(())
    }

    fn is_ready() -> Result<(), String> {
        Ok(())
    }

    fn rows(_: u32, entry: Entry) -> Result<Vec<Entry>, Fault> {
        Ok(vec![entry])
    }

    crate::context! {
        summary: "Listens.",
        routes: { GET "/bells" => show },
        follows: { "tower": BellRung => hear },
        ready: is_ready,
        live: is_ready,
        schema: { number: 1, migrate: rows },
    }

    fn request(route: &str) -> Request {
        Request {
            method: "GET".into(),
            route: route.into(),
            path: route.into(),
            parameters: vec![],
            query: vec![],
            headers: vec![],
            body: vec![],
        }
    }

    fn event(kind: &str) -> Delivered {
        Delivered {
            id: "1".into(),
            kind: kind.into(),
            source: "tower".into(),
            subject: "1".into(),
            time: 0,
            content_type: "application/json".into(),
            data: br#"{"id":1}"#.into(),
            correlation_id: "1".into(),
            causation_id: "1".into(),
            extensions: vec![],
        }
    }

    #[test]
    fn whatever_is_entered_is_noted_for_the_log_of_a_panic() {
        let entrances: [(fn(), _); 9] = [
            (
                || drop(<Component as describe::Guest>::describe()),
                ["the function", "describe"],
            ),
            (
                || drop(<Component as web::Guest>::handle(request("/bells"))),
                ["the route", "GET /bells"],
            ),
            (
                || drop(<Component as web::Guest>::handle(request("/other"))),
                ["a request of", "no route"],
            ),
            (
                || drop(<Component as policies::Guest>::on_event(event("BellRung"))),
                ["the policy for", "BellRung"],
            ),
            (
                || drop(<Component as policies::Guest>::on_event(event("Other"))),
                ["an event of", "no policy"],
            ),
            (
                || drop(<Component as health::Guest>::ready()),
                ["the check", "ready"],
            ),
            (
                || drop(<Component as health::Guest>::live()),
                ["the check", "live"],
            ),
            (
                || drop(<Component as migration::Guest>::schema()),
                ["the function", "schema"],
            ),
            (
                || drop(<Component as migration::Guest>::migrate(0, vec![])),
                ["the function", "migrate"],
            ),
        ];
        for (enter, noted) in entrances {
            ENTERED.set(["", ""]);
            enter();
            assert_eq!(ENTERED.get(), noted);
        }
    }
}
