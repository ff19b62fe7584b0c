use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::context::{answered, arrange, taken_calls};
use super::declared::Declared;
use super::invocation::{Beginning, invoke};
use super::simulation::{Simulated, Simulation, with};
use super::{Answers, Call, DeadLetter, Emitted, Named, Offers, Published, Reply};
use crate::{Context, PolicyError, Problem, Response};

/// How often an event is tried that its follower wants to see again.
const ATTEMPTS: u32 = 5;

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
            let memory = std::mem::take(&mut simulation.memory);
            *simulation = Simulation {
                scope: "test",
                memory,
                ..Simulation::default()
            }
        });
        Self(PhantomData)
    }

    /// With a context under this name. Its package is built as a library, too: `crate-type = ["cdylib", "rlib"]`.
    #[must_use]
    pub fn with<C: Context + Offers>(self, name: &str) -> Self {
        let context = Simulated {
            declared: Some(Rc::new(Declared::offering::<C>())),
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
        within(context, |context| context.is_down = true);
    }

    /// A context can be reached again.
    pub fn up(&self, context: &str) {
        within(context, |context| context.is_down = false);
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
        replies.next().unwrap_or_else(|| {
            Response::from(Problem::not_found(format!(
                "{method} {target} is not described."
            )))
            .into()
        })
    }

    /// An event from outside of these contexts, for example of one that is not there; [`settle`](Self::settle) delivers it.
    pub fn publish(&self, source: &str, kind: &str, subject: &str, data: Value) {
        with(|simulation| {
            let event = Published {
                id: simulation.new_id(),
                source: source.into(),
                kind: kind.into(),
                subject: subject.into(),
                time: simulation.now,
                data: data.to_string().into_bytes(),
                correlation_id: "test".into(),
                causation_id: "test".into(),
            };
            simulation
                .contexts
                .entry(source.into())
                .or_default()
                .journal
                .push(event);
        });
    }

    /// Delivers events until there are none left, and what follows from them.
    pub fn settle(&self) {
        while let Some((context, event)) = with(next_delivery) {
            deliver(&context, event);
        }
    }

    /// Moves the clock. The timers that are due meanwhile fire at their time, one after the other, and what follows from each is settled.
    pub fn advance(&self, by: Duration) {
        let end =
            with(|simulation| simulation.now) + u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.settle();
        while with(|simulation| fire_next(simulation, end)) {
            self.settle();
        }
        with(|simulation| simulation.now = end);
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
            context.declared.as_ref().map(|declared| declared.ready)
        });
        ready.map_or(Ok(()), |ready| {
            invoke(Beginning::of(context), ready, |_| false).0
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

fn within<T>(context: &str, use_it: impl FnOnce(&mut Simulated) -> T) -> T {
    with(|simulation| match simulation.contexts.get_mut(context) {
        Some(simulated) => use_it(simulated),
        None => panic!(
            "there is no context {context:?} in this TestApp; there are {:?}",
            simulation.contexts.keys()
        ),
    })
}

/// The oldest event that a follower has not seen, with the follower.
fn next_delivery(simulation: &mut Simulation) -> Option<(String, Published)> {
    let names: Vec<String> = simulation.contexts.keys().cloned().collect();
    for follower in &names {
        let context = &simulation.contexts[follower];
        let Some(declared) = context.declared.clone().filter(|_| !context.is_down) else {
            continue;
        };
        for source in &names {
            let from = simulation.contexts[follower]
                .cursors
                .get(source)
                .copied()
                .unwrap_or(0);
            let journal = &simulation.contexts[source].journal;
            let followed = journal[from..]
                .iter()
                .position(|event| declared.follows(source, &event.kind));
            let (event, cursor) = match followed {
                Some(place) => (Some(journal[from + place].clone()), from + place + 1),
                None => (None, journal.len()),
            };
            if let Some(context) = simulation.contexts.get_mut(follower) {
                context.cursors.insert(source.clone(), cursor);
            }
            if let Some(event) = event {
                return Some((follower.clone(), event));
            }
        }
    }
    None
}

fn deliver(context: &str, event: Published) {
    let on_event = within(context, |context| {
        context.declared.as_ref().map(|declared| declared.on_event)
    });
    let Some(on_event) = on_event else { return };
    let mut attempts = 0;
    let reason = loop {
        attempts += 1;
        let beginning = Beginning {
            context: context.into(),
            key: Some(format!("{context} follows {} {attempts}", event.id)),
            correlation: Some(event.correlation_id.clone()),
            causation: event.id.clone(),
        };
        match invoke(beginning, || on_event(event.clone().into()), Result::is_ok).0 {
            Ok(()) => return,
            Err(PolicyError::Retry(_)) if attempts < ATTEMPTS => {}
            Err(PolicyError::Retry(reason) | PolicyError::Reject(reason)) => break reason,
        }
    };
    let letter = DeadLetter {
        context: context.into(),
        kind: event.kind,
        subject: event.subject,
        reason,
    };
    with(|simulation| simulation.dead_letters.push(letter));
}

/// Fires the timer that is due next, up to this time; false when there is none.
fn fire_next(simulation: &mut Simulation, end: u64) -> bool {
    let due = simulation.contexts.iter().flat_map(|(name, context)| {
        let timers = context.timers.iter().enumerate();
        timers.map(move |(place, (due, _))| (*due, name.clone(), place))
    });
    let Some((due, name, place)) = due.min().filter(|(due, ..)| *due <= end) else {
        return false;
    };
    simulation.now = simulation.now.max(due);
    let now = simulation.now;
    if let Some(context) = simulation.contexts.get_mut(&name) {
        let (_, timer) = context.timers.remove(place);
        context.journal.push(Published { time: now, ..timer });
    }
    true
}
