//! An event that the context follows, as an invocation.

use std::sync::Arc;

use tokio::time::Instant;

use super::attributes::Attributes;
use super::context::Context;
use super::definition::{Beginning, Invocation, Place, Trigger};
use super::entry::{Answer, Entry, number_of};
use super::failure::{Failure, clipped};
use super::invoker::Invoker;
use super::known_good::{LARGEST, Sample};
use super::replay::Replay;
use super::traffic::Traffic;
use super::undoing::{abandonment, undo_task};
use super::unit::UnitOfWork;
use super::{attempts, intent};
use crate::core::{ContextName, CorrelationId, InvocationId};
use crate::guest::{self, Ended, Execution, PolicyError};
use crate::journal::{Cause, Durability, Event, ReadSet, Write};
use crate::manifest::RampKey;
use crate::observe::telemetry;
use crate::versions::{Version, unreadable_event};

/// One delivery of an event to a follower.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The context that published it.
    pub source: ContextName,
    /// The event.
    pub event: Event,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How often it was given up on before.
    pub given_up: u32,
    /// The generation of the follower's state that it works on.
    pub generation: u32,
    /// The version that handles it, when not the one that serves.
    pub version: Option<Arc<Version>>,
    /// What else the commit must have found unchanged, such as the follower's cursor.
    pub reads: ReadSet,
    /// What else the commit writes, such as the moved cursor.
    pub writes: Vec<Write>,
    /// Whether an attempt may have been made that this process does not remember: calls of such an attempt are looked for.
    pub may_have_run: bool,
    /// When the commit is answered, if not when the context's settings say: a rebuild need not wait for the disk.
    pub durability: Option<Durability>,
}

/// Why an event could not be handled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EventFailure {
    /// It may be handled later.
    #[error("{0}")]
    Retry(String),
    /// The guest will not handle it.
    #[error("{0}")]
    Reject(String),
    /// It could not run, or not to its end, for reasons that have nothing to do with it: this counts as no attempt.
    #[error("{0}")]
    Postponed(String),
    /// The version that serves by now does not want it.
    #[error("{0}")]
    NotFollowed(String),
}

/// Has a context handle an event; answers the position of the commit. Waits for a place to run in as long as it takes.
///
/// # Errors
///
/// When it was not handled; nothing was committed then, and what was called stays as it is for the next attempt.
pub async fn event(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    delivery: &Delivery,
) -> Result<Option<u64>, EventFailure> {
    if let Some(reason) = unreadable_event::reason(&delivery.event) {
        return Err(EventFailure::Reject(reason.to_owned()));
    }
    if delivery.version.is_none() {
        context.availability.check(&context.name)?;
    }
    let place = context.admission.enter_patiently().await;
    if delivery.version.is_none() {
        // It may have waited for long.
        context.availability.check(&context.name)?;
    }
    let invocation = invocation(invoker, context, delivery, Place::taken(place))?;
    for earlier in 0..delivery.given_up {
        // What undoes one that was given up on must not undo what this one does.
        let earlier = InvocationId::of_event(&context.name, &delivery.event.id, earlier).run(0);
        undo_task::finish(invoker, context, &earlier, invocation.deadline).await?;
    }
    let attributes = Attributes::read(invoker, &delivery.source, &delivery.event);
    let attributes = attributes.map_err(Failure::from)?;
    let entry = guest::Event {
        id: delivery.event.id.to_string(),
        kind: delivery.event.kind.clone(),
        source: delivery.source.to_string(),
        subject: delivery.event.subject.clone(),
        time: delivery.event.time,
        content_type: attributes.content_type,
        data: delivery.event.data.clone(),
        correlation_id: delivery.event.correlation_id.to_string(),
        causation_id: delivery
            .event
            .causation_id
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
        extensions: attributes.extensions,
    };
    let began = std::time::Instant::now();
    let ended = attempts::run(&invocation, entry).await;
    let failed = match &ended {
        Ok(done) => !done.answer.is_success(),
        Err(failure) => failure.is_fault_of_context(),
    };
    let traffic = context
        .followed
        .get_or_make(&delivery.source, Traffic::default);
    traffic.note(began.elapsed(), failed);
    let done = ended?;
    match done.answer {
        Ok(()) => Ok(done.position),
        Err(PolicyError::Reject(reason)) => Err(EventFailure::Reject(clipped(reason))),
        Err(PolicyError::Retry(reason)) => Err(EventFailure::Retry(clipped(reason))),
    }
}

impl Entry for guest::Event {
    type Answer = Result<(), PolicyError>;

    fn affinity(&self, _key: &RampKey, _correlation_id: &CorrelationId) -> String {
        self.subject.clone()
    }

