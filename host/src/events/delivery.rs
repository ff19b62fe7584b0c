//! Deliveries: an event is brought to its guest until it has been handled, or is given up on.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Events;
use super::dead_letter::{self, DeadLetter, LetterId};
use super::held_subjects::Mark;
use super::lane::{Arrival, Handler};
use crate::core::{Backoff, ContextName};
use crate::invocation::{self, Context, Delivery, EventFailure, Failure, quota};
use crate::journal::{CommitError, Durability, EventPosition, Ledger, Resource, Space, Unit};
use crate::manifest::OnDeadLetter;
use crate::versions::Version;

/// How many events of a generation that is being filled are handled at once, for each processor.
const SHADOWS: usize = 2;
/// Why an event that an attempt was made at is passed over.
const NO_LONGER: &str = "it is no longer followed";

/// Brings events to the guest of a context.
pub(super) struct Deliveries {
    events: Arc<Events>,
    context: Arc<Context>,
    generation: u32,
    /// The version that handles them, when not the one that serves.
    version: Option<Arc<Version>>,
    /// How much runs at once in a generation that does not serve, so that it leaves room for what does.
    places: Option<Semaphore>,
    /// How many look for room for a dead letter, or have found it and are leaving one.
    leaving: AtomicU64,
}

impl Deliveries {
    /// For the generation that serves.
    pub(super) fn live(events: &Arc<Events>, context: &Arc<Context>) -> Self {
        Self {
            events: events.clone(),
            context: context.clone(),
            generation: context.generation(),
            version: None,
            places: None,
            leaving: AtomicU64::new(0),
        }
    }

    /// For a generation that is being filled by a version.
    pub(super) fn shadow(
        events: &Arc<Events>,
        context: &Arc<Context>,
        generation: u32,
        version: &Arc<Version>,
    ) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            events: events.clone(),
            context: context.clone(),
            generation,
            version: Some(version.clone()),
            places: Some(Semaphore::new(processors * SHADOWS)),
            leaving: AtomicU64::new(0),
        }
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<Option<u64>, EventFailure> {
        let _place = match &self.places {
            // Nobody closes it.
            Some(places) => places.acquire().await.ok(),
            None => None,
        };
        invocation::event(&self.events.invoker, &self.context, delivery).await
    }
}

impl Handler for Deliveries {
    fn ledger(&self) -> &Arc<Ledger> {
        &self.context.ledger
    }

    /// As any of the versions says that serve at this moment: what one of them does not want may be for the other.
    fn follows(&self, source: &ContextName, kind: &str) -> bool {
        if let Some(version) = &self.version {
            return version.handles(source, kind);
        }
        let serving = self.context.serving();
        let mut versions = serving.versions();
        versions.any(|version| version.handles(source, kind))
    }

