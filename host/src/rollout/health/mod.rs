//! How a context is: whether its version has started, is ready and alive, how often it was restarted, and what happened to it lately.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::core::{VersionDigest, human_duration, wall_clock};
use crate::invocation::{Context, Intake, Occurrence, Occurrences, Severity};
use crate::manifest::HealingSettings;
use crate::versions::Version;

/// The health of one context.
#[derive(Default)]
pub struct Health {
    record: Mutex<Record>,
    /// Held by whoever deals with an incident.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Notified when another version took over, or the same was restarted.
    pub(super) changed: Notify,
}

#[derive(Default)]
struct Record {
    phase: Phase,
    /// Why the version gets no work, where it says that it is not ready.
    not_ready: Option<NotReady>,
    conditions: Conditions,
    /// How often a version was restarted since the host started.
    restarts: u32,
    /// How many of them have not helped.
    in_vain: u32,
    /// When the last restart was, or the last rollback.
    last_attempt: Option<Instant>,
    last_state: Option<LastState>,
    /// When the version began to run, in milliseconds since the Unix epoch.
    running_since: u64,
    /// The version that took over because another one failed: it is not rolled back in turn.
    took_over: Option<VersionDigest>,
    /// Why something is done with the version, while it is.
    failing: Option<String>,
    occurrences: Occurrences,
}

/// What is done with the version.
#[derive(Clone, Copy, Default)]
enum Phase {
    /// It serves.
    #[default]
    Running,
    /// It is loaded anew.
    Restarting,
    /// It waits to be.
    BackingOff {
        until: Instant,
        /// The same, in milliseconds since the Unix epoch.
        told: u64,
    },
}

#[derive(Clone)]
struct NotReady {
    /// When it is asked again.
    retry_after: Duration,
}

/// What is asked of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Whether it has started.
    Startup,
    /// Whether it can take requests.
    Readiness,
    /// Whether it works.
    Liveness,
}

impl Probe {
    /// Its name in metrics and events.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        }
    }
}

/// What a context does, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthState {
    /// It takes work.
    Running,
    /// Its version says that it is not ready.
    NotReady,
    /// Its version is looked at, or loaded anew.
    Restarting,
    /// Its version failed again and again, and waits to be restarted.
    CrashLoopBackOff,
    /// No version serves.
    Down,
}

/// One of the things that are true of a version, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `Started`, `Ready` or `Live`.
    pub name: &'static str,
    /// Whether it is so.
    pub is_so: bool,
    /// Why not.
    pub message: Option<String>,
    /// Since when, in milliseconds since the Unix epoch; none since the host started.
    pub since: Option<u64>,
}

#[derive(Clone)]
struct Conditions([Condition; 3]);

impl Default for Conditions {
    fn default() -> Self {
        Self(["Started", "Ready", "Live"].map(|name| Condition {
            name,
            is_so: true,
            message: None,
            since: None,
        }))
    }
}

impl Conditions {
    fn set(&mut self, probe: Probe, message: Option<String>) {
        let [started, ready, live] = &mut self.0;
        let condition = match probe {
            Probe::Startup => started,
            Probe::Readiness => ready,
            Probe::Liveness => live,
        };
        let is_so = message.is_none();
        if condition.is_so != is_so || condition.since.is_none() {
            condition.since = Some(wall_clock());
        }
        (condition.is_so, condition.message) = (is_so, message);
    }
}

/// How the last run of a version ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastState {
    /// The number of the version.
    pub version: u32,
    /// Why, in a word.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub message: String,
    /// When that run began, in milliseconds since the Unix epoch.
    pub started: u64,
    /// When it ended.
    pub finished: u64,
}

/// What operators see of a context's health.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it does.
    pub state: HealthState,
    /// How often a version was restarted since the host started.
    pub restarts: u32,
    /// When it is restarted next, in milliseconds since the Unix epoch.
    pub next_restart: Option<u64>,
    /// When the version began to run.
    pub running_since: Option<u64>,
    /// Whether it has started, is ready, and alive.
    pub conditions: Vec<Condition>,
    /// How the last run ended.
    pub last_state: Option<LastState>,
    /// What happened lately, the last one last.
    pub occurrences: Vec<Occurrence>,
}

