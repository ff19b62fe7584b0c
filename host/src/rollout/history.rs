//! The history of versions: who brought them, when, what became of them, and why. Kept in the host's own journal; each change of state is also one of
//! the host's events.

use std::slice;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::deployer::Deployer;
use super::progress::Rollout;
use super::version_state::State;
use crate::core::{ContextName, CorrelationId, EventId, InvocationId, VersionDigest, wall_clock};
use crate::invocation::{Context, Severity, record};
use crate::journal::{
    self, CommitError, Direction, Event, KeyRange, Ledger, Proposal, ReadSet, Space, Unit,
    bookkeeping,
};
use crate::manifest::HOST_SOURCE;

/// How many steps of a version's history are remembered.
const MOST_STEPS: usize = 100;
/// How many versions of a context are listed at the most.
const MOST_VERSIONS: usize = 10_000;

/// A version of a context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The sha-256 of its bytes, hexadecimal.
    pub digest: VersionDigest,
    /// Its running number in its context, from 1.
    pub number: u32,
    /// What its author calls it.
    pub label: Option<String>,
    /// Its size, in bytes.
    pub size: u64,
    /// Whose key has signed it.
    pub signer: Option<String>,
    /// What it does, or what became of it.
    pub state: State,
    /// Whether its bytes are still there: what is old is forgotten.
    pub is_stored: bool,
    /// How it came to that, oldest first.
    pub history: Vec<Step>,
}

/// One change of a version's state, or what an operator did about it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The state that it changed to, or has.
    pub state: State,
    /// When, in milliseconds since the Unix epoch.
    pub time: u64,
    /// By whom: the name of a token, or `host`.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Why a version's state changes.
#[derive(Clone, Debug)]
pub(super) struct Because {
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The rollout that it belongs to: its story. What belongs to none is news for nobody.
    pub rollout: Option<CorrelationId>,
    /// When it changed, when that is not now, in milliseconds since the Unix epoch.
    pub at: Option<u64>,
}

impl Because {
    /// The host itself does it.
    pub(super) fn host(reason: impl Into<String>, rollout: Option<CorrelationId>) -> Self {
        Self {
            by: "host".into(),
            reason: reason.into(),
            rollout,
            at: None,
        }
    }

    /// It is a step of a rollout.
    pub(super) fn of_rollout(rollout: &Rollout, reason: impl Into<String>) -> Self {
        Self {
            by: rollout.by.clone(),
            reason: reason.into(),
            rollout: Some(rollout.id.clone()),
            at: None,
        }
    }
}

/// What is known of a component when it becomes a version.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub digest: VersionDigest,
    pub label: Option<String>,
    pub size: u64,
    pub signer: Option<String>,
}

/// The versions of one context.
pub(super) struct History<'a> {
    ledger: Arc<Ledger>,
    context: &'a ContextName,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    context: &'a ContextName,
    number: u32,
    digest: VersionDigest,
    label: Option<&'a str>,
    state: State,
    by: &'a str,
    reason: &'a str,
}

impl<'a> History<'a> {
    /// The history of a context.
    ///
    /// # Errors
    ///
    /// When the host has no journal of its own, which ends with it.
    pub(super) fn of(
        deployer: &Deployer,
        context: &'a ContextName,
    ) -> Result<Self, journal::Error> {
        let ledger = deployer.ledger(HOST_SOURCE).ok_or(journal::Error::Closed)?;
        Ok(Self { ledger, context })
    }

    fn prefix(&self) -> String {
        format!("version/{}/", self.context)
    }

    fn key(&self, digest: VersionDigest) -> String {
        format!("{}{digest}", self.prefix())
    }

    /// A version by its digest.
    pub(super) fn find(&self, digest: VersionDigest) -> Result<Option<Entry>, journal::Error> {
        record::find(&self.ledger, Space::Meta, &self.key(digest))
    }

