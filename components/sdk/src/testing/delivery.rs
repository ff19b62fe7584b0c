//! How events and timers come to those who follow them.

use std::collections::VecDeque;
use std::time::Duration;

use super::app::within;
use super::invocation::{Beginning, invoke};
use super::simulation::{Simulated, Simulation, with};
use super::{DeadLetter, DeliveredEvent};
use crate::PolicyError;

/// How often an event is tried that its follower wants to see again: as often as the host does by default (`follow.attempts`).
const DELIVERY_ATTEMPTS: u32 = 12;
/// The pause before the second attempt in milliseconds, which doubles from there, and the longest: the host's defaults, which it shortens by chance.
const FIRST_PAUSE: u64 = 100;
const LONGEST_PAUSE: u64 = 30_000;
/// After so many deliveries at one time it is taken for certain that there is no end of them.
const DELIVERIES_AT_ONCE: u32 = 10_000;
/// How many of them are named then.
const NAMED: usize = 6;

/// An event that a follower has not handled: it could not, or an earlier one of the same subject waits.
pub(crate) struct WaitingEvent {
    event: DeliveredEvent,
    /// How often it was tried.
    attempts: u32,
    due: u64,
}

/// Finds out that there is no end of what follows from events.
#[derive(Default)]
pub(super) struct Endless {
    now: u64,
    /// How many were delivered, or timers fired, since the clock was moved.
    count: u32,
    last: VecDeque<String>,
}

impl Endless {
    fn note(&mut self, what: String) {
        let now = with(|simulation| simulation.now);
        if now > self.now {
            *self = Self {
                now,
                ..Self::default()
            };
        }
        self.count += 1;
        self.last.push_back(what);
        if self.last.len() > NAMED {
            self.last.pop_front();
        }
        assert!(
            self.count <= DELIVERIES_AT_ONCE,
            "{DELIVERIES_AT_ONCE} events were delivered without an end; the last ones: {}",
            Vec::from_iter(std::mem::take(&mut self.last)).join(", ")
        );
    }
}

/// Delivers what is due, and what follows from it.
pub(super) fn settle(endless: &mut Endless) {
    while let Some((follower, delivery)) = with(next) {
        endless.note(format!("{} to {follower}", delivery.event.kind));
        deliver(&follower, delivery);
    }
}

/// Moves the clock from one time to the next at which something is due.
pub(super) fn advance(by: Duration) {
    let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    let end = with(|simulation| simulation.now).saturating_add(by);
    let mut endless = Endless::default();
    settle(&mut endless);
    while let Some(kind) = with(|simulation| pass_to_what_is_due(simulation, end)) {
        endless.note(kind);
        settle(&mut endless);
    }
    with(|simulation| simulation.now = end);
}

/// Delivers everything as if all pauses had passed; the clock stays, so that no timer fires.
pub(super) fn settle_all() {
    let mut endless = Endless::default();
    loop {
        settle(&mut endless);
        let is_another_due = with(|simulation| {
            let now = simulation.now;
            let contexts = simulation.contexts.values_mut();
            let up = contexts.filter(|context| context.outage.is_none());
            let waiting = up.flat_map(|context| &mut context.waiting);
            let pausing = waiting.filter(|waiting| waiting.due > now);
            let next = pausing.min_by_key(|waiting| waiting.due);
            next.map(|waiting| waiting.due = now).is_some()
        });
        if !is_another_due {
            return;
        }
    }
}

/// What is delivered next: the followers and, for each, the contexts that it follows in the order of their names; of each of these the oldest event that is due.
fn next(simulation: &mut Simulation) -> Option<(String, WaitingEvent)> {
    let names: Vec<String> = simulation.contexts.keys().cloned().collect();
    for follower in &names {
        let context = &simulation.contexts[follower];
        if context.tested.is_none() || context.outage.is_some() {
            continue;
        }
        if let Some(delivery) = next_waiting(simulation, follower) {
            return Some((follower.clone(), delivery));
        }
        for source in &names {
            while let Some(event) = next_of(simulation, follower, source) {
                let delivery = WaitingEvent {
                    event,
                    attempts: 0,
                    due: 0,
                };
                let context = simulation.contexts.get_mut(follower)?;
                let waits = context.waiting.iter();
                let mut waits = waits.map(|first| &first.event);
                if context.is_handling_before(&delivery.event)
                    || waits.any(|first| is_before(first, &delivery.event))
                {
                    context.waiting.push(delivery);
                } else {
                    return Some((follower.clone(), delivery));
                }
            }
        }
    }
    None
}

/// The first event of those that wait which is due, and which no other one is before.
fn next_waiting(simulation: &mut Simulation, follower: &str) -> Option<WaitingEvent> {
    let now = simulation.now;
    let context = simulation.contexts.get_mut(follower)?;
    let waiting = &context.waiting;
    let place = (0..waiting.len()).find(|&place| {
        let (before, this) = (&waiting[..place], &waiting[place]);
        let mut before = before.iter().map(|first| &first.event);
        this.due <= now
            && !context.is_handling_before(&this.event)
            && !before.any(|first| is_before(first, &this.event))
    })?;
    Some(context.waiting.remove(place))
}