    fn suits(&self, version: &Version, _context: &ContextName) -> Result<(), Failure> {
        match version.handles(&self.source, &self.kind) {
            true => Ok(()),
            false => Err(Failure::NotFollowed {
                source_name: self.source.clone(),
                kind: self.kind.clone(),
            }),
        }
    }

    fn kind(&self) -> u64 {
        number_of(&[self.source.as_bytes(), self.kind.as_bytes()])
    }

    fn fingerprint(&self) -> u64 {
        let parts = [&self.source, &self.kind, &self.id];
        number_of(&parts.map(String::as_bytes))
    }

    fn sample(&self) -> Option<Sample> {
        (self.data.len() <= LARGEST).then(|| Sample::Event(Box::new(self.clone())))
    }

    async fn enter(
        &self,
        version: &Version,
        execution: Execution<UnitOfWork>,
    ) -> Ended<Result<(), PolicyError>, UnitOfWork> {
        version.guest.on_event(execution, self.clone()).await
    }
}

impl Answer for Result<(), PolicyError> {
    fn is_success(&self) -> bool {
        self.is_ok()
    }

    fn is_error(&self) -> bool {
        matches!(self, Err(PolicyError::Retry(_)))
    }

    fn reason(&self) -> String {
        match self {
            Err(PolicyError::Retry(reason) | PolicyError::Reject(reason)) => {
                clipped(reason.clone())
            }
            Ok(()) => String::new(),
        }
    }
}

impl From<Failure> for EventFailure {
    fn from(failure: Failure) -> Self {
        if let Failure::NotFollowed { .. } = failure {
            return Self::NotFollowed(failure.to_string());
        }
        let is_its_own =
            failure.is_fault_of_context() && !matches!(failure, Failure::NotServing { .. });
        match is_its_own {
            true => Self::Retry(failure.to_string()),
            false => Self::Postponed(failure.to_string()),
        }
    }
}

/// Gives up on an event: the delivery's writes (the moved cursor, the dead letter) are committed without the guest, and what its attempts called
/// is undone.
///
/// # Errors
///
/// When the journal cannot be written; the event stays undecided then.
pub async fn give_up(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    delivery: &Delivery,
    reason: &str,
) -> Result<Option<u64>, Failure> {
    // Whatever attempts there were, here or before a restart, may have called others.
    let delivery = &Delivery {
        may_have_run: true,
        ..delivery.clone()
    };
    let invocation = invocation(invoker, context, delivery, Place::default())?;
    abandonment::abandon(&invocation, || reason.to_owned(), delivery.writes.clone()).await
}

/// Whether an attempt at an event has left something behind.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn has_left(context: &Context, delivery: &Delivery) -> Result<bool, Failure> {
    let id = InvocationId::of_event(&context.name, &delivery.event.id, delivery.given_up);
    Ok(intent::find(context, &id)?.is_some())
}

fn invocation(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    delivery: &Delivery,
    place: Place,
) -> Result<Arc<Invocation>, Failure> {
    let id = InvocationId::of_event(&context.name, &delivery.event.id, delivery.given_up);
    let left = match delivery.may_have_run || delivery.attempt > 1 {
        true => intent::find(context, &id)?,
        false => None,
    };
    let cause = cause(context, delivery);
    let correlation_id = delivery.event.correlation_id.clone();
    let trace = match (&cause, &delivery.event.trace) {
        (Cause::Event { .. }, Some(publisher)) => publisher.child(),
        _ => telemetry::of_story(&correlation_id),
    };
    let invocation = Invocation::new(Beginning {
        invoker: invoker.clone(),
        context: context.clone(),
        id,
        correlation_id,
        causation_id: Some((&delivery.event.id).into()),
        trace,
        identity: delivery.event.identity.clone(),
        cause,
        trigger: Trigger::Follower,
        deadline: Instant::now() + context.settings.limits.deadline,
    });
    Ok(Arc::new(Invocation {
        first_attempt: delivery.attempt,
        generation: Some(delivery.generation),
        version: delivery.version.clone(),
        replay: left.map_or(invocation.replay.clone(), Replay::of),
        reads: delivery.reads.clone(),
        writes: delivery.writes.clone(),
        durability: delivery.durability,
        place,
        ..invocation
    }))
}

fn cause(context: &Context, delivery: &Delivery) -> Cause {
    if delivery.generation != context.generation() {
        // It has been handled before: this is no part of its story.
        return Cause::Host {
            purpose: "rebuild".into(),
        };
    }
    Cause::Event {
        source: delivery.source.clone(),
        kind: delivery.event.kind.clone(),
        id: delivery.event.id.clone(),
    }
}