    /// All versions, newest first.
    pub(super) fn list(&self) -> Result<Vec<Entry>, journal::Error> {
        let range = KeyRange::prefix(self.prefix());
        let found = self
            .ledger
            .scan(Space::Meta, &range, MOST_VERSIONS, Direction::Forwards)?;
        let read = |(key, value): (Vec<u8>, Vec<u8>)| record::read::<Entry>(&key, &value);
        let mut entries = found.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.number));
        Ok(entries)
    }

    /// Enters a version that has arrived, or has arrived again, and gives it its number.
    pub(super) async fn enter(
        &self,
        arrival: &Arrival,
        because: &Because,
    ) -> Result<Entry, CommitError> {
        let entered = self.ledger.commit_proposed(None, |began| {
            let mut reads = ReadSet::default();
            // Two that arrive at once must not get one number.
            reads.note_range(Space::Meta, &KeyRange::prefix(self.prefix()));
            let known = self.find(arrival.digest)?;
            let newest = self.list()?.first().map_or(0, |entry| entry.number);
            let mut entry = known.unwrap_or_else(|| Entry {
                digest: arrival.digest,
                number: newest + 1,
                label: None,
                size: arrival.size,
                signer: None,
                state: State::Uploaded,
                is_stored: true,
                history: Vec::new(),
            });
            entry.is_stored = true;
            entry.label = arrival.label.clone().or(entry.label);
            entry.signer = arrival.signer.clone().or(entry.signer);
            entry.step(State::Uploaded, because);
            let unit = self.unit(began, reads, slice::from_ref(&entry), because)?;
            Ok(Proposal::Commit(unit, entry))
        });
        entered.await
    }

    /// Notes new states of some versions, together. What is quarantined stays so, however it drains.
    pub(super) async fn note(
        &self,
        changes: &[(VersionDigest, State)],
        because: &Because,
    ) -> Result<(), CommitError> {
        let noted = self.ledger.commit_proposed(None, |began| {
            let mut reads = ReadSet::default();
            let mut entries = Vec::new();
            for &(digest, state) in changes {
                reads.note_key(Space::Meta, self.key(digest).as_bytes());
                let Some(mut entry) = self.find(digest)? else {
                    continue;
                };
                let drains = matches!(state, State::Draining | State::Drained);
                if !(drains && entry.state == State::Quarantined) {
                    entry.step(state, because);
                    entries.push(entry);
                }
            }
            let unit = self.unit(began, reads, &entries, because)?;
            Ok(Proposal::Commit(unit, ()))
        });
        noted.await
    }

    /// Notes what was done about a version, in whatever state that has come to. Tells which.
    async fn remark(
        &self,
        digest: VersionDigest,
        because: &Because,
    ) -> Result<Option<State>, CommitError> {
        let noted = self.ledger.commit_proposed(None, |began| {
            let mut reads = ReadSet::default();
            reads.note_key(Space::Meta, self.key(digest).as_bytes());
            let Some(mut entry) = self.find(digest)? else {
                return Ok(Proposal::Nothing(None));
            };
            let state = entry.state;
            entry.step(state, because);
            let mut told = because.clone();
            if !is_under_way(state) {
                // Nobody should take it for a change of what it has become.
                told.rollout = None;
            }
            let unit = self.unit(began, reads, slice::from_ref(&entry), &told)?;
            Ok(Proposal::Commit(unit, Some(state)))
        });
        noted.await
    }

    /// Notes that the bytes of a version are gone.
    pub(super) async fn forget(&self, digest: VersionDigest) -> Result<(), CommitError> {
        let forgotten = self.ledger.commit_proposed(None, |began| {
            let mut reads = ReadSet::default();
            reads.note_key(Space::Meta, self.key(digest).as_bytes());
            let Some(mut entry) = self.find(digest)? else {
                return Ok(Proposal::Nothing(()));
            };
            entry.is_stored = false;
            let write = record::write(Space::Meta, &self.key(digest), &entry)?;
            let unit = Unit {
                reads,
                ..Unit::bookkeeping("versions", began, vec![write])
            };
            Ok(Proposal::Commit(unit, ()))
        });
        forgotten.await
    }

    fn unit(
        &self,
        began: u64,
        reads: ReadSet,
        entries: &[Entry],
        because: &Because,
    ) -> Result<Unit, journal::Error> {
        let mut header = bookkeeping("versions");
        header.correlation_id.clone_from(&because.rollout);
        let invocation = header.invocation.clone();
        let mut writes = Vec::new();
        let mut events = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            writes.push(record::write(Space::Meta, &self.key(entry.digest), entry)?);
            if let Some(rollout) = &because.rollout {
                events.push(self.event(entry, because, rollout, &invocation, index));
            }
        }
        Ok(Unit {
            began,
            reads,
            header,
            writes,
            events,
        })
    }

    fn event(
        &self,
        entry: &Entry,
        because: &Because,
        rollout: &CorrelationId,
        invocation: &InvocationId,
        index: usize,
    ) -> Event {
        let told = Told {
            context: self.context,
            number: entry.number,
            digest: entry.digest,
            label: entry.label.as_deref(),
            state: entry.state,
            by: &because.by,
            reason: &because.reason,
        };
        let index = index.to_string();
        Event {
            id: EventId::derived(&[invocation.as_bytes(), index.as_bytes()]),
            kind: entry.state.event().to_owned(),
            subject: self.context.to_string(),
            time: wall_clock(),
            // Names, numbers and texts always serialize.
            data: serde_json::to_vec(&told).unwrap_or_default(),
            correlation_id: rollout.clone(),
            causation_id: Some(invocation.into()),
            trace: None,
            identity: None,
        }
    }
}

