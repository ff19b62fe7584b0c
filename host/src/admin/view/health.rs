//! How a context is, as operators see it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::core::Timestamp;
use crate::invocation::{Occurrence as Happened, Severity};
use crate::manifest::ContextSettings;
use crate::rollout;

/// What a context does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum HealthState {
    /// It takes work.
    Running,
    /// Its version says that it is not ready: it gets no work.
    NotReady,
    /// Its version is loaded anew.
    Restarting,
    /// Its version failed again and again, and waits to be restarted.
    CrashLoopBackOff,
    /// No version serves.
    Down,
}

/// How a context is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// What it does.
    pub state: HealthState,
    /// How often a version was restarted since the host started.
    pub restarts: u32,
    /// When it is restarted next; absent where it does not wait for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_restart: Option<Timestamp>,
    /// Since when its version runs; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_since: Option<Timestamp>,
    /// Whether its version has started, is ready, and alive.
    pub conditions: Vec<HealthCondition>,
    /// How the last run of a version ended; absent where none has since the host started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_state: Option<LastState>,
    /// The settings of its probes, by their names, each in a line as `kubectl describe` has it.
    pub probes: BTreeMap<String, String>,
    /// What happened to it within the last hour: its health, versions, slots, circuit breakers and faults; the last one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Occurrence>,
}

/// Something that is true of a version, or not.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCondition {
    /// `Started`, `Ready` or `Live`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is so.
    pub status: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Since when; absent since the host started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// How the last run of a version ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastState {
    /// The number of the version.
    pub version: u32,
    /// Why it ended: `LivenessProbeFailed`, `FailuresInARow` or `StartFailed`.
    pub reason: String,
    /// The same in a sentence.
    pub message: String,
    /// When that run began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

/// Something that happened, perhaps several times.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Occurrence {
    /// `Normal`, or `Warning` where an operator should know of it.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is, in a word.
    pub reason: String,
    /// What it is, in a sentence.
    pub message: String,
    /// How often it happened.
    pub count: u32,
    /// When it happened first.
    pub first: Timestamp,
    /// When it happened last.
    pub last: Timestamp,
}

impl Health {
    /// How a context is that has these settings, and to which this has happened besides.
    pub fn new(seen: rollout::Seen, lately: Vec<Happened>, settings: &ContextSettings) -> Self {
        let startup = ("startup", Some(settings.startup_probe.to_string()));
        let readiness = settings.readiness_probe.as_ref().map(ToString::to_string);
        let liveness = settings.liveness_probe.as_ref().map(ToString::to_string);
        let probes = [startup, ("readiness", readiness), ("liveness", liveness)];
        let probes = probes
            .into_iter()
            .filter_map(|(name, line)| Some((name.to_owned(), line?)));
        let condition = |condition: rollout::Condition| HealthCondition {
            kind: condition.name.to_owned(),
            status: condition.is_so,
            message: condition.message,
            since: condition.since.map(Timestamp),
        };
        let mut happened: Vec<_> = seen.occurrences.into_iter().chain(lately).collect();
        happened.sort_by_key(|occurrence| occurrence.last);
        let occurrence = |occurrence: Happened| Occurrence {
            kind: match occurrence.severity {
                Severity::Normal => "Normal".to_owned(),
                Severity::Warning => "Warning".to_owned(),
            },
            reason: occurrence.reason.to_owned(),
            message: occurrence.message,
            count: occurrence.count,
            first: Timestamp(occurrence.first),
            last: Timestamp(occurrence.last),
        };
        Self {
            state: seen.state.into(),
            restarts: seen.restarts,
            next_restart: seen.next_restart.map(Timestamp),
            running_since: seen.running_since.map(Timestamp),
            conditions: seen.conditions.into_iter().map(condition).collect(),
            last_state: seen.last_state.map(|last| LastState {
                version: last.version,
                reason: last.reason.to_owned(),
                message: last.message,
                started: Timestamp(last.started),
                finished: Timestamp(last.finished),
            }),
            probes: probes.collect(),
            events: happened.into_iter().map(occurrence).collect(),
        }
    }
}

impl From<rollout::HealthState> for HealthState {
    fn from(state: rollout::HealthState) -> Self {
        match state {
            rollout::HealthState::Running => Self::Running,
            rollout::HealthState::NotReady => Self::NotReady,
            rollout::HealthState::Restarting => Self::Restarting,
            rollout::HealthState::CrashLoopBackOff => Self::CrashLoopBackOff,
            rollout::HealthState::Down => Self::Down,
        }
    }
}

impl HealthState {
    /// Its name, as `kubectl get pods` would have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::NotReady => "NotReady",
            Self::Restarting => "Restarting",
            Self::CrashLoopBackOff => "CrashLoopBackOff",
            Self::Down => "Down",
        }
    }
}
