//! What one context does, measured.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, SharedString, counter, gauge, histogram};

use super::{histogram::record, names};
use crate::core::{ContextName, TraceContext};

/// What set an invocation off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A web request.
    Web,
    /// A call from another context.
    Call,
    /// An event that the context follows.
    Event,
    /// A timer.
    Timer,
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a commit.
    Committed,
    /// With an answer, and nothing to commit.
    Settled,
    /// The guest said no: a status of 400 or more, or an `err`.
    Refused,
    /// Without an answer of the guest.
    Failed,
}

/// How a call to another context ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// With `ok`.
    Ok,
    /// With an `err` of the other context.
    Refused,
    /// By the host, since the context gave no answer: with `unavailable`, or `deadline-exceeded`.
    Unavailable,
}

/// The handles of one context's metrics.
pub struct ContextMetrics {
    context: SharedString,
    kinds: [KindMetrics; 4],
    calls: [Counter; 3],
    /// How long its guests have computed, in microseconds.
    pub cpu: Counter,
    /// Invocations that run now.
    pub running: Gauge,
    /// Invocations that wait for their turn.
    pub waiting: Gauge,
    /// Answers that were given again.
    pub answers_reused: Counter,
    /// Commits.
    pub commits: Counter,
    /// Units of work that a concurrent commit got in the way of.
    pub conflicts: Counter,
    /// Events handled.
    pub events_handled: Counter,
    /// Attempts to handle an event that will be made again.
    pub events_retried: Counter,
    /// Events given up on.
    pub events_dead_lettered: Counter,
    /// Calls that are still to be undone.
    pub compensations_pending: Gauge,
    /// Calls that were undone.
    pub compensations: Counter,
    /// Calls that an operator has to decide about, since undoing them was refused too often, or what is on record of them cannot be read.
    pub compensations_stuck: Counter,
    /// How often what was to be undone could not be reached for too long: once for all that waits for the same.
    pub compensations_overdue: Counter,
    /// Runs that took another course when they were run again, so that what they had called was undone.
    pub runs_abandoned: Counter,
    /// Requests and calls that were kept waiting on purpose.
    pub faults_delayed: Counter,
    /// Requests and calls that were answered with an error on purpose.
    pub faults_aborted: Counter,
    swaps: Counter,
    swap_duration: Histogram,
}

/// One kind of invocation.
struct KindMetrics {
    outcomes: [Counter; 4],
    duration: Histogram,
}

impl ContextMetrics {
    /// Looks the handles up, once.
    pub fn new(context: &ContextName) -> Self {
        let context = SharedString::from(context);
        let counter = |name: &'static str| counter!(name, "context" => context.clone());
        let gauge = |name: &'static str| gauge!(name, "context" => context.clone());
        Self {
            kinds: ["web", "call", "event", "timer"].map(|kind| KindMetrics {
                outcomes: ["committed", "settled", "refused", "failed"]
                    .map(|outcome| counter!(names::INVOCATIONS, "context" => context.clone(), "kind" => kind, "outcome" => outcome)),
                duration: histogram!(names::INVOCATION_DURATION, "context" => context.clone(), "kind" => kind),
            }),
            calls: ["ok", "refused", "unavailable"]
                .map(|outcome| counter!(names::CALLS, "context" => context.clone(), "outcome" => outcome)),
            cpu: counter(names::CPU),
            running: gauge(names::INVOCATIONS_RUNNING),
            waiting: gauge(names::INVOCATIONS_WAITING),
            answers_reused: counter(names::ANSWERS_REUSED),
            commits: counter(names::COMMITS),
            conflicts: counter(names::CONFLICTS),
            events_handled: counter(names::EVENTS_HANDLED),
            events_retried: counter(names::EVENTS_RETRIED),
            events_dead_lettered: counter(names::EVENTS_DEAD_LETTERED),
            compensations_pending: gauge(names::COMPENSATIONS_PENDING),
            compensations: counter(names::COMPENSATIONS),
            compensations_stuck: counter(names::COMPENSATIONS_STUCK),
            compensations_overdue: counter(names::COMPENSATIONS_OVERDUE),
            runs_abandoned: counter(names::RUNS_ABANDONED),
            faults_delayed: counter!(names::FAULTS_INJECTED, "context" => context.clone(), "kind" => "delay"),
            faults_aborted: counter!(names::FAULTS_INJECTED, "context" => context.clone(), "kind" => "abort"),
            swaps: counter(names::SWAPS),
            swap_duration: histogram!(names::SWAP_DURATION, "context" => context.clone()),
            context,
        }
    }

    /// An invocation ended, at this place in a trace.
    pub fn invocation(
        &self,
        kind: Kind,
        outcome: Outcome,
        duration: Duration,
        trace: &TraceContext,
    ) {
        let [web, call, event, timer] = &self.kinds;
        let metrics = match kind {
            Kind::Web => web,
            Kind::Call => call,
            Kind::Event => event,
            Kind::Timer => timer,
        };
        let [committed, settled, refused, failed] = &metrics.outcomes;
        let counter = match outcome {
            Outcome::Committed => committed,
            Outcome::Settled => settled,
            Outcome::Refused => refused,
            Outcome::Failed => failed,
        };
        counter.increment(1);
        record(&metrics.duration, duration, trace);
    }

    /// One version took over from another.
    pub fn swap(&self, decided: Duration) {
        self.swaps.increment(1);
        self.swap_duration.record(decided);
    }

    /// A call to another context ended.
    pub fn call(&self, outcome: CallOutcome) {
        let [ok, refused, unavailable] = &self.calls;
        match outcome {
            CallOutcome::Ok => ok.increment(1),
            CallOutcome::Refused => refused.increment(1),
            CallOutcome::Unavailable => unavailable.increment(1),
        }
    }

    /// Flushed events of `source` that are yet to be handled. For the follower to keep.
    pub fn follower_lag(&self, source: &ContextName) -> Gauge {
        gauge!(names::FOLLOWER_LAG, "context" => self.context.clone(), "source" => source)
    }
}
