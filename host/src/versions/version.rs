//! One version of a context.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::documentation::Documentation;
use super::event_types::EventTypes;
use super::failure_streak::{FailureStreak, InARow};
use super::lease::{Drained, Inflight};
use super::memory_estimate::MemoryEstimate;
use super::response_cache::ResponseCache;
use super::scorecard::{Scorecard, Tally};
use super::tables::Tables;
use super::unreadable_event;
use crate::core::{ContextName, VersionDigest};
use crate::guest::{self, Compensation, Followed, Guest, Operation, Route, Schema};

/// A component that has been loaded for a context.
pub struct Version {
    /// The sha-256 of its bytes, hexadecimal.
    pub digest: VersionDigest,
    /// Its running number in its context, from 1.
    pub number: u32,
    /// What its author calls it.
    pub label: Option<String>,
    /// How it is told to people: `room/7 2c26b46b68ff`.
    pub title: Arc<str>,
    /// When it was loaded.
    pub loaded_at: SystemTime,
    /// What it says of itself, and what its imports and exports say.
    pub description: Description,
    /// What is entered.
    pub guest: Arc<Guest>,
    /// Which state it can work with.
    pub schema: Schema,
    /// Answers that it has given and would give again.
    pub(crate) answers: ResponseCache,
    /// What its guests need.
    pub(crate) guest_memory: MemoryEstimate,
    pub(super) inflight: Inflight,
    pub(super) scorecard: Arc<Scorecard>,
    /// Its failures since it last did well.
    streak: FailureStreak,
}

/// What tells two components of a context apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The sha-256 of its bytes, hexadecimal.
    pub digest: VersionDigest,
    /// Its running number in its context, from 1.
    pub number: u32,
    /// What its author calls it.
    pub label: Option<String>,
}

/// How a version is told to people by its number: one that is only tried, or has yet to be entered into the history, has none.
pub fn numbered(number: u32) -> String {
    match number {
        0 => "the new component".to_owned(),
        number => format!("version {number}"),
    }
}

impl Version {
    pub(crate) fn new(
        context: &ContextName,
        identity: Identity,
        description: Description,
        schema: Schema,
        guest: Arc<Guest>,
        answers: ResponseCache,
    ) -> Self {
        Self {
            title: format!("{context}/{} {:.12}", identity.number, identity.digest).into(),
            digest: identity.digest,
            number: identity.number,
            label: identity.label,
            loaded_at: SystemTime::now(),
            description,
            guest,
            schema,
            answers,
            guest_memory: MemoryEstimate::default(),
            inflight: Inflight::default(),
            scorecard: Arc::default(),
            streak: FailureStreak::default(),
        }
    }

    /// The same version, loaded anew: what it did before still counts when it is judged.
    pub(crate) fn continuing(self, before: &Self) -> Self {
        Self {
            scorecard: before.scorecard.clone(),
            ..self
        }
    }

    /// What tells it from others.
    pub fn identity(&self) -> Identity {
        Identity {
            digest: self.digest,
            number: self.number,
            label: self.label.clone(),
        }
    }

    /// Whether it handles an event.
    pub fn handles(&self, source: &str, kind: &str) -> bool {
        let description = &self.description;
        description.follows(source, kind)
            || (unreadable_event::is_unreadable(kind) && description.follows_any_of(source))
    }

    /// Whether it offers a function as its caller knows it; otherwise what is different.
    ///
    /// # Errors
    ///
    /// The difference.
    pub fn serves(&self, wanted: &Operation) -> Result<(), String> {
        let interface = self.guest.offers().get(&wanted.interface);
        let offered = interface.and_then(|interface| interface.operations.get(&wanted.function));
        match offered {
            None => Err(format!("it does not offer {}", wanted.name())),
            Some(offered) => offered
                .serves(wanted)
                .map_err(|difference| difference.to_string()),
        }
    }

    /// Notes how an invocation ended.
    pub fn note(&self, took: Duration, failed: bool) {
        self.scorecard.note(Instant::now(), took, failed);
    }

    /// How often it was of use: invocations that have ended, and answers that could be given again.
    pub(crate) fn uses(&self) -> u64 {
        self.scorecard.total().count + self.answers.found()
    }

    /// Gives back the memory of its machine code, and of the answers that it would give again. False when it has none, or could not be loaded again.
    pub(crate) fn unload(&self) -> bool {
        let is_unloaded = self.guest.unload();
        if is_unloaded {
            self.answers.forget();
        }
        is_unloaded
    }

    /// An invocation failed, and this version is to blame: a trap, a missed deadline. `fingerprint` tells what it was about from others. Answers how many have
    /// failed in a row.
    pub(crate) fn note_failure(&self, fingerprint: u64, reason: String) -> InARow {
        self.streak.failed(fingerprint, reason)
    }

