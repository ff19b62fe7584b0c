//! One incident: a version fails, and something is done about it until it serves well again, or another one does.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use metrics::counter;
use serde_json::json;
use tokio::time::Instant;

use super::restart;
use crate::core::{CorrelationId, human_duration};
use crate::invocation::{Context, HostEventKind, Severity};
use crate::observe::metrics::RESTARTS;
use crate::rollout::deployer::Deployer;
use crate::rollout::health::{Health, close_breaker};
use crate::rollout::history::Because;
use crate::rollout::refusal::Refusal;
use crate::rollout::swap::{self, SwapError, SwapKind};
use crate::rollout::{active_version, rollback, startup_probe};
use crate::versions::Version;

/// Pauses are longer by up to a tenth of this many parts, by chance: those who failed together do not come back together.
const JITTER: f64 = 0.1;

/// Why a version counts as failing.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    /// In a word, as operators see it.
    reason: &'static str,
    /// In the words of metrics.
    label: &'static str,
    /// In a sentence.
    message: String,
}

impl Cause {
    /// Its invocations fail.
    pub(super) fn failures(message: String) -> Self {
        Self {
            reason: "FailuresInARow",
            label: "failures",
            message,
        }
    }

    /// It says that it does not work, or nothing.
    pub(super) fn liveness(message: String) -> Self {
        Self {
            reason: "LivenessProbeFailed",
            label: "liveness",
            message,
        }
    }

    /// It did not start.
    fn start(refusal: &Refusal) -> Self {
        Self {
            reason: "StartFailed",
            label: "startup",
            message: refusal.to_string(),
        }
    }
}

/// An incident of a context.
struct Incident<'a> {
    deployer: &'a Arc<Deployer>,
    context: &'a Arc<Context>,
    health: &'a Health,
    /// All that is done about it is told under this.
    story: CorrelationId,
}

/// What came of going back.
enum WentBack {
    /// The version before serves.
    Yes,
    /// There is none that may.
    No,
}

/// Does something about a version that fails, as long as that one serves.
pub(super) async fn heal(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    failing: &Arc<Version>,
    cause: Cause,
) {
    let health = deployer.health(context);
    // Who comes while somebody deals with it finds another version, or the same one restarted.
    let _turn = health.turn.lock().await;
    let incident = Incident {
        deployer,
        context,
        health,
        story: CorrelationId::random(),
    };
    let running = AssertUnwindSafe(incident.run(failing, cause)).catch_unwind();
    if running.await.is_err() {
        tracing::error!(
            context = context.name.as_str(),
            "the host panicked while it dealt with a version that fails"
        );
    }
    // However it ended, nobody waits for it any more.
    health.over();
    health.apply(context);
}

