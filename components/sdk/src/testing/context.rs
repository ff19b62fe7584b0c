use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;

use serde_json::Value;

use super::calls::Closure;
use super::decode::Malformed;
use super::invocation::{Beginning, invoke};
use super::simulation::{Simulated, Simulation, with};
use super::tested_context::TestedContext;
use super::{Answers, Call, Emitted, Named, Reply};
use crate::bindings::innkeeper::context::types::Event as Delivered;
use crate::evolving::exports::innkeeper::context::migration;
use crate::invocation::Identity;
use crate::{Answer, Context, Description, Entry, Migration, Outcome, Problem, Request, Response};

/// What the context is called in the simulation; nobody sees it.
const NAME: &str = "context";

/// A context under test; the test plays the others. Each thread has one: making another empties it.
pub struct TestContext<C>(PhantomData<(C, Rc<()>)>);

/// Stands for no context: to test what only uses the state.
pub struct Bare;

impl Context for Bare {
    fn describe() -> Description {
        Description {
            summary: String::new(),
            types: vec![],
            tables: vec![],
            routes: vec![],
            publishes: vec![],
            follows: vec![],
            compensations: vec![],
            events: vec![],
        }
    }

    fn handle(_: &Request) -> Answer {
        Err(Problem::not_found("a bare guest answers nothing"))
    }

    fn on_event(_: Delivered) -> Outcome {
        Ok(())
    }
}

impl TestContext<Bare> {
    /// A world without a context.
    pub fn bare() -> Self {
        with(|simulation| *simulation = Simulation::of(NAME, Simulated::default()));
        Self(PhantomData)
    }
}

impl<C: Context> TestContext<C> {
    /// The context, with nothing in its state. An invocation that writes to a table or emits a kind that it does not describe panics.
    #[expect(
        clippy::new_without_default,
        reason = "it empties the thread's world, which a default should not"
    )]
    pub fn new() -> Self {
        let context = Simulated {
            tested: Some(Rc::new(TestedContext::alone::<C>())),
            ..Simulated::default()
        };
        with(|simulation| *simulation = Simulation::of(NAME, context));
        Self(PhantomData)
    }

    /// Sets a configuration value.
    pub fn configure(&self, key: &str, value: &str) {
        with(|simulation| simulation.current().config.insert(key.into(), value.into()));
    }

    /// Sets the time.
    pub fn set_time(&self, ms: u64) {
        with(|simulation| simulation.now = ms);
    }

    /// From now on this is who sends requests, calls, and is behind the events that are delivered; nobody who is known, with `None`.
    pub fn sign_in(&self, identity: impl Into<Option<Identity>>) {
        let identity = identity.into();
        with(|simulation| simulation.signed_in = identity);
    }

    /// Says what a function of another context answers, from now on: `test.answer(calls::rooms::HOLD, |_: u64, _: u64| Ok(()))`. The function is named by its
    /// constant, or by a text such as `"stay:room/rooms#hold"`. A call of one that nothing was arranged for fails the test.
    pub fn answer<P: 'static, R: 'static>(
        &self,
        function: impl Named<P, R>,
        answer: impl Answers<P, R> + 'static,
    ) {
        arrange(function, answer);
    }

    /// The calls that were made since the last time it was asked, with their answers, and whether they were undone.
    pub fn calls(&self) -> Vec<Call> {
        taken_calls()
    }

    /// The next invocation meets a conflict when it ends, and is run again.
    pub fn conflict(&self) {
        with(|simulation| simulation.current().conflicts += 1);
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path, b"")
    }

    /// `POST` with a JSON body.
    pub fn post(&self, path: &str, body: Value) -> Reply {
        self.request("POST", path, body.to_string().as_bytes())
    }

    /// `PATCH` with a JSON body.
    pub fn patch(&self, path: &str, body: Value) -> Reply {
        self.request("PATCH", path, body.to_string().as_bytes())
    }

    /// `PUT` with a JSON body.
    pub fn put(&self, path: &str, body: Value) -> Reply {
        self.request("PUT", path, body.to_string().as_bytes())
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", path, b"")
    }

    /// Any request; 404 when no described route matches it.
    pub fn request(&self, method: &str, target: &str, body: &[u8]) -> Reply {
        self.request_with(method, target, &[], body)
    }

    /// Any request, with headers: their names in lower case.
    pub fn request_with(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let reply = answered(NAME, method, target, headers, body);
        reply.unwrap_or_else(|| not_described(method, target))
    }

    /// Delivers an event.
    ///
    /// # Errors
    /// What the policy ended with.
    pub fn deliver(&self, source: &str, kind: &str, subject: &str, data: Value) -> Outcome {
        let event = with(|simulation| simulation.event_from_outside(source, kind, subject, &data));
        let run = || C::on_event(event.clone().into());
        let what = format!("the policy for `{kind}`");
        invoke(Beginning::from_outside(NAME, &what), run, Result::is_ok).0
    }

    /// Runs a function that the context offers to others.
    ///
    /// # Errors
    /// What the function ended with.
    pub fn call<T, E>(&self, function: impl FnMut() -> Result<T, E>) -> Result<T, E> {
        let beginning = Beginning::from_outside(NAME, "a function");
        invoke(beginning, function, Result::is_ok).0
    }

    /// Whether the context says that it can take requests.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn ready(&self) -> Result<(), String> {
        invoke(Beginning::of(NAME, "`ready`"), C::ready, |_| false).0
    }

    /// Runs anything in the context's world, for example to look into its tables.
    pub fn run<T>(&self, anything: impl FnOnce() -> T) -> T {
        anything()
    }

    /// The next version takes over: its state is migrated from the schema `from`, which this one has. What was configured, answered and published stays.
    ///
    /// # Errors
    /// As those of [`migrate`](Self::migrate).
    pub fn migrate_to<Next: Context + Migration>(
        self,
        from: u32,
    ) -> Result<TestContext<Next>, String> {
        let tested = Some(Rc::new(TestedContext::alone::<Next>()));
        with(|simulation| simulation.current().tested = tested);
        let next = TestContext(PhantomData);
        next.migrate(from)?;
        Ok(next)
    }

    /// The events and timers that were emitted since the last time it was asked.
    pub fn events(&self) -> Vec<Emitted> {
        with(|simulation| std::mem::take(&mut simulation.current().emitted))
    }

    /// The lines that were logged since the last time it was asked.
    pub fn log(&self) -> Vec<String> {
        with(|simulation| std::mem::take(&mut simulation.current().log))
    }
}

