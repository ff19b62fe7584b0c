//! What the guest of an attempt may ask.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;

use wasmtime::component::Val;

use super::UnitOfWork;
use crate::guest::{
    Answer, IdentityInfo, InvocationInfo, LogGate, Operation, OutboundCall, Pending, Refusal,
    Reserved, Services, StateEntry,
};
use crate::invocation::counter::InvalidCounter;
use crate::invocation::definition::Trigger;
use crate::invocation::failure::Failure;
use crate::invocation::state_key;
use crate::invocation::timer::Timer;
use crate::journal::{Direction, Event, KeyRange};
use crate::observe::telemetry;
use crate::outbound::Envelope;

/// What a guest hears that asks outside where nobody waits for what it does.
const ONLY_TRIED: &str =
    "a context that is asked whether it is ready, or that is only tried, cannot ask outside";
/// What it hears where what has happened is handled again.
const HANDLED_AGAIN: &str =
    "what is handled again to rebuild a state cannot ask outside: all of it was asked before";

impl Services for UnitOfWork {
    fn begin(&mut self) {
        self.invocation.connection.open();
    }

    fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(self.get_noted(key.as_bytes())?)
    }

    fn put(&mut self, key: String, value: Vec<u8>) -> Result<(), Refusal> {
        if !key.is_empty() {
            self.described_table(&key)?;
        }
        self.stage(key, Some(value))
    }

    fn add(&mut self, key: String, delta: i64) -> Result<(), Refusal> {
        state_key::check(&key).map_err(Failure::from)?;
        let table = self.described_table(&key)?;
        if !table.has_counters() {
            return Err(Failure::from(InvalidCounter::OtherTable {
                table: key.split('/').next().unwrap_or_default().to_owned(),
                values: table.value(),
            })
            .into());
        }
        self.check_turn(key.as_bytes())?;
        self.state.add(key.into_bytes(), delta)?;
        Ok(self.check_staged()?)
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
    ) -> Pending<'_, Vec<StateEntry>> {
        Box::pin(async move {
            let range = range(start, end);
            let direction = match reverse {
                true => Direction::Backwards,
                false => Direction::Forwards,
            };
            Ok(self.scan_noted(&range, limit, direction).await?)
        })
    }

    fn count(&mut self, start: String, end: String) -> Pending<'_, u64> {
        Box::pin(async move {
            let range = range(start, end);
            Ok(self.count_noted(&range).await?)
        })
    }

    fn next_sequence(&mut self, name: String) -> Result<u64, Refusal> {
        self.is_repeatable = false;
        Ok(self.draw(name)?)
    }

    fn emit(&mut self, kind: String, subject: String, data: Vec<u8>) -> Result<String, Refusal> {
        self.check_event(&kind, &subject, &data)?;
        let carried = self.invocation.trace.carried();
        self.outbox
            .note_event(kind.len() + subject.len() + data.len() + carried);
        self.note_carried();
        let id = self.invocation.id.event("event", self.outbox.next_count());
        let told = id.to_string();
        self.outbox.events.push(Event {
            id,
            kind,
            subject,
            // The commit's own time is set when there is one.
            time: 0,
            data,
            correlation_id: self.invocation.correlation_id.clone(),
            causation_id: Some((&self.invocation.id).into()),
            trace: telemetry::publisher(&self.invocation.trace),
            identity: self.invocation.identity.clone(),
        });
        self.check_staged()?;
        Ok(told)
    }

    fn emit_after(
        &mut self,
        delay_ms: u64,
        kind: String,
        subject: String,
        data: Vec<u8>,
    ) -> Result<String, Refusal> {
        self.check_event(&kind, &subject, &data)?;
        self.check_delay(delay_ms)?;
        self.outbox
            .note_timer(kind.len() + subject.len() + data.len());
        self.note_carried();
        let id = self.invocation.id.event("timer", self.outbox.next_count());
        let told = id.to_string();
        let timer = Timer {
            id,
            kind,
            subject,
            data,
            correlation_id: self.invocation.correlation_id.clone(),
            causation_id: Some((&self.invocation.id).into()),
            identity: self.invocation.identity.clone(),
        };
        self.outbox.timers.push((delay_ms, timer));
        self.check_staged()?;
        Ok(told)
    }

    fn cancel(&mut self, id: String) -> Result<bool, Refusal> {
        Ok(self.take_timer_away(id.into())?)
    }

    // A line of the log needs it, too, and is not to be missing either.
    fn invocation(&mut self) -> Result<InvocationInfo, Refusal> {
        self.is_repeatable = false;
        let invocation = &self.invocation;
        Ok(InvocationInfo {
            context: invocation.context.name.to_string(),
            version: self.version.digest.to_string(),
            id: invocation.id.to_string(),
            correlation_id: invocation.correlation_id.to_string(),
            causation_id: invocation
                .causation_id
                .as_deref()
                .unwrap_or_default()
                .to_owned(),
            attempt: self.attempt,
        })
    }

    fn identity(&mut self) -> Result<Option<IdentityInfo>, Refusal> {
        // Nobody is to get what was answered to somebody else.
        self.is_repeatable = false;
        let identity = self.invocation.identity.as_ref();
        Ok(identity.map(|identity| IdentityInfo {
            issuer: identity.issuer().to_owned(),
            subject: identity.subject().to_owned(),
            scopes: identity.scopes().to_vec(),
            claims: identity.claims().to_vec(),
        }))
    }

    fn now(&mut self) -> Result<u64, Refusal> {
        self.is_repeatable = false;
        Ok(self.invocation.replay.time())
    }

    fn new_id(&mut self) -> Result<String, Refusal> {
        self.is_repeatable = false;
        self.ids += 1;
        // Another run is to make others: what was undone may go by these.
        let secret = &self.invocation.context.id_secret;
        Ok(self.invocation.run().new_id(secret, self.ids))
    }

    fn config(&self) -> Result<Arc<BTreeMap<String, String>>, Refusal> {
        Ok(self.invocation.context.config())
    }

    fn call(&mut self, operation: Arc<Operation>, parameters: Vec<Val>) -> Answer<'_> {
        Box::pin(self.call_other(operation, parameters))
    }

    fn outbound(&mut self) -> Result<Box<dyn OutboundCall>, Refusal> {
        self.is_repeatable = false;
        let (invocation, client) = (&self.invocation, &self.invocation.context.outbound);
        self.asked_outside += 1;
        if matches!(invocation.trigger, Trigger::Nobody) {
            return Ok(client.refused(ONLY_TRIED));
        }
        let serving = invocation.context.generation();
        if invocation
            .generation
            .is_some_and(|generation| generation != serving)
        {
            return Ok(client.refused(HANDLED_AGAIN));
        }
        let envelope = Envelope {
            conversation: invocation.conversation().clone(),
            asked: self.asked.clone(),
            deadline: invocation.deadline_of_callee(),
            trace: invocation.trace.clone(),
            correlation_id: invocation.correlation_id.clone(),
        };
        Ok(client.call(envelope))
    }

    fn log_gate(&mut self) -> Arc<dyn LogGate> {
        // A line is not to be missing when it would be written again.
        self.is_repeatable = false;
        self.invocation.context.log.clone()
    }

    fn reserve(&mut self, bytes: usize) -> Reserved<'_> {
        let bytes = bytes as u64;
        match self.guest_memory.take(bytes) {
            true => Box::pin(ready(true)),
            false => Box::pin(self.guest_memory.grow(bytes, self.invocation.deadline)),
        }
    }
}

fn range(start: String, end: String) -> KeyRange {
    KeyRange::new(
        start.into_bytes(),
        (!end.is_empty()).then(|| end.into_bytes()),
    )
}
