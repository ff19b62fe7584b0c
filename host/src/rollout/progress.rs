//! The progress of a rollout, which everybody can watch.

mod commands;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

pub(super) use self::commands::Unchanged;
use super::analysis::Evidence;
use super::refusal::{Gate, Refusal, told};
use crate::core::{CorrelationId, TraceContext, VersionDigest, wall_clock};
use crate::observe::telemetry::{self, Ended, Span};
use crate::versions::Identity;

/// One rollout.
pub struct Rollout {
    /// Its id, which is also the correlation id of its story.
    pub id: CorrelationId,
    /// Who began it.
    pub by: String,
    /// Whether the version only passes the gates.
    pub is_dry_run: bool,
    progress: watch::Sender<Progress>,
    /// Cancelled to abort it.
    pub(super) aborted: CancellationToken,
    abort_cause: OnceLock<AbortCause>,
    /// Notified when it is paused, resumed or promoted.
    commanded: Notify,
    is_in_history: AtomicBool,
    trace: TraceContext,
    began: Instant,
    /// When the gate began that is to be passed next.
    gate_began: Mutex<Instant>,
}

/// Who aborted a rollout, and why.
#[derive(Clone, Debug)]
pub(super) struct AbortCause {
    pub by: String,
    pub reason: String,
}

/// The progress of a rollout.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The version.
    pub version: Identity,
    /// Its present stage.
    pub stage: Stage,
    /// Which part of the work goes to the version, in percent.
    pub weight: u8,
    /// Whether somebody has paused it.
    pub is_paused: bool,
    /// Whether somebody has promoted it before the end of its ramp.
    pub is_promoted: bool,
    /// Whether all is decided but for moving what moves: its version gets all of the work next, and nobody can pause that any more.
    pub is_taking_over: bool,
    /// Why the version is still in its step, though the step's time is over.
    pub held: Option<String>,
    /// What the version has done in its step or under its watch, compared with the one before it.
    pub evidence: Option<Evidence>,
    /// What it has done so far, in order.
    pub steps: Vec<Step>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The state of the watch over the version; none when there is none.
    pub watch: Option<Watched>,
}

/// The state of the watch over a version after its promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// The version is being watched.
    Watching,
    /// The version has done well: holds the evidence.
    Well(String),
    /// The version did worse than the one before it, was rolled back and is quarantined.
    TakenBack(String),
    /// The watch ended early.
    Cut(String),
}

impl Progress {
    /// The beginning of a rollout.
    pub(super) fn begin(version: Identity) -> Self {
        Self {
            version,
            stage: Stage::Checking,
            weight: 0,
            is_paused: false,
            is_promoted: false,
            is_taking_over: false,
            held: None,
            evidence: None,
            steps: Vec::new(),
            outcome: None,
            watch: None,
        }
    }

    /// Whether both the rollout and its watch have ended.
    pub fn is_settled(&self) -> bool {
        self.outcome.is_some() && self.watch != Some(Watched::Watching)
    }
}

/// A stage of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The version is checked by the gates.
    Checking,
    /// The state is migrated or rebuilt for the version.
    Migrating,
    /// The version gets a part of the work.
    Ramping,
    /// The rollout has ended.
    Ended,
}

/// A completed step of a rollout.
#[derive(Clone, Debug)]
pub struct Step {
    /// When, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The gate that was passed, if it was one.
    pub gate: Option<Gate>,
    /// What was done.
    pub what: String,
    /// How long it took.
    pub took: Duration,
}

/// How a rollout ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The version passed all gates, and nothing else was asked for.
    Passed,
    /// The version serves.
    Current {
        /// How long it took to decide so, and to exchange one for the other.
        decided: Duration,
    },
    /// The version served already.
    Unchanged,
    /// It did not pass a gate, or did worse than the version before it.
    Refused(Refusal),
    /// It was aborted, or the host cannot continue it.
    Aborted {
        /// Why.
        reason: String,
    },
}

impl Rollout {
    pub(super) fn new(id: CorrelationId, by: &str, progress: Progress) -> Self {
        Self {
            trace: telemetry::of_story(&id),
            id,
            by: by.to_owned(),
            is_dry_run: false,
            progress: watch::Sender::new(progress),
            aborted: CancellationToken::new(),
            abort_cause: OnceLock::new(),
            commanded: Notify::new(),
            is_in_history: AtomicBool::new(false),
            began: Instant::now(),
            gate_began: Mutex::new(Instant::now()),
        }
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Notifies about each change.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.progress.borrow().outcome.is_some()
    }

    /// Which version it is about.
    pub fn digest(&self) -> VersionDigest {
        self.progress.borrow().version.digest
    }

    /// Waits until `is_so` holds.
    pub async fn until(&self, is_so: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.subscribe();
        let reached = progress.wait_for(is_so).await;
        // The sender lives as long as `self`.
        reached.map_or_else(|_| self.progress(), |progress| progress.clone())
    }