/// The versions of a context, newest first, with their history. Reads the journal: call it where blocking is allowed.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn history(deployer: &Deployer, context: &ContextName) -> Result<Vec<Entry>, journal::Error> {
    History::of(deployer, context)?.list()
}

/// Records the new states of versions in their history. Where that fails, the log says so, and the next start puts it right.
pub(super) async fn record_changes(
    deployer: &Deployer,
    context: &Context,
    changes: &[(VersionDigest, State)],
    because: &Because,
) {
    let noted = match History::of(deployer, &context.name) {
        Ok(history) => history.note(changes, because).await,
        Err(error) => Err(error.into()),
    };
    for &(digest, state) in changes {
        tell(deployer, context, digest, state, because);
    }
    if let Err(error) = noted {
        log_error(context, &error);
    }
}

/// Records in the history of a version what was done about it, whatever has become of it meanwhile.
pub(super) async fn record_remark(
    deployer: &Deployer,
    context: &Context,
    digest: VersionDigest,
    because: &Because,
) {
    let noted = match History::of(deployer, &context.name) {
        Ok(history) => history.remark(digest, because).await,
        Err(error) => Err(error.into()),
    };
    match noted {
        Ok(Some(state)) if is_under_way(state) => tell(deployer, context, digest, state, because),
        Ok(_) => {}
        Err(error) => log_error(context, &error),
    }
}

fn is_under_way(state: State) -> bool {
    matches!(state, State::Uploaded | State::Ramping)
}

fn tell(
    deployer: &Deployer,
    context: &Context,
    digest: VersionDigest,
    state: State,
    because: &Because,
) {
    tracing::info!(
        context = context.name.as_str(),
        %digest,
        state = state.name(),
        by = because.by,
        reason = because.reason,
        correlation_id = because.rollout.as_deref().unwrap_or_default(),
        "version"
    );
    let severity = match state {
        State::Rejected | State::Quarantined => Severity::Warning,
        _ => Severity::Normal,
    };
    let message = format!("version {digest:.12}: {}", because.reason);
    let events = &deployer.invoker.host_events;
    events.note(&context.name, severity, state.event(), message);
}

fn log_error(context: &Context, error: &CommitError) {
    tracing::error!(context = context.name.as_str(), %error, "could not write the history of its versions");
}

impl Entry {
    /// Whether it had all of the work once.
    pub(super) fn has_served(&self) -> bool {
        let was = |state| matches!(state, State::Current | State::Draining | State::Drained);
        // The history may have forgotten it.
        was(self.state) || self.history.iter().any(|step| was(step.state))
    }

    fn step(&mut self, state: State, because: &Because) {
        self.state = state;
        if self.history.len() >= MOST_STEPS {
            self.history.remove(0);
        }
        self.history.push(Step {
            state,
            time: because.at.unwrap_or_else(wall_clock),
            by: because.by.clone(),
            reason: because.reason.clone(),
        });
    }
}