    async fn handle(&self, arrival: Arrival<'_>) -> ControlFlow<()> {
        let settings = &self.context.settings.follow;
        let mut backoff = settings.backoff();
        let (position, stop) = (arrival.position, arrival.stop);
        let is_early = arrival.is_early && self.places.is_none();
        let mut delivery = self.delivery(arrival);
        if self.hold(&delivery, position, stop).await? {
            return ControlFlow::Continue(());
        }
        if is_early && !delivery.may_have_run {
            // Where that cannot be read, the guest will not get far either.
            let left = invocation::has_left(&self.context, &delivery);
            delivery.may_have_run = left.unwrap_or(true);
        }
        let following = self.events.following(&self.context);
        let is_live = self.places.is_none();
        let id = is_live.then(|| LetterId::of(&delivery, position));
        let retry = following.retries.begin(id);
        loop {
            if is_live {
                // It waits where it is, however long that takes: this is no attempt.
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return self.leave_off(&delivery, stop).await,
                    () = self.context.availability.opened() => {}
                }
            }
            // In a box: each lane would otherwise be as large as this is, and move it for each event.
            let failure = match Box::pin(self.deliver(&delivery)).await {
                Ok(_) => {
                    retry.handled();
                    if is_live {
                        self.context.metrics.events_handled.increment(1);
                    }
                    return ControlFlow::Continue(());
                }
                Err(failure) => failure,
            };
            if let EventFailure::NotFollowed(reason) = failure {
                // As if it had not been followed before: the cursor is written with a later commit, unless an attempt may have called.
                return match delivery.may_have_run {
                    true => self.abandon(&delivery, &reason, stop).await,
                    false => ControlFlow::Continue(()),
                };
            }
            log(&self.context, &delivery, &failure);
            let (attempt, why) = (delivery.attempt, failure.to_string());
            match failure {
                EventFailure::Retry(_) if delivery.attempt < settings.attempts.get() => {
                    delivery.attempt += 1;
                    self.context.metrics.events_retried.increment(1);
                }
                EventFailure::Retry(reason) | EventFailure::Reject(reason) => {
                    let letter = DeadLetter::new(&delivery, position, &reason);
                    return self.give_up(&delivery, &letter, stop).await;
                }
                EventFailure::Postponed(_) | EventFailure::NotFollowed(_) => {}
            }
            delivery.may_have_run = true;
            let pause = backoff.next_pause();
            let failed = delivery.attempt - 1;
            retry.failed(&delivery.event, failed, why.clone(), pause);
            tokio::select! {
                // First what an operator has asked for.
                biased;
                () = retry.given_up().cancelled() => {
                    let reason = format!("an operator gave up on it; its last attempt failed: {why}");
                    delivery.attempt = attempt;
                    let letter = DeadLetter::new(&delivery, position, &reason);
                    return self.give_up(&delivery, &letter, stop).await;
                }
                () = stop.cancelled() => return self.leave_off(&delivery, stop).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn skip(&self, arrival: Arrival<'_>) -> ControlFlow<(), bool> {
        if self.places.is_some() {
            return ControlFlow::Continue(false);
        }
        let stop = arrival.stop;
        let delivery = self.delivery(arrival);
        let mut backoff = Backoff::of_journal();
        loop {
            // There may be many of them in a row.
            tokio::task::yield_now().await;
            match invocation::has_left(&self.context, &delivery) {
                Ok(false) => return ControlFlow::Continue(false),
                Ok(true) => break,
                Err(failure) => {
                    tracing::error!(context = self.context.name.as_str(), event = delivery.event.id.as_str(), %failure, "could not read the calls made for an event; trying again");
                    backoff.pause(stop).await?;
                }
            }
        }
        self.abandon(&delivery, NO_LONGER, stop).await?;
        ControlFlow::Continue(true)
    }
}

impl Deliveries {
    fn delivery(&self, arrival: Arrival<'_>) -> Delivery {
        Delivery {
            source: arrival.source.to_owned(),
            event: arrival.event,
            attempt: 1,
            given_up: 0,
            generation: self.generation,
            version: self.version.clone(),
            reads: arrival.reads,
            writes: vec![arrival.moved],
            may_have_run: arrival.is_first,
            // A crash takes back the cursor with the effects, so only the last of those that wait needs to reach the disk soon.
            durability: (arrival.has_more || self.places.is_some()).then_some(Durability::Relaxed),
        }
    }

    fn holds_subjects(&self) -> bool {
        self.context.settings.follow.on_dead_letter == OnDeadLetter::HoldSubject
    }

    fn mark(&self, delivery: &Delivery) -> Mark {
        Mark::new(self.generation, &delivery.source, &delivery.event.subject)
    }

    /// Holds an event back where its subject has a dead letter, and the manifest asks for it. True when a commit holds it and the moved cursor.
    async fn hold(
        &self,
        delivery: &Delivery,
        position: EventPosition,
        stop: &CancellationToken,
    ) -> ControlFlow<(), bool> {
        if !self.holds_subjects() {
            return ControlFlow::Continue(false);
        }
        let mark = self.mark(delivery);
        let mut _leaving = None;
        if mark.stands(self.ledger()).unwrap_or(true) {
            match self.room(delivery, stop).await {
                Room::Found(leaving) => _leaving = Some(leaving),
                Room::NotNeeded => {
                    self.abandon(delivery, NO_LONGER, stop).await?;
                    return ControlFlow::Continue(true);
                }
                Room::Stopped => {
                    self.leave_off(delivery, stop).await?;
                    return ControlFlow::Break(());
                }
            }
        }
        let mut backoff = Backoff::of_journal();
        loop {
            match self.try_to_hold(delivery, position, &mark).await {
                Ok(is_held) => return ControlFlow::Continue(is_held),
                // Perhaps the last dead letter of the subject has just gone.
                Err(CommitError::Conflict { .. }) if !stop.is_cancelled() => {}
                Err(error) => {
                    tracing::error!(context = self.context.name.as_str(), event = delivery.event.id.as_str(), %error, "could not hold back an event; trying again");
                    backoff.pause(stop).await?;
                }
            }
        }
    }

    async fn try_to_hold(
        &self,
        delivery: &Delivery,
        position: EventPosition,
        mark: &Mark,
    ) -> Result<bool, CommitError> {
        let ledger = self.ledger();
        let began = ledger.applied();
        if !mark.stands(ledger)? {
            return Ok(false);
        }
        let mut reads = delivery.reads.clone();
        mark.note(&mut reads);
        let letter = DeadLetter::held(delivery, position);
        let mut writes = delivery.writes.clone();
        writes.push(letter.write(delivery.generation)?);
        writes.push(mark.set());
        let unit = Unit {
            reads,
            ..Unit::bookkeeping("dead-letter", began, writes)
        };
        ledger.commit(unit).await?;
        Ok(true)
    }

    /// Ends a delivery that is told to stop. Where that is because its source is not followed any more, nobody will take it up again.
    async fn leave_off(&self, delivery: &Delivery, stop: &CancellationToken) -> ControlFlow<()> {
        let is_followed = self.follows(&delivery.source, &delivery.event.kind);
        if !is_followed && !self.events.shutdown.is_cancelled() {
            self.abandon(delivery, NO_LONGER, stop).await?;
        }
        ControlFlow::Break(())
    }

    /// Goes on without a dead letter from an event that is not wanted any more; whatever its attempts called is undone.
    async fn abandon(
        &self,
        delivery: &Delivery,
        reason: &str,
        stop: &CancellationToken,
    ) -> ControlFlow<()> {
        let mut backoff = Backoff::of_journal();
        while let Err(failure) =
            invocation::give_up(&self.events.invoker, &self.context, delivery, reason).await
        {
            tracing::error!(context = self.context.name.as_str(), event = delivery.event.id.as_str(), %failure, "could not skip an event that is no longer followed; trying again");
            backoff.pause(stop).await?;
        }
        ControlFlow::Continue(())
    }

    /// Leaves a dead letter and goes on; none where the event is not followed any more before there is room for it.
    async fn give_up(
        &self,
        delivery: &Delivery,
        letter: &DeadLetter,
        stop: &CancellationToken,
    ) -> ControlFlow<()> {
        let _leaving = match self.room(delivery, stop).await {
            Room::Found(leaving) => leaving,
            Room::NotNeeded => return self.abandon(delivery, NO_LONGER, stop).await,
            Room::Stopped => return self.leave_off(delivery, stop).await,
        };
        let mut backoff = Backoff::of_journal();
        let mut delivery = delivery.clone();
        if self.holds_subjects() {
            delivery.writes.push(self.mark(&delivery).set());
        }
        while let Err(failure) = leave(&self.events, &self.context, &delivery, letter).await {
            tracing::error!(context = self.context.name.as_str(), event = delivery.event.id.as_str(), %failure, "could not store a dead letter; trying again");
            backoff.pause(stop).await?;
        }
        if self.places.is_none() {
            self.context.metrics.events_dead_lettered.increment(1);
        }
        ControlFlow::Continue(())
    }
}

/// What comes of waiting for room for one more dead letter.
enum Room<'a> {
    /// There is some, and nobody else takes it.
    Found(Leaving<'a>),
    /// The event is not followed any more, so it needs none.
    NotNeeded,
    /// The lane was told to stop.
    Stopped,
}

/// One who leaves a dead letter, until it is dropped.
struct Leaving<'a> {
    all: &'a AtomicU64,
    /// How many others there were: each may leave one.
    others: u64,
}

impl<'a> Leaving<'a> {
    fn begin(all: &'a AtomicU64) -> Self {
        let others = all.fetch_add(1, Ordering::AcqRel);
        Self { all, others }
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Deliveries {
    /// Waits while the context has as many dead letters as it may: an event must not be lost, and the journal not be filled with them.
    async fn room(&self, delivery: &Delivery, stop: &CancellationToken) -> Room<'_> {
        let event = &delivery.event;
        let limit = quota::limit(&self.context, Resource::DeadLetters);
        let range = dead_letter::of_generation(self.generation);
        let mut backoff = Backoff::of_journal();
        let mut is_told = false;
        loop {
            // Before it is looked: what others leave meanwhile is either counted there or here.
            let leaving = Leaving::begin(&self.leaving);
            let letters = self
                .ledger()
                .count_in_slices(Space::DeadLetter, &range, limit);
            // What cannot be counted is left to whoever writes it.
            let is_full = |keys: u64| keys.saturating_add(leaving.others) >= limit;
            if !letters.await.is_ok_and(|letters| is_full(letters.keys)) {
                return Room::Found(leaving);
            }
            drop(leaving);
            if !self.follows(&delivery.source, &event.kind) {
                return Room::NotNeeded;
            }
            if !std::mem::replace(&mut is_told, true) {
                tracing::warn!(
                    context = self.context.name.as_str(),
                    event = event.id.as_str(),
                    limit,
                    "the quota of dead letters is used up (quota.dead_letters); the lane waits until some are retried or dropped"
                );
            }
            if backoff.pause(stop).await.is_break() {
                return Room::Stopped;
            }
        }
    }
}

/// Commits a dead letter where the event's effects would have been; whatever its attempts called is undone.
pub(super) async fn leave(
    events: &Arc<Events>,
    context: &Arc<Context>,
    delivery: &Delivery,
    letter: &DeadLetter,
) -> Result<(), Failure> {
    let mut delivery = delivery.clone();
    delivery.writes.push(letter.write(delivery.generation)?);
    invocation::give_up(&events.invoker, context, &delivery, &letter.reason).await?;
    Ok(())
}

/// Says that an event could not be handled.
pub(super) fn log(context: &Context, delivery: &Delivery, failure: &EventFailure) {
    if !context.log.admits_failure() {
        return;
    }
    let event = &delivery.event;
    tracing::warn!(
        context = context.name.as_str(),
        source = delivery.source.as_str(),
        event = event.id.as_str(),
        kind = event.kind,
        subject = event.subject,
        correlation_id = event.correlation_id.as_str(),
        attempt = delivery.attempt,
        %failure,
        "an event could not be handled"
    );
}
