//! The probes of a context: the version that serves is asked now and then whether it is ready, and whether it works. One question at a time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use metrics::counter;
use serde_json::json;
use tokio::time::Instant;

use super::incident::{self, Cause};
use crate::core::counted;
use crate::invocation::{Check, Context, HostEventKind, Severity, check_health};
use crate::observe::metrics::PROBE_FAILURES;
use crate::rollout::deployer::Deployer;
use crate::rollout::health::{Health, Probe};
use crate::rollout::refusal::told;
use crate::versions::Version;

/// Periods are longer or shorter by such a part, by chance, so that probes of many contexts do not come together.
const JITTER: f64 = 0.1;

/// One probe, and how it went lately.
struct Schedule {
    probe: Probe,
    check: Check,
    initial_delay: Duration,
    period: Duration,
    timeout: Duration,
    success_threshold: u32,
    failure_threshold: u32,
    due: Instant,
    successes: u32,
    failures: u32,
}

/// What a probe came to.
pub(super) enum Answer {
    Well,
    Ill(String),
    /// The host could not ask.
    None,
}

impl Schedule {
    fn of(context: &Context) -> Vec<Self> {
        let settings = &context.settings;
        let now = Instant::now();
        let liveness = settings.liveness_probe.as_ref().map(|probe| Self {
            probe: Probe::Liveness,
            check: Check::Live,
            initial_delay: probe.initial_delay,
            period: probe.period,
            timeout: probe.timeout,
            success_threshold: probe.success_threshold.get(),
            failure_threshold: probe.failure_threshold.get(),
            due: now,
            successes: 0,
            failures: 0,
        });
        let readiness = settings.readiness_probe.as_ref().map(|probe| Self {
            probe: Probe::Readiness,
            check: Check::Ready,
            initial_delay: probe.initial_delay,
            period: probe.period,
            timeout: probe.timeout,
            success_threshold: probe.success_threshold.get(),
            failure_threshold: probe.failure_threshold.get(),
            due: now,
            successes: 0,
            failures: 0,
        });
        let mut schedules: Vec<_> = liveness.into_iter().chain(readiness).collect();
        schedules.iter_mut().for_each(Self::begin);
        schedules
    }

    /// A version was just loaded.
    fn begin(&mut self) {
        (self.successes, self.failures) = (0, 0);
        // Not all at once after a start.
        let chance = self.period.mul_f64(rand::random::<f64>());
        self.due = Instant::now() + self.initial_delay + chance;
    }

    fn postpone(&mut self) {
        let chance = 1.0 - JITTER + 2.0 * JITTER * rand::random::<f64>();
        self.due = Instant::now() + self.period.mul_f64(chance);
    }
}

/// Asks until the host stops.
pub(super) async fn run(deployer: Arc<Deployer>, context: Arc<Context>) {
    let health = deployer.health(&context);
    let mut schedules = Schedule::of(&context);
    let mut asked = context.version();
    loop {
        let Some(next) = schedules.iter_mut().min_by_key(|schedule| schedule.due) else {
            return;
        };
        tokio::select! {
            () = deployer.shutdown.cancelled() => return,
            () = tokio::time::sleep_until(next.due) => {}
        }
        let version = context.version();
        if version.as_ref().map(Arc::as_ptr) != asked.as_ref().map(Arc::as_ptr) {
            asked = version;
            schedules.iter_mut().for_each(Schedule::begin);
            continue;
        }
        next.postpone();
        let Some(version) = version.filter(|_| health.is_running()) else {
            continue;
        };
        // One that is idle and out of memory is not loaded in order to be asked. One that gets no work would never be loaded otherwise.
        if !version.guest.is_loaded() && context.availability.is_open() {
            continue;
        }
        let answer = ask(&deployer, &context, &version, next.check, next.timeout).await;
        // It may have been exchanged meanwhile: then this says nothing.
        let serves = context
            .version()
            .is_some_and(|serves| Arc::ptr_eq(&serves, &version));
        if serves && health.is_running() {
            note(&deployer, &context, health, &version, next, answer).await;
        }
    }
}

/// Asks a version how it is.
pub(super) async fn ask(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    check: Check,
    timeout: Duration,
) -> Answer {
    let asking = check_health(
        &deployer.invoker,
        context,
        version,
        context.generation(),
        check,
        timeout,
    );
    match AssertUnwindSafe(asking).catch_unwind().await {
        Ok(Ok(Ok(()))) => Answer::Well,
        Ok(Ok(Err(said))) => Answer::Ill(told(&said)),
        Ok(Err(failure)) if failure.is_for_want_of_place() => Answer::None,
        Ok(Err(failure)) => Answer::Ill(failure.to_string()),
        Err(_) => Answer::None,
    }
}

async fn note(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    health: &Health,
    version: &Arc<Version>,
    schedule: &mut Schedule,
    answer: Answer,
) {
    let tell = |kind, data| {
        deployer
            .invoker
            .host_events
            .record(kind, &context.name, data)
    };
    let reason = match answer {
        Answer::None => return,
        Answer::Well => {
            schedule.failures = 0;
            schedule.successes = schedule.successes.saturating_add(1);
            if schedule.successes < schedule.success_threshold {
                return;
            }
            health.probe_succeeded(schedule.probe);
            if schedule.probe == Probe::Readiness && health.ready() {
                tracing::info!(context = context.name.as_str(), "it is ready again");
                health.note(
                    Severity::Normal,
                    "Ready",
                    "it is ready, and gets work again",
                );
                tell(HostEventKind::Ready, json!({ "version": version.number }));
                health.apply(context);
            }
            return;
        }
        Answer::Ill(reason) => reason,
    };
    schedule.successes = 0;
    schedule.failures = schedule.failures.saturating_add(1);
    let is_over = schedule.failures >= schedule.failure_threshold;
    health.probe_failed(schedule.probe, &reason, is_over);
    counter!(PROBE_FAILURES, "context" => &context.name, "probe" => schedule.probe.name())
        .increment(1);
    if !is_over {
        return;
    }
    if schedule.failures == schedule.failure_threshold {
        let data = json!({
            "version": version.number,
            "probe": schedule.probe.name(),
            "failures": schedule.failures,
            "message": reason,
        });
        tell(HostEventKind::ProbeFailed, data);
    }
    match schedule.probe {
        Probe::Startup => {}
        Probe::Readiness => {
            if health.not_ready(schedule.period) {
                tracing::warn!(
                    context = context.name.as_str(),
                    reason,
                    "it is not ready, and gets no work"
                );
                let message = format!("it is not ready, and gets no work: {reason}");
                health.note(Severity::Warning, "NotReady", message);
                let data = json!({ "version": version.number, "message": reason });
                tell(HostEventKind::NotReady, data);
            }
            health.apply(context);
        }
        Probe::Liveness => {
            schedule.failures = 0;
            let times = counted(schedule.failure_threshold, "time");
            let message = format!("the liveness probe failed {times} in a row: {reason}");
            incident::heal(deployer, context, version, Cause::liveness(message)).await;
        }
    }
}