    /// Why the last invocation failed that did.
    pub(crate) fn last_failure(&self) -> String {
        self.streak.last_reason()
    }

    /// An invocation succeeded.
    pub(crate) fn note_success(&self) {
        self.streak.succeeded();
    }

    /// How many invocations have failed since one succeeded.
    pub(crate) fn failures_in_a_row(&self) -> InARow {
        self.streak.in_a_row()
    }

    /// All invocations of it that have ended.
    pub(crate) fn total(&self) -> Tally {
        self.scorecard.total()
    }

    /// Those of the last minute.
    pub(crate) fn last_minute(&self) -> Tally {
        self.scorecard.last_minute(Instant::now())
    }

    /// The function that undoes another, both as `<interface>#<function>`.
    pub fn undo_of(&self, function: &str) -> Option<String> {
        let mut compensations = self.description.compensations.iter();
        let found = compensations.find(|compensation| compensation.function == function);
        found.map(|compensation| compensation.undo.clone())
    }

    /// How many invocations are under way in it.
    pub fn inflight(&self) -> usize {
        self.inflight.count()
    }

    /// Whether nobody new gets a lease.
    pub(crate) fn is_closed(&self) -> bool {
        self.inflight.is_closed()
    }

    /// Lets invocations in, though it does not serve: it fills a state.
    pub(crate) fn open(&self) {
        self.inflight.open();
    }

    /// Lets nobody new in. It gives no answer again, so those that it has given go.
    pub(crate) fn close(&self) {
        self.inflight.close();
        self.answers.forget();
    }

    /// Empties it: see [`Inflight::drain`].
    pub(crate) async fn drain(self: &Arc<Self>, time: Duration) -> Drained {
        self.inflight.drain(time).await
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Version")
            .field("number", &self.number)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// What a version is to the host: its own description, and what can be seen from outside.
#[derive(Clone, Debug)]
pub struct Description {
    /// One sentence for operators.
    pub summary: String,
    /// The tables of its state.
    pub tables: Tables,
    /// The routes it answers.
    pub routes: Vec<Route>,
    /// The event kinds it publishes.
    pub publishes: Vec<String>,
    /// The events it follows.
    pub follows: Vec<Followed>,
    /// What the data of these is made of, where it says so.
    pub events: EventTypes,
    /// What the routes take and answer, where it says so: for documents alone.
    pub documentation: Documentation,
    /// Which functions undo which.
    pub compensations: Vec<Compensation>,
    /// The interfaces it offers to other contexts.
    pub offers: Vec<String>,
    /// The interfaces of other contexts that it uses.
    pub uses: Vec<String>,
    /// The interface by which it asks outside, if it does.
    pub asks_outside: Option<&'static str>,
    /// Whether it answers web requests.
    pub web: bool,
    /// Whether it handles events.
    pub policies: bool,
}

impl Description {
    /// Puts together what a guest says with what it imports and exports.
    pub(crate) fn new(
        said: guest::Description,
        tables: Tables,
        events: EventTypes,
        documentation: Documentation,
        guest: &Guest,
    ) -> Self {
        Self {
            summary: said.summary,
            tables,
            routes: said.routes,
            publishes: said.publishes,
            follows: said.follows,
            events,
            documentation,
            compensations: said.compensations,
            offers: guest.offers().keys().cloned().collect(),
            uses: guest.uses().keys().cloned().collect(),
            asks_outside: guest.asks_outside(),
            web: guest.has_web(),
            policies: guest.has_policies(),
        }
    }

    /// Why it is no projection, whose state follows from events alone; `None` when it is one.
    pub fn not_a_projection(&self) -> Option<String> {
        let first =
            |what: &str, names: &[String]| names.first().map(|name| format!("{what} {name}"));
        if !self.policies || self.follows.is_empty() {
            return Some("it follows no events".to_owned());
        }
        if let Some(interface) = self.asks_outside {
            // Nobody outside is to be told again what has happened long ago.
            return Some(format!("it asks outside ({interface})"));
        }
        first("it publishes", &self.publishes)
            .or_else(|| first("it calls", &self.uses))
            .or_else(|| first("it offers", &self.offers))
            .or_else(|| {
                let writes = self.routes.iter().find(|route| route.method != "GET");
                writes.map(|route| format!("it answers {} {}", route.method, route.path))
            })
    }

    /// Whether it follows any event of a source.
    pub fn follows_any_of(&self, source: &str) -> bool {
        self.follows
            .iter()
            .any(|followed| followed.source == source)
    }

    /// Whether it follows an event.
    pub fn follows(&self, source: &str, kind: &str) -> bool {
        self.follows
            .iter()
            .any(|followed| followed.source == source && followed.kind == kind)
    }
}