impl<C: Context + Migration> TestContext<C> {
    /// Migrates the state, as the host does before this version replaces one of the schema `from`.
    ///
    /// # Errors
    /// What the migration ended with, the key that two entries resulted in, or one of a table that the version does not describe; then the state stays as it was.
    pub fn migrate(&self, from: u32) -> Result<(), String> {
        let entries = with(|simulation| simulation.current().state.clone());
        let entries = entries
            .iter()
            .map(|(key, value)| Entry {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        let tables = with(|simulation| {
            let tested = simulation.current().tested.clone();
            tested.map(|tested| tested.tables.clone())
        });
        let is_described = |key: &str| {
            let table = key.split('/').next().unwrap_or_default();
            tables
                .as_ref()
                .is_none_or(|tables| tables.iter().any(|known| known == table))
        };
        let mut migrated = BTreeMap::new();
        for Entry { key, value } in <C as migration::Guest>::migrate(from, entries)?
            .into_iter()
            .flatten()
        {
            if !is_described(&key) {
                return Err(format!(
                    "an entry results in {key}, which is in none of the context's `tables`"
                ));
            }
            if migrated.insert(key.clone(), value).is_some() {
                return Err(format!("two entries result in {key}"));
            }
        }
        with(|simulation| simulation.current().state = Rc::new(migrated));
        Ok(())
    }
}

pub(super) fn arrange<P: 'static, R: 'static>(
    function: impl Named<P, R>,
    answer: impl Answers<P, R> + 'static,
) {
    let player = Rc::new(RefCell::new(Closure::new(answer)));
    with(|simulation| simulation.answers.insert(function.named(), player));
}

pub(super) fn taken_calls() -> Vec<Call> {
    with(|simulation| {
        let calls = std::mem::take(&mut simulation.calls);
        calls.iter().map(super::calls::Called::shown).collect()
    })
}

/// What a request gets that no route is described for.
pub(super) fn not_described(method: &str, target: &str) -> Reply {
    let problem = Problem::not_found(format!("{method} {target} is not described."));
    Response::from(problem).into()
}

/// What a context answers to a request; none when it has no route for it.
pub(super) fn answered(
    context: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Reply> {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let (handle, request) = with(|simulation| {
        let tested = simulation.contexts.get(context)?.tested.as_ref()?;
        let request = tested.request(method, target, &headers, body);
        Some((tested.handle, request))
    })?;
    let request = match request {
        Ok(request) => request?,
        Err(Malformed) => {
            let detail = format!("{target} is not percent-encoded UTF-8.");
            return Some(Response::from(Problem::new(400, detail)).into());
        }
    };
    let what = format!("the route `{method} {}`", request.route);
    let (response, _) = invoke(
        Beginning::from_outside(context, &what),
        || handle(&request),
        |response| response.status < 400,
    );
    Some(response.into())
}