impl Health {
    /// How a context is.
    pub fn see(&self, context: &Context) -> Seen {
        let version = context.version();
        let record = self.record.lock();
        let mut conditions = record.conditions.0.to_vec();
        let state = match (record.phase, &version) {
            (Phase::BackingOff { .. }, _) => HealthState::CrashLoopBackOff,
            (Phase::Restarting, _) => HealthState::Restarting,
            (Phase::Running, None) => HealthState::Down,
            (Phase::Running, Some(_)) if record.not_ready.is_some() => HealthState::NotReady,
            (Phase::Running, Some(_)) => HealthState::Running,
        };
        // What does not run cannot take requests, whatever it said before.
        for condition in &mut conditions {
            let is_so = condition.name == "Started"
                || matches!(state, HealthState::Running)
                || (state == HealthState::NotReady && condition.name == "Live");
            if condition.is_so && !is_so {
                condition.is_so = false;
                condition.message.clone_from(&record.failing);
            }
        }
        let loaded = version.map(|version| crate::core::Timestamp::from(version.loaded_at).0);
        Seen {
            state,
            restarts: record.restarts,
            next_restart: match record.phase {
                Phase::BackingOff { told, .. } => Some(told),
                _ => None,
            },
            running_since: loaded.map(|loaded| loaded.max(record.running_since)),
            conditions,
            last_state: record.last_state.clone(),
            occurrences: record.occurrences.list(),
        }
    }

    /// Something happened that operators should see.
    pub(super) fn note(
        &self,
        severity: Severity,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        let mut record = self.record.lock();
        record.occurrences.note(severity, reason, message.into());
    }

    /// Lets work in, or not, as things are.
    pub(super) fn apply(&self, context: &Context) {
        let record = self.record.lock();
        let intake = match (record.phase, &record.not_ready) {
            (Phase::Restarting, _) => Intake::Held,
            (Phase::BackingOff { until, .. }, _) => Intake::BackingOff { until },
            (Phase::Running, Some(NotReady { retry_after })) => Intake::NotReady {
                retry_after: *retry_after,
            },
            (Phase::Running, None) => Intake::Open,
        };
        context.availability.set(intake);
    }

    /// Whether the version serves, and nothing is done with it.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.record.lock().phase, Phase::Running)
    }

    /// A probe found a version well.
    pub(super) fn probe_succeeded(&self, probe: Probe) {
        self.record.lock().conditions.set(probe, None);
    }

    /// A probe has failed; `is_over` says that it did as often as its threshold says.
    pub(super) fn probe_failed(&self, probe: Probe, reason: &str, is_over: bool) {
        let mut record = self.record.lock();
        let mut name = probe.name().to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let message = format!("{name} probe failed: {reason}");
        record
            .occurrences
            .note(Severity::Warning, "Unhealthy", message);
        if is_over {
            record.conditions.set(probe, Some(reason.to_owned()));
        }
    }

    /// The version says that it is not ready. True when that is news.
    pub(super) fn not_ready(&self, retry_after: Duration) -> bool {
        let mut record = self.record.lock();
        let not_ready = NotReady { retry_after };
        record.not_ready.replace(not_ready).is_none()
    }

    /// The version says that it is ready. True when that is news.
    pub(super) fn ready(&self) -> bool {
        let mut record = self.record.lock();
        record.not_ready.take().is_some()
    }

    /// How many restarts have not helped; those that are long ago do not count.
    pub(super) fn restarts_in_vain(&self, settings: &HealingSettings) -> u32 {
        let mut record = self.record.lock();
        let ran_well = |last: Instant| last.elapsed() >= settings.backoff_reset;
        if record.last_attempt.is_some_and(ran_well) {
            record.in_vain = 0;
            record.took_over = None;
        }
        record.in_vain
    }

    /// Whether a version may be rolled back: not one that itself took over from one that failed, lest all versions are gone through for what none of them
    /// is to blame for.
    pub(super) fn may_be_taken_back(&self, version: &Version) -> bool {
        self.record.lock().took_over != Some(version.digest)
    }

    /// A version that fails, for a reason, is to be loaded anew.
    pub(super) fn restarting(&self, reason: &str) {
        let mut record = self.record.lock();
        record.phase = Phase::Restarting;
        record.failing = Some(reason.to_owned());
    }

    /// It is loaded anew after a pause.
    pub(super) fn back_off(&self, pause: Duration, message: &str) {
        let mut record = self.record.lock();
        record.failing = Some(message.to_owned());
        let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        record.phase = Phase::BackingOff {
            until: Instant::now() + pause,
            told: wall_clock().saturating_add(millis),
        };
        let message = format!(
            "back-off {} restarting failed version: {message}",
            human_duration(pause)
        );
        record
            .occurrences
            .note(Severity::Warning, "BackOff", message);
    }

    /// The run of a version ended, and another one was begun, which came to something or not. Answers how often that has happened.
    pub(super) fn restarted(
        &self,
        version: &Version,
        reason: &'static str,
        message: &str,
        has_started: bool,
    ) -> u32 {
        let now = wall_clock();
        let mut record = self.record.lock();
        record.end_run(version, reason, message);
        record.restarts = record.restarts.saturating_add(1);
        record.in_vain = record.in_vain.saturating_add(1);
        record.last_attempt = Some(Instant::now());
        if has_started {
            record.phase = Phase::Running;
            record.failing = None;
            record.not_ready = None;
            record.running_since = now;
            record.conditions.begin();
        } else {
            record
                .conditions
                .set(Probe::Startup, Some("it did not start".into()));
        }
        record.restarts
    }

    /// A version took over because the one before it failed.
    pub(super) fn healed_by(&self, version: &Version) {
        let mut record = self.record.lock();
        record.took_over = Some(version.digest);
        record.last_attempt = Some(Instant::now());
    }

    /// The run of a version ended, and another version takes its place.
    pub(super) fn ended(&self, version: &Version, reason: &'static str, message: &str) {
        self.record.lock().end_run(version, reason, message);
    }

    /// Another version took over: what was known is of the one before it, and whatever is done about that ends.
    pub(super) fn taken_over(&self, context: &Context) {
        close_breaker(context);
        self.begin_anew();
        self.apply(context);
    }

    fn begin_anew(&self) {
        {
            let mut record = self.record.lock();
            record.phase = Phase::Running;
            record.failing = None;
            record.not_ready = None;
            record.in_vain = 0;
            record.took_over = None;
            record.running_since = wall_clock();
            record.conditions.begin();
        }
        self.changed.notify_waiters();
    }

    /// Nothing is done about the version any more.
    pub(super) fn over(&self) {
        let mut record = self.record.lock();
        record.phase = Phase::Running;
        record.failing = None;
    }

    /// Whether it waits to be restarted.
    pub fn is_backing_off(&self) -> bool {
        matches!(self.record.lock().phase, Phase::BackingOff { .. })
    }
}

