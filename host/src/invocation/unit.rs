//! The unit of work: the host's side of one attempt.

mod services;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Val;

use super::commit_hold::Consent;
use super::definition::{CallStack, Invocation, Trigger};
use super::failure::{Failure, clipped};
use super::guest_memory::GuestMemory;
use super::key_locks::LockSet;
use super::outbox::Outbox;
use super::read_usage::ReadUsage;
use super::replay::{Draws, Effect, Place};
use super::staged::{Notes, Scan, StagedState};
use super::timer::Timer;
use super::{call, dispatch, intent, publishable, state_key};
use crate::core::memory::Reservation;
use crate::core::{EventId, VerifiedIdentity};
use crate::guest::{Operation, Refusal, StateEntry, value};
use crate::journal::{CommitError, Direction, KeyRange, ReadSet, Space};
use crate::manifest::Limits;
use crate::outbound::Asked;
use crate::versions::{Table, Version};

/// What a guest hears that calls where it may not.
const MAY_NOT_CALL: &str = "a context that is asked whether it is ready cannot call others";
/// How long what a call is made with is at most, in bytes, so that it does not count as something to be held.
const SMALL: usize = 16 << 10;

/// Why the guest is not let go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interruption {
    /// It touched a key that is another invocation's turn.
    #[error("another invocation holds the locks of these keys")]
    Locked(Vec<u8>),
    /// It wants to call something else than the attempts before it.
    #[error("it makes different calls than before")]
    Diverged,
    /// It failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<Interruption> for Refusal {
    fn from(interruption: Interruption) -> Self {
        Self(Box::new(interruption))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Interruption::Failed(failure).into()
    }
}

/// What one attempt has read and staged.
pub(super) struct UnitOfWork {
    invocation: Arc<Invocation>,
    version: Arc<Version>,
    attempt: u32,
    held: LockSet,
    pub began: u64,
    pub reads: ReadSet,
    pub state: StagedState,
    pub outbox: Outbox,
    /// Whether all that the guest has seen is its input, its configuration and what it read: then it would answer the same again.
    pub is_repeatable: bool,
    spent: ReadUsage,
    /// For what was read and staged.
    memory: Reservation,
    /// The guest's own memory.
    pub guest_memory: GuestMemory,
    draws: Draws,
    ids: u64,
    /// How many calls it has made.
    pub call_count: usize,
    /// How often it has asked outside, or wanted to.
    pub asked_outside: usize,
    /// What it has asked for there.
    asked: Arc<Asked>,
}

impl UnitOfWork {
    /// Begins an attempt of a version on a generation of the state, unless the invocation has one of its own; `held` are the locks that it and its callers have.
    pub(super) fn begin(
        invocation: &Arc<Invocation>,
        version: &Arc<Version>,
        generation: u32,
        attempt: u32,
        held: LockSet,
    ) -> Self {
        let began = invocation.context.ledger.applied();
        // A rebuild changes which generation serves: whoever began before must not commit into the one that is left.
        let mut reads = invocation.reads.clone();
        reads.note_key(Space::Meta, super::context::GENERATION_KEY);
        let generation = invocation.generation.unwrap_or(generation);
        Self {
            attempt,
            invocation: invocation.clone(),
            version: version.clone(),
            held,
            began,
            reads,
            state: StagedState::new(generation),
            outbox: Outbox::default(),
            is_repeatable: true,
            spent: ReadUsage::new(invocation.context.settings.limits.read),
            memory: invocation.invoker.memory.nothing(),
            guest_memory: GuestMemory::of(&invocation.context.guests_memory, invocation.depth()),
            draws: Draws::default(),
            ids: 0,
            call_count: 0,
            asked_outside: 0,
            asked: Arc::default(),
        }
    }

    /// What the invocation may use.
    pub(super) fn limits(&self) -> &Limits {
        &self.invocation.context.settings.limits
    }