impl Incident<'_> {
    async fn run(&self, failing: &Arc<Version>, first: Cause) {
        if !self.serves(failing) {
            return;
        }
        tracing::error!(
            context = self.context.name.as_str(), version = %failing.title, reason = first.reason, message = first.message,
            correlation_id = self.story.as_str(), "a version fails"
        );
        // Where a restart does not come to anything, what comes of that is told; what began it stays the reason to go back.
        let mut cause = first.clone();
        let settings = &self.context.settings.healing;
        while self.serves(failing) {
            let in_vain = self.health.restarts_in_vain(settings);
            let can_go_back = self.can_go_back(failing).await;
            if can_go_back && in_vain >= settings.restarts_before_rollback {
                match self.go_back(failing, &first, in_vain).await {
                    WentBack::Yes => return,
                    WentBack::No => {}
                }
            }
            // Where another version could serve, a pause would only keep it from that.
            let pause = match can_go_back && in_vain < settings.restarts_before_rollback {
                true => Duration::ZERO,
                false => settings.pause(in_vain),
            };
            if self.pause(pause, failing, &cause).await.is_break() || !self.serves(failing) {
                return;
            }
            match self.restart(failing, &cause).await {
                Ok(()) => return,
                Err(SwapError::Refused(refusal)) => cause = Cause::start(&refusal),
                // Another version serves by now, or the journal cannot be read: the next look tells.
                Err(error) => {
                    tracing::warn!(context = self.context.name.as_str(), %error, "a version could not be restarted");
                    cause.message = error.to_string();
                }
            }
        }
    }

    fn serves(&self, version: &Arc<Version>) -> bool {
        let serving = self.context.version();
        !self.deployer.shutdown.is_cancelled()
            && serving.is_some_and(|serving| Arc::ptr_eq(&serving, version))
    }

    /// Whether there is a version to go back to, and this one may be rolled back.
    async fn can_go_back(&self, version: &Arc<Version>) -> bool {
        // A rollout that is under way decides by itself what serves.
        let rollouts = self.deployer.rollouts(self.context);
        self.health.may_be_taken_back(version)
            && rollouts.controllable().is_none()
            && rollback::has_version_before(self.deployer, self.context, version).await
    }

    async fn go_back(&self, failing: &Arc<Version>, cause: &Cause, restarts: u32) -> WentBack {
        self.health.restarting(&cause.message);
        self.health.apply(self.context);
        let reason = format!("kept failing after {restarts} restarts: {}", cause.message);
        let because = Because::host(format!("it {reason}"), Some(self.story.clone()));
        self.health.ended(failing, cause.reason, &cause.message);
        let gone_back =
            rollback::roll_back_automatically(self.deployer, self.context, failing, &because).await;
        let serving = self.context.version();
        match (gone_back, serving) {
            (Ok(()), Some(serving)) => {
                self.health.healed_by(&serving);
                let message = format!(
                    "version {} took over from version {}, which {reason}",
                    serving.number, failing.number
                );
                tracing::warn!(
                    context = self.context.name.as_str(),
                    correlation_id = self.story.as_str(),
                    message,
                    "healed by a rollback"
                );
                self.health
                    .note(Severity::Warning, "HealedByRollback", message);
                let data = json!({
                    "from": failing.number,
                    "to": serving.number,
                    "reason": cause.reason,
                    "message": cause.message,
                });
                self.tell(HostEventKind::HealedByRollback, data);
                WentBack::Yes
            }
            (gone_back, _) => {
                let error = gone_back.err().map(|error| error.to_string());
                let error = error.unwrap_or_else(|| "no version serves".into());
                tracing::error!(context = self.context.name.as_str(), version = %failing.title, error, "a version that fails could not be rolled back");
                let message = format!(
                    "version {} could not be rolled back: {error}",
                    failing.number
                );
                self.health
                    .note(Severity::Warning, "RollbackFailed", message);
                WentBack::No
            }
        }
    }

    /// Waits before a restart; breaks off when another version took over meanwhile, or the host stops.
    async fn pause(
        &self,
        pause: Duration,
        version: &Arc<Version>,
        cause: &Cause,
    ) -> ControlFlow<()> {
        if pause.is_zero() {
            return ControlFlow::Continue(());
        }
        let pause = pause.mul_f64(1.0 + JITTER * rand::random::<f64>());
        let changed = self.health.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        self.health.back_off(pause, &cause.message);
        self.health.apply(self.context);
        let settings = &self.context.settings.healing;
        tracing::error!(
            context = self.context.name.as_str(), version = %version.title, pause = %human_duration(pause), reason = cause.reason, message = cause.message,
            correlation_id = self.story.as_str(), "CrashLoopBackOff: a version keeps failing and waits to be restarted; deploy one that works"
        );
        let data = json!({
            "version": version.number,
            "reason": cause.reason,
            "message": cause.message,
            "pauseMs": u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            "restartsInVain": self.health.restarts_in_vain(settings),
        });
        self.tell(HostEventKind::CrashLoopBackOff, data);
        tokio::select! {
            () = self.deployer.shutdown.cancelled() => ControlFlow::Break(()),
            () = changed => ControlFlow::Break(()),
            () = tokio::time::sleep(pause) => ControlFlow::Continue(()),
        }
    }

    async fn restart(&self, failing: &Arc<Version>, cause: &Cause) -> Result<(), SwapError> {
        self.health.restarting(&cause.message);
        self.health.apply(self.context);
        let restarted = restart::restart(self.deployer, self.context, failing).await;
        if self.deployer.shutdown.is_cancelled() {
            return restarted.map(drop);
        }
        let has_started = restarted.is_ok();
        let restarts = self
            .health
            .restarted(failing, cause.reason, &cause.message, has_started);
        counter!(RESTARTS, "context" => &self.context.name, "reason" => cause.label).increment(1);
        let came_to = match &restarted {
            Ok(_) => "it runs again".to_owned(),
            Err(error) => format!("it did not start: {error}"),
        };
        let message = format!(
            "version {} was restarted ({}: {}); {came_to}",
            failing.number, cause.reason, cause.message
        );
        tracing::warn!(
            context = self.context.name.as_str(),
            correlation_id = self.story.as_str(),
            restarts,
            message,
            "restarted"
        );
        match has_started {
            true => self.health.note(Severity::Normal, "Restarted", message),
            false => self.health.note(Severity::Warning, "StartFailed", message),
        }
        let data = json!({
            "version": failing.number,
            "reason": cause.reason,
            "message": cause.message,
            "restarts": restarts,
            "started": has_started,
        });
        self.tell(HostEventKind::Restarted, data);
        let version = restarted?;
        close_breaker(self.context);
        self.health.changed.notify_waiters();
        tracing::info!(context = self.context.name.as_str(), version = %version.title, "a version runs again");
        Ok(())
    }

    fn tell(&self, kind: HostEventKind, data: serde_json::Value) {
        let events = &self.deployer.invoker.host_events;
        events.record_in_story(kind, &self.context.name, data, self.story.clone());
    }
}