    /// Aborts it: it ends as soon as possible.
    pub(super) fn abort(&self, by: &str, reason: Option<String>) {
        let _first = self.abort_cause.set(AbortCause {
            by: by.to_owned(),
            reason: match reason {
                Some(reason) => format!("{by} rolled it back: {reason}"),
                None => format!("{by} rolled it back"),
            },
        });
        self.aborted.cancel();
    }

    /// Who aborted it, and why.
    pub(super) fn abort_cause(&self) -> AbortCause {
        let abort_cause = self.abort_cause.get().cloned();
        abort_cause.unwrap_or_else(|| AbortCause {
            by: "host".into(),
            reason: "another version has taken over in the meantime".into(),
        })
    }

    /// Whether its version is in the history.
    pub(super) fn is_in_history(&self) -> bool {
        self.is_in_history.load(Ordering::Acquire)
    }

    pub(super) fn note_in_history(&self) {
        self.is_in_history.store(true, Ordering::Release);
    }

    pub(super) fn name(&self, identity: Identity) {
        self.progress
            .send_modify(|progress| progress.version = identity);
    }

    pub(super) fn enter(&self, stage: Stage, weight: u8) {
        self.begin_gate();
        self.progress.send_modify(|progress| {
            progress.stage = stage;
            progress.weight = weight;
            progress.held = None;
            progress.evidence = None;
        });
    }

    /// The version is still in its step, though the step's time is over. Says whether that is new.
    pub(super) fn note_hold(&self, why: &str) -> bool {
        self.progress.send_if_modified(|progress| {
            let is_new = progress.held.is_none();
            let is_other = progress.held.as_deref() != Some(why);
            if is_other {
                progress.held = Some(why.to_owned());
            }
            is_new
        })
    }

    /// What the version has done in its step, or under its watch.
    pub(super) fn note_evidence(&self, evidence: &Evidence) {
        // Whoever looks is told; who waits for news is not woken several times a second.
        self.progress.send_if_modified(|progress| {
            progress.evidence = Some(evidence.clone());
            false
        });
    }

    /// Notes the state of the watch.
    pub(super) fn note_watch(&self, watch: Watched) {
        self.progress.send_modify(|progress| {
            progress.held = None;
            progress.watch = Some(watch);
        });
    }

    pub(super) fn passed(&self, gate: Gate, what: impl Into<String>, took: Duration) {
        self.trace_gate(gate, took, Ended::Well);
        self.step(Some(gate), what.into(), took);
        self.begin_gate();
    }

    fn begin_gate(&self) {
        *self.gate_began.lock() = Instant::now();
    }

    pub(super) fn log_step(&self, what: impl Into<String>, took: Duration) {
        self.step(None, what.into(), took);
    }

    fn step(&self, gate: Option<Gate>, what: String, took: Duration) {
        let step = Step {
            time: wall_clock(),
            gate,
            what: told(&what),
            took,
        };
        self.progress
            .send_modify(|progress| progress.steps.push(step));
    }

    /// The span of a gate that has ended just now.
    pub(super) fn trace_gate(&self, gate: Gate, took: Duration, ended: Ended) {
        if !telemetry::is_on() {
            return;
        }
        let trace = self.trace.child();
        let name = || format!("gate {}", gate.name()).into();
        if let Some(span) = Span::internal(&trace, name) {
            self.describe(span).end(took, ended);
        }
    }

    /// What the spans of a rollout say of it.
    fn describe<'a>(&self, span: Span<'a>) -> Span<'a> {
        let version = self.progress.borrow().version.digest.to_string();
        span.with_text("innkeeper.correlation_id", &self.id)
            .with_text("innkeeper.version", &version)
            .with_text("enduser.id", &self.by)
    }

    pub(super) fn end(&self, outcome: Outcome) {
        if let Outcome::Refused(refusal) = &outcome {
            let (gate, why) = (refusal.gate, refusal.reason.clone());
            let took = self.gate_began.lock().elapsed();
            self.trace_gate(gate, took, Ended::Failed(why));
        }
        if let Some(span) = Span::internal(&self.trace, || "rollout".into()) {
            let ended = match &outcome {
                Outcome::Refused(refusal) => Ended::Failed(refusal.to_string()),
                Outcome::Aborted { reason } => Ended::Failed(reason.clone()),
                Outcome::Current { .. } | Outcome::Passed | Outcome::Unchanged => Ended::Well,
            };
            self.describe(span).end(self.began.elapsed(), ended);
        }
        self.progress.send_modify(|progress| {
            progress.stage = Stage::Ended;
            progress.is_paused = false;
            progress.held = None;
            progress.outcome = Some(outcome);
        });
    }
}

impl Watched {
    /// Its name in JSON, and the reason.
    pub fn told(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Watching => ("watching", None),
            Self::Well(verdict) => ("well", Some(verdict)),
            Self::TakenBack(reason) => ("taken-back", Some(reason)),
            Self::Cut(reason) => ("cut", Some(reason)),
        }
    }
}

impl Stage {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Migrating => "migrating",
            Self::Ramping => "ramping",
            Self::Ended => "ended",
        }
    }
}
