//! One version of a context.

use std::fmt;
use std::time::SystemTime;

use crate::guest::{self, Compensation, Followed, Guest, Route};
use crate::invocation::reuse::Answers;

/// A component that has been loaded for a context.
pub struct Version {
    /// The sha-256 of its bytes, hexadecimal.
    pub digest: String,
    /// Its running number in its context, from 1.
    pub number: u32,
    /// What its author calls it.
    pub label: Option<String>,
    /// When it was loaded.
    pub loaded_at: SystemTime,
    /// What it says of itself, and what its imports and exports say.
    pub description: Description,
    /// What is entered.
    pub guest: Guest,
    /// Answers that it has given and would give again.
    pub answers: Answers,
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
    /// The routes it answers.
    pub routes: Vec<Route>,
    /// The event kinds it publishes.
    pub publishes: Vec<String>,
    /// The events it follows.
    pub follows: Vec<Followed>,
    /// Which functions undo which.
    pub compensations: Vec<Compensation>,
    /// The interfaces it offers to other contexts.
    pub offers: Vec<String>,
    /// The interfaces of other contexts that it uses.
    pub uses: Vec<String>,
    /// Whether it answers web requests.
    pub web: bool,
    /// Whether it handles events.
    pub policies: bool,
}

impl Description {
    /// Puts together what a guest says with what it imports and exports.
    pub(super) fn new(said: guest::Description, guest: &Guest) -> Self {
        Self {
            summary: said.summary,
            routes: said.routes,
            publishes: said.publishes,
            follows: said.follows,
            compensations: said.compensations,
            offers: guest.offers().keys().cloned().collect(),
            uses: guest.uses().keys().cloned().collect(),
            web: guest.has_web(),
            policies: guest.has_policies(),
        }
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
