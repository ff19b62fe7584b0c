//! The circuit breaker of one pair of a caller and a callee.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::outliers::{Change, Outliers, Turn};
use super::pool::{Connection, Pool};
use crate::core::{ContextName, TraceContext, VersionDigest, human_duration};
use crate::invocation::admission::Permit;
use crate::invocation::context::Context;
use crate::invocation::failure::Failure;
use crate::invocation::host_event_kind::HostEventKind;
use crate::invocation::host_events::HostEvents;
use crate::invocation::traffic::Traffic;
use crate::manifest::CircuitBreaker;
use crate::observe::metrics::{BreakerMetrics, Rejection};
use crate::versions::Version;

/// Where a circuit breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Work goes through.
    Closed,
    /// Work is turned away at once, without trying.
    Open,
    /// One request or call tries whether the callee works again.
    HalfOpen,
}

/// What turns a caller's work away from a callee: when too much is under way, and when too much has failed.
pub struct Breaker {
    caller: ContextName,
    callee: ContextName,
    pool: Pool,
    outliers: Outliers,
    traffic: Traffic,
    metrics: BreakerMetrics,
}

/// A request or call that was let through.
pub(in crate::invocation) struct Entered {
    /// Its place among what the callee runs at once.
    pub place: Permit,
    /// What it has of the connection pool.
    pub connection: Connection,
}

/// A version is tried out, until this is dropped.
pub(in crate::invocation) struct Trial {
    breaker: Arc<Breaker>,
    version: VersionDigest,
    number: u64,
}

impl Drop for Trial {
    fn drop(&mut self) {
        let outliers = &self.breaker.outliers;
        outliers.end_trial(&self.version, self.number, Instant::now());
    }
}

impl Breaker {
    pub(super) fn new(
        caller: &ContextName,
        callee: &ContextName,
        settings: &CircuitBreaker,
        call_depth: u32,
    ) -> Self {
        let errors = settings.consecutive_errors_of(caller);
        Self {
            pool: Pool::new(callee, settings, call_depth),
            outliers: Outliers::new(settings, errors),
            traffic: Traffic::default(),
            metrics: BreakerMetrics::new(caller, callee),
            caller: caller.clone(),
            callee: callee.clone(),
        }
    }

    /// Where it stands.
    pub fn state(&self, callee: &Context) -> BreakerState {
        self.outliers.state(&callee.serving().shares())
    }

    /// How many requests or calls wait.
    pub fn pending(&self) -> u32 {
        self.pool.pending()
    }

    /// How many it has turned away since the host started.
    pub fn rejected(&self, why: Rejection) -> u64 {
        self.metrics.rejected(why)
    }

    /// Something that it let through went well, at this place in a trace.
    pub(in crate::invocation) fn note_success(&self, took: Duration, trace: &TraceContext) {
        self.note(took, false, trace);
    }

    /// Something that it let through came to an end, at this place in a trace.
    pub(in crate::invocation) fn note(&self, took: Duration, failed: bool, trace: &TraceContext) {
        self.traffic.note(took, failed);
        self.metrics.answered(took, trace);
    }

    /// What has passed it, without what was turned away.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Takes its level, for Prometheus.
    pub fn take_level(&self, callee: &Context) {
        self.metrics.state(match self.state(callee) {
            BreakerState::Closed => 0,
            BreakerState::Open => 1,
            BreakerState::HalfOpen => 2,
        });
    }

    pub(super) fn reset(&self) {
        self.outliers.reset();
    }

    /// Lets a request or call through, when it is its turn before the deadline; the depth is that of the call.
    ///
    /// # Errors
    ///
    /// Why not: the breaker is open, too much is under way and waits, or the context takes no work any more.
    pub(in crate::invocation) async fn enter(
        &self,
        callee: &Context,
        depth: u32,
        deadline: tokio::time::Instant,
    ) -> Result<Entered, Failure> {
        if self.outliers.has_any() {
            let shares = callee.serving().shares();
            if let Some(wait) = self.outliers.open_for(&shares, Instant::now()) {
                return Err(self.open(wait));
            }
        }
        loop {
            let entered = self.pool.enter(&callee.admission, depth, deadline).await;
            let (place, connection) = entered.map_err(|_| {
                self.metrics.reject(Rejection::Pool);
                Failure::PoolExhausted {
                    context: self.callee.clone(),
                    caller: self.caller.clone(),
                    retry_after: Duration::from_secs(1),
                }
            })?;
            if callee.availability.is_open() {
                return Ok(Entered { place, connection });
            }
            // It waited for long enough that the context takes no work by now; it keeps nothing while it waits for that, too.
            drop((place, connection));
            callee.availability.admit(&callee.name, deadline).await?;
        }
    }

    /// Whether a version may get an invocation; with a trial, when that is to show whether it works again.
    ///
    /// # Errors
    ///
    /// When it has failed too often.
    pub(in crate::invocation) fn admit(
        self: &Arc<Self>,
        version: &Version,
        events: &HostEvents,
    ) -> Result<Option<Trial>, Failure> {
        match self.outliers.turn(&version.digest, Instant::now()) {
            Turn::Free => Ok(None),
            Turn::Ejected(wait) => Err(self.open(wait)),
            Turn::Trial { number, is_first } => {
                if is_first {
                    let kind = HostEventKind::CircuitBreakerHalfOpened;
                    self.tell(events, kind, version, json!({}));
                }
                Ok(Some(Trial {
                    breaker: self.clone(),
                    version: version.digest,
                    number,
                }))
            }
        }
    }

    /// A version has answered, or has failed and is to blame.
    pub(in crate::invocation) fn judge(
        &self,
        callee: &Context,
        version: &Version,
        trial: Option<&Trial>,
        failed: bool,
        events: &HostEvents,
    ) {
        let trial = trial.map(|trial| trial.number);
        let change = match failed {
            false => self.outliers.succeeded(&version.digest, trial),
            true => {
                let shares = callee.serving().shares();
                self.outliers
                    .failed(&version.digest, trial, &shares, Instant::now())
            }
        };
        match change {
            None => {}
            Some(Change::Restored) => {
                tracing::info!(
                    caller = self.caller.as_str(),
                    callee = self.callee.as_str(),
                    version = &*version.title,
                    "the circuit breaker is closed again"
                );
                self.tell(
                    events,
                    HostEventKind::CircuitBreakerClosed,
                    version,
                    json!({}),
                );
            }
            Some(Change::Ejected { errors, time }) => {
                self.metrics.opened();
                tracing::warn!(
                    caller = self.caller.as_str(),
                    callee = self.callee.as_str(),
                    version = &*version.title,
                    errors,
                    "the circuit breaker is open for {}: it failed {}",
                    human_duration(time),
                    match errors {
                        0 => "again when it was tried",
                        _ => "too often in a row",
                    }
                );
                let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                let more = json!({"errors": errors, "ejectionMs": milliseconds});
                self.tell(events, HostEventKind::CircuitBreakerOpened, version, more);
            }
        }
    }

    fn open(&self, retry_after: Duration) -> Failure {
        self.metrics.reject(Rejection::Open);
        Failure::BreakerOpen {
            context: self.callee.clone(),
            caller: self.caller.clone(),
            retry_after,
        }
    }

    fn tell(
        &self,
        events: &HostEvents,
        kind: HostEventKind,
        version: &Version,
        mut data: serde_json::Value,
    ) {
        data["caller"] = json!(self.caller);
        data["callee"] = json!(self.callee);
        data["version"] = json!(version.number);
        events.record(kind, &self.callee, data);
    }
}
