//! The unit of work: the host's side of one attempt.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasmtime::component::Val;

use super::call;
use super::continuity::Draws;
use super::failure::Failure;
use super::identifier;
use super::intent;
use super::job::{Chain, Job, Trigger};
use super::outbox::{Outbox, Timer};
use super::staged::{Scan, StagedState};
use super::turns::Stripes;
use crate::calls;
use crate::guest::{Answer, Identity, Operation, Refusal, Services, StateEntry, value};
use crate::journal::{self, Event, KeyRange, ReadSet, Space};
use crate::rollout::Version;

/// The longest key of the guest's state, in bytes.
const LONGEST_KEY: usize = 1_024;
/// What a guest hears that calls where it may not.
const MAY_NOT_CALL: &str = "a context that is asked whether it is ready cannot call others";

/// Why the guest is not let go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interruption {
    /// It touched a key that is another invocation's turn.
    #[error("it is another invocation's turn")]
    NotItsTurn(Vec<u8>),
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
    job: Arc<Job>,
    version: Arc<Version>,
    attempt: u32,
    held: Stripes,
    pub began: u64,
    pub reads: ReadSet,
    pub state: StagedState,
    pub outbox: Outbox,
    /// The ids of the calls that were answered `ok`.
    pub calls: BTreeSet<String>,
    /// Whether all that the guest has seen is its input, its configuration and what it read: then it would answer the same again.
    pub is_repeatable: bool,
    draws: Draws,
    ids: u64,
    call_count: u32,
}

impl UnitOfWork {
    /// Begins an attempt of a version on a generation of the state, unless the job has one of its own; `held` is the turn that it and its callers have.
    pub(super) fn begin(
        job: &Arc<Job>,
        version: &Arc<Version>,
        generation: u32,
        attempt: u32,
        held: Stripes,
    ) -> Self {
        let began = job.context.ledger.applied();
        // A rebuild changes which generation serves: whoever began before must not commit into the one that is left.
        let mut reads = job.reads.clone();
        reads.note_key(Space::Meta, crate::app::GENERATION_KEY);
        let generation = job.generation.unwrap_or(generation);
        Self {
            attempt,
            job: job.clone(),
            version: version.clone(),
            held,
            began,
            reads,
            state: StagedState::new(Space::State(generation)),
            outbox: Outbox::default(),
            calls: BTreeSet::new(),
            is_repeatable: true,
            draws: Draws::default(),
            ids: 0,
            call_count: 0,
        }
    }

    /// Whether the guest has staged nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.state.is_empty() && self.outbox.is_empty()
    }

    /// The unit of work behind the services that a guest was entered with.
    pub(super) fn from_services(services: Box<dyn Services>) -> Option<Box<Self>> {
        let any: Box<dyn Any> = services;
        any.downcast().ok()
    }

    fn check_turn(&self, key: &[u8]) -> Result<(), Interruption> {
        match self.job.context.turns.is_taken(key, self.held) {
            true => Err(Interruption::NotItsTurn(key.to_vec())),
            false => Ok(()),
        }
    }

    fn check_staged(&self) -> Result<(), Failure> {
        let limit = self.job.context.settings.limits.staged;
        match self.state.bytes() + self.outbox.bytes() > limit {
            true => Err(Failure::StagedTooMuch { limit }),
            false => Ok(()),
        }
    }

    fn stage(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), Refusal> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(Failure::InvalidKey {
                length: key.len(),
                limit: LONGEST_KEY,
            }
            .into());
        }
        self.check_turn(key.as_bytes())?;
        self.state.put(key.into_bytes(), value);
        Ok(self.check_staged()?)
    }

    fn check_published(&mut self, kind: &str, subject: &str, data: &[u8]) -> Result<(), Failure> {
        if !self
            .version
            .description
            .publishes
            .iter()
            .any(|published| published == kind)
        {
            return Err(Failure::UndescribedEvent {
                kind: kind.to_owned(),
            });
        }
        self.outbox
            .add_bytes(kind.len() + subject.len() + data.len());
        self.check_staged()
    }

    async fn call_other(
        &mut self,
        operation: Arc<Operation>,
        parameters: Vec<Val>,
    ) -> Result<Val, Refusal> {
        self.is_repeatable = false;
        if matches!(self.job.trigger, Trigger::Nobody) {
            // What it called would be committed, and nobody would undo it.
            return Ok(value::unavailable(MAY_NOT_CALL));
        }
        let limit = self.job.context.settings.limits.call_depth;
        if self.job.chain.len() >= limit as usize {
            return Ok(value::unavailable(Failure::CallDepth { limit }.to_string()));
        }
        let encoded = match value::encode(&parameters) {
            Ok(encoded) => encoded,
            Err(error) => return Ok(value::unavailable(error.to_string())),
        };
        let id = identifier::of_call(
            &self.job.run(),
            self.call_count,
            &operation.name(),
            &encoded,
        );
        self.call_count += 1;
        intent::store_before_call(&self.job).await?;
        self.job.continuity.mark_called();
        let request = call::Request {
            id: id.clone(),
            operation,
            parameters,
            encoded,
            correlation_id: self.job.correlation_id.clone(),
            causation_id: self.job.id.clone(),
            trace: self.job.trace.clone(),
            deadline: self.job.deadline,
            chain: self.chain(),
            may_have_run: self.job.continuity.is_recovered(),
            from_outside: false,
        };
        let answered = calls::dispatch(&self.job.host, request).await;
        if answered.uncertain {
            self.job.continuity.mark_uncertain();
        }
        if !value::is_err(&answered.answer) {
            self.calls.insert(id);
        }
        Ok(answered.answer)
    }

    fn chain(&self) -> Chain {
        let here = (self.job.context.name.clone(), self.held);
        self.job.chain.iter().cloned().chain([here]).collect()
    }
}