    /// Whether the guest has staged nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.state.is_empty() && self.outbox.is_empty()
    }

    /// The guest has ended: its memory is free again.
    pub(super) fn end_execution(&mut self) {
        self.guest_memory.end(&self.version.guest_memory);
    }

    fn check_turn(&self, key: &[u8]) -> Result<(), Interruption> {
        match !self.invocation.may_not_wait()
            && self.invocation.context.key_locks.is_taken(key, self.held)
        {
            true => Err(Interruption::Locked(key.to_vec())),
            false => Ok(()),
        }
    }

    fn check_staged(&mut self) -> Result<(), Failure> {
        let limits = &self.invocation.context.settings.limits;
        let limit = limits.staged;
        if self.state.bytes() + self.outbox.bytes() > limit {
            return Err(Failure::StagedTooMuch { limit });
        }
        let commit = &limits.commit;
        for (what, staged, limit) in [
            ("keys", self.state.keys(), commit.keys),
            ("events", self.outbox.events.len(), commit.events),
            ("timers", self.outbox.timer_count(), commit.timers),
        ] {
            let limit = limit.get();
            if staged > limit as usize {
                return Err(Failure::CommittedTooMany { what, limit });
            }
        }
        self.reserve_held(0)
    }

    /// Reserves memory for what is staged, for the note of what was read, and for `answer`, the bytes of what the guest is about to get.
    fn reserve_held(&mut self, answer: usize) -> Result<(), Failure> {
        let noted = self.reads.bytes() + self.draws.bytes() + answer;
        let held = self.state.bytes() + self.outbox.held() + noted as u64;
        Ok(self.memory.cover(held)?)
    }

    fn get_noted(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Interruption> {
        self.check_turn(key)?;
        let notes = Notes {
            reads: &mut self.reads,
            spent: &mut self.spent,
        };
        let found = self
            .state
            .get(&self.invocation.context.ledger, notes, key)?;
        self.reserve_held(found.as_ref().map_or(0, Vec::len))?;
        Ok(found)
    }

    async fn scan_noted(
        &mut self,
        range: &KeyRange,
        limit: u32,
        direction: Direction,
    ) -> Result<Vec<StateEntry>, Failure> {
        let context = &self.invocation.context;
        let scan = Scan {
            range,
            limit,
            direction,
            memory: context.settings.limits.memory,
        };
        let notes = Notes {
            reads: &mut self.reads,
            spent: &mut self.spent,
        };
        let found = self.state.scan(&context.ledger, notes, scan).await?;
        let bytes = found
            .iter()
            .map(|entry| entry.key.len() + entry.value.len());
        self.reserve_held(bytes.sum())?;
        Ok(found)
    }

    async fn count_noted(&mut self, range: &KeyRange) -> Result<u64, Failure> {
        let notes = Notes {
            reads: &mut self.reads,
            spent: &mut self.spent,
        };
        let count = self
            .state
            .count(&self.invocation.context.ledger, notes, range);
        let count = count.await?;
        self.reserve_held(0)?;
        Ok(count)
    }

    /// The table that a key belongs to.
    fn described_table(&self, key: &str) -> Result<&Table, Failure> {
        self.version.description.tables.holding(key).ok_or_else(|| {
            let mut table: String = key.split('/').next().unwrap_or_default().to_owned();
            table.truncate(table.floor_char_boundary(128));
            Failure::UndescribedTable { table }
        })
    }

    fn stage(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), Refusal> {
        state_key::check(&key).map_err(Failure::from)?;
        self.check_turn(key.as_bytes())?;
        self.state.put(key.into_bytes(), value);
        Ok(self.check_staged()?)
    }

    /// Counts what goes along with an event or a timer.
    fn note_carried(&mut self) {
        let identity = self.invocation.identity.as_ref();
        self.outbox
            .note_carried(identity.map_or(0, VerifiedIdentity::size));
    }

    /// Whether it may emit such an event: one that is described, and can be published.
    fn check_event(&self, kind: &str, subject: &str, data: &[u8]) -> Result<(), Failure> {
        let mut described = self.version.description.publishes.iter();
        if !described.any(|published| published == kind) {
            let kind = clipped(kind.to_owned());
            return Err(Failure::UndescribedEvent { kind });
        }
        let most = self.invocation.invoker.max_payload;
        publishable::check(kind, subject, data, most)?;
        Ok(())
    }

    fn check_delay(&self, milliseconds: u64) -> Result<(), Failure> {
        let delay = Duration::from_millis(milliseconds);
        let limit = self.invocation.context.settings.limits.commit.timer_delay;
        match delay > limit {
            true => Err(Failure::TimerTooFar { delay, limit }),
            false => Ok(()),
        }
    }

    fn draw(&mut self, name: String) -> Result<u64, Failure> {
        state_key::check_sequence(&name)?;
        let context = &self.invocation.context;
        let place = self.draws.next(&name);
        if let Some(number) = self.invocation.replay.drawn(&name, place) {
            return Ok(number);
        }
        let limit = context.settings.limits.commit.numbers.get();
        if self.invocation.replay.draw_count() >= limit as usize {
            let what = "numbers";
            return Err(Failure::CommittedTooMany { what, limit });
        }
        let number = context.ledger.next_sequence(&name)?;
        self.invocation.replay.remember_draw(name, number);
        self.reserve_held(0)?;
        Ok(number)
    }

    fn take_timer_away(&mut self, id: EventId) -> Result<bool, Failure> {
        if self.outbox.unstage(&id) {
            return Ok(true);
        }
        self.spent.note(1, 0)?;
        let due = Timer::due(&self.invocation.context.ledger, &mut self.reads, &id)?;
        let mut cancelled = self.outbox.cancelled.iter();
        let already = cancelled.any(|(_, cancelled)| *cancelled == id);
        match due {
            Some(due) if !already => {
                self.outbox.note_timer(id.len());
                self.outbox.cancelled.push((due, id));
                self.check_staged()?;
                Ok(true)
            }
            _ => {
                self.reserve_held(0)?;
                Ok(false)
            }
        }
    }

    async fn call_other(
        &mut self,
        operation: Arc<Operation>,
        parameters: Vec<Val>,
    ) -> Result<Val, Refusal> {
        self.is_repeatable = false;
        if matches!(self.invocation.trigger, Trigger::Nobody) {
            // What it called would be committed, and nobody would undo it.
            return Ok(value::unavailable(MAY_NOT_CALL));
        }
        let limit = self.invocation.context.settings.limits.call_depth;
        if self.invocation.call_stack.len() >= limit as usize {
            return Ok(value::unavailable(Failure::CallDepth { limit }.to_string()));
        }
        let encoded = match value::encode(&parameters) {
            Ok(encoded) => encoded,
            Err(error) => return Ok(value::unavailable(error.to_string())),
        };
        let place = self.call_count;
        let id = self
            .invocation
            .run()
            .call(place, &operation.name(), &encoded);
        let may_have_run = match self.invocation.replay.place(place, &id) {
            Place::Answered(answer) => {
                self.call_count += 1;
                return Ok(answer);
            }
            Place::Diverged => return Err(Interruption::Diverged.into()),
            Place::Open { may_have_run } => may_have_run,
        };
        // What is small is within what is reserved for each instance.
        let _held = match encoded.len() > SMALL {
            true => Some(self.reserve_call(&parameters)?),
            false => None,
        };
        let callee = dispatch::offering(&self.invocation.invoker, &operation.interface);
        if callee.is_some() {
            intent::store_before_call(&self.invocation).await?;
        }
        self.call_count += 1;
        self.invocation.replay.begin_call(place, &id, callee);
        let (consent, mut asked) = Consent::new();
        let request = call::Request {
            id,
            operation,
            parameters,
            encoded,
            correlation_id: self.invocation.correlation_id.clone(),
            causation_id: Some((&self.invocation.id).into()),
            trace: self.invocation.trace.clone(),
            identity: self.invocation.identity.clone(),
            deadline: self.invocation.deadline_of_callee(),
            call_stack: self.chain(),
            may_have_run,
            caller: call::Caller::Context(self.invocation.context.name.clone()),
            consent: Some(consent),
        };
        let invocation = self.invocation.clone();
        let mut dispatching = pin!(dispatch::dispatch(&invocation.invoker, request));
        let mut outdated = None;
        let answered = loop {
            tokio::select! {
                answered = &mut dispatching => break answered,
                Some(asked) = asked.recv() => {
                    let agreed = self.hold().await;
                    asked.answer(agreed.is_ok());
                    outdated = agreed.err().or(outdated);
                }
            }
        };
        if let Some(key) = outdated {
            return Err(Interruption::Locked(key).into());
        }
        // What could not be tried again may have done something the first time.
        let effect = match may_have_run && answered.is_failure {
            true => Effect::Unknown,
            false => answered.effect,
        };
        let replay = &self.invocation.replay;
        let size = replay.end_call(place, answered.answer.clone(), effect);
        let limit = self.invocation.context.settings.limits.memory;
        if size as u64 > limit {
            return Err(Failure::AnsweredTooMuch { limit }.into());
        }
        Ok(answered.answer)
    }

    /// Holds memory for what a call is made with, for as long as it runs.
    fn reserve_call(&self, parameters: &[Val]) -> Result<Reservation, Failure> {
        let bytes: usize = parameters.iter().map(value::size).sum();
        Ok(self.invocation.invoker.memory.reserve(bytes as u64)?)
    }

    /// From here on nobody else commits in this context until the run has ended; refused with a key that has changed since it was read.
    async fn hold(&mut self) -> Result<(), Vec<u8>> {
        self.invocation
            .hold_commits(&self.version)
            .await
            .map_err(|_| Vec::new())?;
        let context = &self.invocation.context;
        match context.ledger.settle(self.began, &self.reads).await {
            Ok(()) => {
                self.began = context.ledger.applied();
                Ok(())
            }
            Err(error) => {
                self.invocation.hold.release();
                match error {
                    CommitError::Conflict { key, .. } => Err(key),
                    _ => Err(Vec::new()),
                }
            }
        }
    }

    fn chain(&self) -> CallStack {
        let here = self.invocation.link(self.held);
        self.invocation
            .call_stack
            .iter()
            .cloned()
            .chain([here])
            .collect()
    }
}