/// Whether the second may not be handled before the first: the events of a source about one subject keep their order.
fn is_before(first: &DeliveredEvent, second: &DeliveredEvent) -> bool {
    (&first.source, &first.subject) == (&second.source, &second.subject)
}

impl Simulated {
    /// Whether one is handled just now that is before this.
    fn is_handling_before(&self, event: &DeliveredEvent) -> bool {
        let mut handling = self.handling.iter();
        handling.any(|(source, subject)| (source, subject) == (&event.source, &event.subject))
    }
}

/// An event is handled as long as this lives, and those behind it wait.
struct Handling<'a>(&'a str);

impl<'a> Handling<'a> {
    fn begin(follower: &'a str, event: &DeliveredEvent) -> Self {
        let lane = (event.source.clone(), event.subject.clone());
        within(follower, |context| context.handling.push(lane));
        Self(follower)
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        with(|simulation| {
            if let Some(context) = simulation.contexts.get_mut(self.0) {
                context.handling.pop();
            }
        });
    }
}

/// The oldest event of a source that a follower has not seen.
fn next_of(simulation: &mut Simulation, follower: &str, source: &str) -> Option<DeliveredEvent> {
    let context = simulation.contexts.get(follower)?;
    let tested = context.tested.as_ref()?;
    let from = context.cursors.get(source).copied().unwrap_or(0);
    let journal = &simulation.contexts.get(source)?.journal;
    let followed = journal[from..]
        .iter()
        .position(|event| tested.follows(source, &event.kind));
    let (event, cursor) = match followed {
        Some(place) => (Some(journal[from + place].clone()), from + place + 1),
        None => (None, journal.len()),
    };
    let context = simulation.contexts.get_mut(follower)?;
    context.cursors.insert(source.into(), cursor);
    event
}

fn deliver(follower: &str, delivery: WaitingEvent) {
    let on_event = within(follower, |context| {
        context.tested.as_ref().map(|tested| tested.on_event)
    });
    let Some(on_event) = on_event else { return };
    let WaitingEvent {
        event, attempts, ..
    } = delivery;
    let attempts = attempts + 1;
    let what = format!("the policy for `{}`", event.kind);
    let beginning = Beginning {
        key: Some(format!("{follower} follows {} {attempts}", event.id)),
        correlation: Some(event.correlation_id.clone()),
        causation: event.id.clone(),
        identity: event.identity.clone(),
        ..Beginning::of(follower, &what)
    };
    let handling = Handling::begin(follower, &event);
    let handled = invoke(beginning, || on_event(event.clone().into()), Result::is_ok).0;
    drop(handling);
    let reason = match handled {
        Ok(()) => return,
        Err(PolicyError::Retry(_)) if attempts < DELIVERY_ATTEMPTS => {
            let due = with(|simulation| simulation.now).saturating_add(pause_after(attempts));
            let again = WaitingEvent {
                event,
                attempts,
                due,
            };
            // Before those that were put behind it meanwhile: they are of the same subject.
            return within(follower, |context| context.waiting.insert(0, again));
        }
        Err(PolicyError::Retry(reason) | PolicyError::Reject(reason)) => reason,
    };
    let letter = DeadLetter {
        context: follower.into(),
        kind: event.kind,
        subject: event.subject,
        reason,
    };
    with(|simulation| simulation.dead_letters.push(letter));
}

/// How long an event waits that was tried so often, in milliseconds.
fn pause_after(attempts: u32) -> u64 {
    FIRST_PAUSE
        .saturating_mul(1 << (attempts - 1))
        .min(LONGEST_PAUSE)
}

/// Moves the clock to what is due next, up to this time, and fires it if it is a timer; tells its kind. None when there is nothing.
fn pass_to_what_is_due(simulation: &mut Simulation, end: u64) -> Option<String> {
    let contexts = simulation.contexts.iter();
    let timers = contexts.flat_map(|(name, context)| {
        let timers = context.timers.iter().enumerate();
        timers.map(move |(place, (due, _))| (*due, name.clone(), place))
    });
    let timer = timers.min().filter(|(due, ..)| *due <= end);
    let contexts = simulation.contexts.values();
    let up = contexts.filter(|context| context.outage.is_none());
    let waiting = up.flat_map(|context| &context.waiting);
    // What is due and still waits is behind one of those that are not.
    let waiting = waiting.filter(|waiting| waiting.due > simulation.now && waiting.due <= end);
    let retry = waiting.min_by_key(|waiting| waiting.due);
    if let Some(retry) = retry
        && timer.as_ref().is_none_or(|(due, ..)| retry.due < *due)
    {
        let kind = retry.event.kind.clone();
        simulation.now = retry.due;
        return Some(kind);
    }
    let (due, name, place) = timer?;
    simulation.now = simulation.now.max(due);
    let now = simulation.now;
    let context = simulation.contexts.get_mut(&name)?;
    let (_, timer) = context.timers.remove(place);
    let kind = timer.kind.clone();
    context.journal.push(DeliveredEvent { time: now, ..timer });
    Some(kind)
}