fn broken(error: journal::Error) -> Refusal {
    Failure::from(error).into()
}

fn range(start: String, end: String) -> KeyRange {
    KeyRange::new(
        start.into_bytes(),
        (!end.is_empty()).then(|| end.into_bytes()),
    )
}

impl Services for UnitOfWork {
    fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Refusal> {
        self.check_turn(key.as_bytes())?;
        self.state
            .get(&self.job.context.ledger, &mut self.reads, key.as_bytes())
            .map_err(broken)
    }

    fn put(&mut self, key: String, value: Vec<u8>) -> Result<(), Refusal> {
        if !key.is_empty() && !self.version.description.tables.hold(&key) {
            let mut table: String = key.split('/').next().unwrap_or_default().to_owned();
            table.truncate(table.floor_char_boundary(128));
            return Err(Failure::UndescribedTable { table }.into());
        }
        self.stage(key, Some(value))
    }

    fn delete(&mut self, key: String) -> Result<(), Refusal> {
        self.stage(key, None)
    }

    fn scan(
        &mut self,
        start: String,
        end: String,
        limit: u32,
        reverse: bool,
    ) -> Result<Vec<StateEntry>, Refusal> {
        let context = &self.job.context;
        let scan = Scan {
            range: &range(start, end),
            limit,
            reverse,
            memory: context.settings.limits.memory,
        };
        Ok(self.state.scan(&context.ledger, &mut self.reads, scan)?)
    }

    fn count(&mut self, start: String, end: String) -> Result<u64, Refusal> {
        self.state
            .count(
                &self.job.context.ledger,
                &mut self.reads,
                &range(start, end),
            )
            .map_err(broken)
    }

    fn next_sequence(&mut self, name: String) -> Result<u64, Refusal> {
        self.is_repeatable = false;
        let place = self.draws.next(&name);
        if let Some(number) = self.job.continuity.drawn(&name, place) {
            return Ok(number);
        }
        let number = self
            .job
            .context
            .ledger
            .next_sequence(&name)
            .map_err(broken)?;
        self.job.continuity.remember_draw(name, number);
        Ok(number)
    }

    fn emit(&mut self, kind: String, subject: String, data: Vec<u8>) -> Result<String, Refusal> {
        self.check_published(&kind, &subject, &data)?;
        let id = identifier::derived(&self.job.id, "event", self.outbox.next_count());
        self.outbox.events.push(Event {
            id: id.clone(),
            kind,
            subject,
            // The commit's own time is set when there is one.
            time: 0,
            data,
            correlation_id: self.job.correlation_id.clone(),
            causation_id: self.job.id.clone(),
        });
        Ok(id)
    }

    fn emit_after(
        &mut self,
        delay_ms: u64,
        kind: String,
        subject: String,
        data: Vec<u8>,
    ) -> Result<String, Refusal> {
        self.check_published(&kind, &subject, &data)?;
        let id = identifier::derived(&self.job.id, "timer", self.outbox.next_count());
        let timer = Timer {
            id: id.clone(),
            kind,
            subject,
            data,
            correlation_id: self.job.correlation_id.clone(),
            causation_id: self.job.id.clone(),
        };
        self.outbox.timers.push((delay_ms, timer));
        Ok(id)
    }

    fn cancel(&mut self, id: String) -> Result<bool, Refusal> {
        if self.outbox.unstage(&id) {
            return Ok(true);
        }
        let due = Timer::due(&self.job.context.ledger, &mut self.reads, &id).map_err(broken)?;
        let already = self
            .outbox
            .cancelled
            .iter()
            .any(|(_, cancelled)| *cancelled == id);
        match due {
            Some(due) if !already => {
                self.outbox.cancelled.push((due, id));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    // A line of the log needs it, too, and is not to be missing either.
    fn identity(&mut self) -> Result<Identity, Refusal> {
        self.is_repeatable = false;
        let job = &self.job;
        Ok(Identity {
            context: job.context.name.clone(),
            version: self.version.digest.clone(),
            id: job.id.clone(),
            correlation_id: job.correlation_id.clone(),
            causation_id: job.causation_id.clone(),
            attempt: self.attempt,
        })
    }

    fn now(&mut self) -> Result<u64, Refusal> {
        self.is_repeatable = false;
        Ok(self.job.continuity.observe_time())
    }

    fn new_id(&mut self) -> Result<String, Refusal> {
        self.is_repeatable = false;
        self.ids += 1;
        Ok(identifier::derived(&self.job.id, "id", self.ids))
    }

    fn config(&self) -> Result<Arc<BTreeMap<String, String>>, Refusal> {
        Ok(self.job.context.config())
    }

    fn call(&mut self, operation: Arc<Operation>, parameters: Vec<Val>) -> Answer<'_> {
        Box::pin(self.call_other(operation, parameters))
    }
}
