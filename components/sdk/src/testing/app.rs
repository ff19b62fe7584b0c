use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::context::{answered, arrange, not_described, taken_calls};
use super::delivery::{self, Endless};
use super::invocation::{Beginning, invoke};
use super::simulation::{Outage, Simulated, Simulation, with};
use super::tested_context::TestedContext;
use super::{Answers, Call, DeadLetter, Emitted, Named, Offers, Reply};
use crate::Context;
use crate::invocation::Identity;

/// Several contexts of an app: requests, calls, undo, events and timers between them, in memory and the same each time. Each thread has one: making another
/// empties it.
///
/// ```text
/// let app = TestApp::new()
///     .with::<room::Component>("room")
///     .with::<reservation::Component>("reservation");
/// app.answer("stay:payment/payments#approve", |_reservation: u64, _room: u64| Ok::<u64, PaymentError>(7));
/// assert_eq!(app.post("/reservations", json!({"roomId": 1})).status, 201);
/// app.settle();
/// assert_eq!(app.get("/rooms/1").body["status"], json!("reserved"));
/// ```
///
/// Events are delivered by [`settle`](Self::settle), and timers fire when [`advance`](Self::advance) moves the clock: nothing happens by itself.
pub struct TestApp(PhantomData<Rc<()>>);

impl TestApp {
    /// No context yet.
    #[expect(
        clippy::new_without_default,
        reason = "it empties the thread's world, which a default should not"
    )]
    pub fn new() -> Self {
        with(|simulation| {
            let numbers = std::mem::take(&mut simulation.numbers_to_begin_with);
            *simulation = Simulation {
                scope: "test",
                numbers,
                ..Simulation::default()
            }
        });
        Self(PhantomData)
    }

    /// With a context under this name. Its package is built as a library, too: `crate-type = ["cdylib", "rlib"]`.
    #[must_use]
    pub fn with<C: Context + Offers>(self, name: &str) -> Self {
        let context = Simulated {
            tested: Some(Rc::new(TestedContext::offering::<C>())),
            ..Simulated::default()
        };
        with(|simulation| simulation.contexts.insert(name.into(), context));
        self
    }

    /// Sets a configuration value of a context.
    pub fn configure(&self, context: &str, key: &str, value: &str) {
        within(context, |context| {
            context.config.insert(key.into(), value.into())
        });
    }

    /// From now on this is who sends requests; nobody who is known, with `None`. It goes along with calls, events and timers, as in the host.
    pub fn sign_in(&self, identity: impl Into<Option<Identity>>) {
        let identity = identity.into();
        with(|simulation| simulation.signed_in = identity);
    }

    /// Says what a function of a context answers that is not there; see [`TestContext::answer`](super::TestContext::answer).
    pub fn answer<P: 'static, R: 'static>(
        &self,
        function: impl Named<P, R>,
        answer: impl Answers<P, R> + 'static,
    ) {
        arrange(function, answer);
    }

    /// Calls to a context are answered `unavailable`, and it gets no events, until it is [`up`](Self::up).
    pub fn down(&self, context: &str) {
        within(context, |context| context.outage = Some(Outage::Down));
    }

    /// Calls to a context do not end in time: each is answered `deadline-exceeded` where the error of its function has that case, else `unavailable`. It gets no events, until it is
    /// [`up`](Self::up).
    pub fn hangs(&self, context: &str) {
        within(context, |context| context.outage = Some(Outage::Hanging));
    }

    /// A context can be reached again, and answers.
    pub fn up(&self, context: &str) {
        within(context, |context| context.outage = None);
    }

    /// The next invocation of a context meets a conflict when it ends, and is run again.
    pub fn conflict(&self, context: &str) {
        within(context, |context| context.conflicts += 1);
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path, &[], b"")
    }

    /// `POST` with a JSON body.
    pub fn post(&self, path: &str, body: Value) -> Reply {
        self.request("POST", path, &[], body.to_string().as_bytes())
    }

    /// `PATCH` with a JSON body.
    pub fn patch(&self, path: &str, body: Value) -> Reply {
        self.request("PATCH", path, &[], body.to_string().as_bytes())
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", path, &[], b"")
    }

    /// Any request, to the context that has a route for it; 404 when none has.
    pub fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let names = with(|simulation| simulation.contexts.keys().cloned().collect::<Vec<_>>());
        let mut replies = names
            .iter()
            .filter_map(|name| answered(name, method, target, headers, body));
        let reply = replies.next();
        reply.unwrap_or_else(|| not_described(method, target))
    }

    /// An event from outside of these contexts, for example of one that is not there; [`settle`](Self::settle) delivers it.
    pub fn publish(&self, source: &str, kind: &str, subject: &str, data: Value) {
        with(|simulation| {
            let event = simulation.event_from_outside(source, kind, subject, &data);
            simulation
                .contexts
                .entry(source.into())
                .or_default()
                .journal
                .push(event);
        });
    }

    /// Delivers events until none is left that is due, and what follows from them. One whose policy ends with `Retry` is due again after a pause, which
    /// [`advance`](Self::advance) makes pass.
    ///
    /// Panics when there is no end of it.
    pub fn settle(&self) {
        delivery::settle(&mut Endless::default());
    }

    /// Moves the clock. The timers that are due meanwhile fire at their time, and the events that could not be handled are tried again at theirs, one after the
    /// other; what follows from each is settled.
    pub fn advance(&self, by: Duration) {
        delivery::advance(by);
    }

    /// The calls that were made since the last time it was asked, with their answers, and whether they were undone.
    pub fn calls(&self) -> Vec<Call> {
        taken_calls()
    }

    /// The events and timers that a context has emitted since the last time it was asked.
    pub fn events(&self, context: &str) -> Vec<Emitted> {
        within(context, |context| std::mem::take(&mut context.emitted))
    }

    /// The lines that a context has logged since the last time it was asked.
    pub fn log(&self, context: &str) -> Vec<String> {
        within(context, |context| std::mem::take(&mut context.log))
    }

    /// Whether a context says that it can take requests.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn ready(&self, context: &str) -> Result<(), String> {
        let ready = within(context, |context| {
            context.tested.as_ref().map(|tested| tested.ready)
        });
        ready.map_or(Ok(()), |ready| {
            invoke(Beginning::of(context, "`ready`"), ready, |_| false).0
        })
    }

    /// The events that were given up.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        with(|simulation| simulation.dead_letters.clone())
    }

    /// Runs anything in a context's world, for example to look into its tables.
    pub fn run<T>(&self, context: &str, anything: impl FnOnce() -> T) -> T {
        within(context, |_| ());
        let before = with(|simulation| std::mem::replace(&mut simulation.outside, context.into()));
        let result = anything();
        with(|simulation| simulation.outside = before);
        result
    }
}

pub(super) fn within<T>(context: &str, use_it: impl FnOnce(&mut Simulated) -> T) -> T {
    with(|simulation| match simulation.contexts.get_mut(context) {
        Some(simulated) => use_it(simulated),
        None => panic!(
            "there is no context {context:?} in this TestApp; there are {:?}",
            simulation.contexts.keys()
        ),
    })
}