/// What callers have against a context is of a version that does not serve any more; nobody is let in before that is forgotten.
pub(super) fn close_breaker(context: &Context) {
    context.breakers.reset();
}

impl Record {
    fn end_run(&mut self, version: &Version, reason: &'static str, message: &str) {
        let loaded = crate::core::Timestamp::from(version.loaded_at).0;
        self.last_state = Some(LastState {
            version: version.number,
            reason,
            message: message.to_owned(),
            started: loaded.max(self.running_since),
            finished: wall_clock(),
        });
    }
}

impl Conditions {
    /// A version has started, and is ready.
    fn begin(&mut self) {
        for probe in [Probe::Startup, Probe::Readiness, Probe::Liveness] {
            self.set(probe, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn restarts_that_are_long_ago_are_forgotten() {
        let settings = HealingSettings::default();
        let health = Health::default();
        {
            let mut record = health.record.lock();
            record.in_vain = 2;
            record.last_attempt = Some(Instant::now());
        }
        assert_eq!(health.restarts_in_vain(&settings), 2);
        tokio::time::advance(settings.backoff_reset).await;
        assert_eq!(health.restarts_in_vain(&settings), 0);
    }

    #[test]
    fn what_is_done_with_a_version_says_why_until_it_is_over() {
        let health = Health::default();
        let failing = |health: &Health| health.record.lock().failing.clone();
        health.restarting("5 invocations failed in a row");
        assert_eq!(
            failing(&health).as_deref(),
            Some("5 invocations failed in a row")
        );
        health.over();
        assert_eq!(failing(&health), None);
    }

    #[test]
    fn a_condition_knows_since_when_it_is_so() {
        let health = Health::default();
        health.probe_failed(Probe::Liveness, "no pulse", false);
        let condition = |health: &Health| health.record.lock().conditions.0[2].clone();
        assert!(condition(&health).is_so, "once is not enough");
        health.probe_failed(Probe::Liveness, "no pulse", true);
        let first = condition(&health);
        assert!(!first.is_so && first.since.is_some());
        assert_eq!(first.message.as_deref(), Some("no pulse"));
        health.probe_failed(Probe::Liveness, "still no pulse", true);
        assert_eq!(condition(&health).since, first.since);
        let found = health.record.lock().occurrences.list();
        assert_eq!(found[0].message, "Liveness probe failed: no pulse");
        assert_eq!(found[0].count, 2);
    }
}