/// Starts a version that was not ready when the host started, again and again with ever longer pauses, until it is or another one serves.
pub(in crate::rollout) async fn keep_starting(
    deployer: Arc<Deployer>,
    context: Arc<Context>,
    version: Arc<Version>,
    refusal: Refusal,
) {
    let health = deployer.health(&context);
    let _turn = health.turn.lock().await;
    let incident = Incident {
        deployer: &deployer,
        context: &context,
        health,
        story: CorrelationId::random(),
    };
    let mut cause = Cause::start(&refusal);
    let settings = &context.settings.healing;
    loop {
        let pause = settings.pause(health.restarts_in_vain(settings));
        let paused = incident.pause(pause, &version, &cause).await;
        if paused.is_break() || deployer.shutdown.is_cancelled() || context.version().is_some() {
            break;
        }
        let newest = deployer.rollouts(&context).newest();
        if newest.is_some_and(|newest| !newest.is_over()) {
            // It decides what serves; until then nobody is in its way.
            tokio::time::sleep_until(Instant::now() + Duration::from_millis(250)).await;
            continue;
        }
        match incident.start(&version, &cause).await {
            Ok(()) => break,
            Err(next) => cause = next,
        }
    }
    health.over();
    health.apply(&context);
}

impl Incident<'_> {
    /// Starts a version that has yet to serve.
    async fn start(&self, version: &Arc<Version>, cause: &Cause) -> Result<(), Cause> {
        let (deployer, context) = (self.deployer, self.context);
        let place = deployer.restarts.acquire().await.ok();
        self.health.restarting(&cause.message);
        let started = startup_probe::ready(deployer, context, version, context.generation()).await;
        drop(place);
        let because = Because::host("it is ready now", Some(self.story.clone()));
        let restarts =
            self.health
                .restarted(version, cause.reason, &cause.message, started.is_ok());
        counter!(RESTARTS, "context" => &context.name, "reason" => cause.label).increment(1);
        let data = json!({
            "version": version.number,
            "reason": cause.reason,
            "message": cause.message,
            "restarts": restarts,
            "started": started.is_ok(),
        });
        self.tell(HostEventKind::Restarted, data);
        if let Err(refusal) = started {
            tracing::warn!(context = context.name.as_str(), %refusal, "the context is still down");
            return Err(Cause::start(&refusal));
        }
        let swapped = swap::swap(
            deployer,
            context,
            version,
            None,
            SwapKind::Rollout,
            &because,
        )
        .await;
        match swapped {
            Ok(_) => {
                active_version::note_shipped_if_named(deployer, context, version.digest).await;
                Ok(())
            }
            Err(error) => {
                tracing::warn!(context = context.name.as_str(), %error, "the context is still down");
                Err(Cause {
                    message: error.to_string(),
                    ..cause.clone()
                })
            }
        }
    }
}
