//! Versions and rollouts, as operators see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::core::Timestamp;
use crate::rollout::{self, Gate, Outcome, Progress, Stage, State};
use crate::versions;

/// The versions of a context.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Versions {
    /// The versions, newest first.
    pub versions: Vec<Version>,
    /// The oldest that may serve, where somebody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
    /// What to ask for as `before` to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// The oldest version of a context that may serve.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Floor {
    /// Its number; 0 when all may.
    pub version: u32,
    /// When it was signed: what was signed before may not serve either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Timestamp>,
    /// Who has set it.
    pub by: String,
    /// When.
    pub time: Timestamp,
}

impl From<rollout::Floor> for Floor {
    fn from(floor: rollout::Floor) -> Self {
        Self {
            version: floor.number,
            signed: floor.signed.map(Timestamp),
            by: floor.by,
            time: Timestamp(floor.time),
        }
    }
}

/// A version of a context.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its running number in its context.
    pub number: u32,
    /// The sha-256 of its bytes, hexadecimal.
    pub digest: String,
    /// What its author calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its size, in bytes.
    pub size: u64,
    /// Whose key has signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// What it does, or what became of it.
    pub state: State,
    /// Whether its bytes are kept, so that it can serve again.
    pub stored: bool,
    /// How many invocations are under way in it; absent when it is not loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staying: Option<usize>,
    /// How it came to that, oldest first.
    pub history: Vec<HistoryStep>,
}

/// One change of a version's state.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryStep {
    /// The state that it changed to.
    pub state: State,
    /// When.
    pub time: Timestamp,
    /// By whom: the name of a token, or `host`.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The version that serves.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Serving {
    /// Its running number in its context.
    pub number: u32,
    /// The sha-256 of its bytes, hexadecimal.
    pub digest: String,
    /// What its author calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it was loaded.
    pub loaded_at: Timestamp,
}

/// How a rollout goes, or went.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Its id: the correlation id of the events that tell of it.
    pub id: String,
    /// Its context.
    pub context: String,
    /// The running number of its version; 0 as long as it has none.
    pub number: u32,
    /// The digest of its version.
    pub digest: String,
    /// What the author calls its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Who began it.
    pub by: String,
    /// What it does now: `checking`, `migrating`, `ramping` or `ended`.
    pub stage: String,
    /// Which part of the work goes to the version, in percent.
    pub weight: u8,
    /// Whether somebody has paused it.
    #[serde(default)]
    pub paused: bool,
    /// Why the version is still in its step, though the step's time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// What the version has done in its step or under its watch, compared with the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What it has done so far, in order.
    pub steps: Vec<RolloutStep>,
    /// How it ended: `passed` (a dry run), `current`, `unchanged`, `refused` or `aborted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The gate that the version did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// Why it was refused or aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The watch over the version since it has taken over; absent when it is not watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
}

/// The invocations of a version and of the one before it that are compared.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// How many invocations of the version have ended.
    pub invocations: u64,
    /// How many of them failed, and the version is to blame.
    pub failed: u64,
    /// How many invocations of the version before it have ended, in the same time; where these are fewer than `rollout.min_requests`, since it was loaded.
    pub invocations_before: u64,
    /// How many of those failed.
    pub failed_before: u64,
    /// How sure it is that the version fails more often than `rollout.max_errors` allows, in percent.
    pub sure: f64,
    /// The same in a sentence.
    pub summary: String,
}

/// The watch over a version that has taken over.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Watch {
    /// `watching`, `well` (it was watched to its end), `taken-back` (it did worse, and is quarantined) or `cut` (it ended early).
    pub state: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Something that a rollout has done.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStep {
    /// When.
    pub time: Timestamp,
    /// The gate that was passed, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// What was done.
    pub what: String,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// What a rollback did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// The context.
    pub context: String,
    /// The number of the version that serves now.
    pub to: u32,
    /// Its digest.
    pub to_digest: String,
    /// The number of the version that was taken out of service.
    pub from: u32,
    /// Its digest.
    pub from_digest: String,
    /// Whether that was only on its way in: it was being checked, migrated to or ramped up.
    pub was_on_its_way: bool,
    /// How long it took, in microseconds.
    pub micros: u64,
}

impl From<&versions::Version> for Serving {
    fn from(version: &versions::Version) -> Self {
        Self {
            number: version.number,
            digest: version.digest.to_string(),
            label: version.label.clone(),
            loaded_at: version.loaded_at.into(),
        }
    }
}

impl Version {
    /// A version of the history; `staying` says how many invocations are under way in it.
    pub fn new(entry: rollout::Entry, staying: Option<usize>) -> Self {
        let step = |step: rollout::HistoryStep| HistoryStep {
            state: step.state,
            time: Timestamp(step.time),
            by: step.by,
            reason: step.reason,
        };
        Self {
            number: entry.number,
            digest: entry.digest.to_string(),
            label: entry.label,
            size: entry.size,
            signer: entry.signer,
            state: entry.state,
            stored: entry.is_stored,
            staying,
            history: entry.history.into_iter().map(step).collect(),
        }
    }
}

impl Rollout {
    /// How far a rollout of a context is.
    pub fn new(context: &str, rollout: &rollout::Rollout, progress: Progress) -> Self {
        let (gate, reason) = match &progress.outcome {
            Some(Outcome::Refused(refusal)) => (Some(refusal.gate), Some(refusal.reason.clone())),
            Some(Outcome::Aborted { reason }) => (None, Some(reason.clone())),
            _ => (None, None),
        };
        let step = |step: rollout::Step| RolloutStep {
            time: Timestamp(step.time),
            gate: step.gate,
            what: step.what,
            micros: u64::try_from(step.took.as_micros()).unwrap_or(u64::MAX),
        };
        Self {
            id: rollout.id.to_string(),
            context: context.to_owned(),
            number: progress.version.number,
            digest: progress.version.digest.to_string(),
            label: progress.version.label,
            by: rollout.by.clone(),
            stage: progress.stage.name().to_owned(),
            weight: progress.weight,
            paused: progress.is_paused,
            held: progress.held,
            evidence: progress.evidence.map(Evidence::from),
            watch: progress.watch.map(|watched| {
                let (state, reason) = watched.told();
                Watch {
                    state: state.to_owned(),
                    reason: reason.map(str::to_owned),
                }
            }),
            steps: progress.steps.into_iter().map(step).collect(),
            outcome: progress.outcome.map(|outcome| outcome.name().to_owned()),
            gate,
            reason,
        }
    }

    /// Whether nothing more comes of it, but for the watch.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Ended.name()
    }

    /// Whether its version is still watched.
    pub fn is_watched(&self) -> bool {
        let mut watch = self.watch.iter();
        watch.any(|watch| watch.state == rollout::Watched::Watching.told().0)
    }
}

impl From<rollout::Evidence> for Evidence {
    fn from(evidence: rollout::Evidence) -> Self {
        Self {
            summary: evidence.to_string(),
            invocations: evidence.count,
            failed: evidence.errors,
            invocations_before: evidence.count_before,
            failed_before: evidence.errors_before,
            sure: evidence.sure,
        }
    }
}

impl RolledBack {
    /// What a rollback of a context did.
    pub fn new(context: &str, done: rollout::RolledBack) -> Self {
        Self {
            context: context.to_owned(),
            to: done.to.number,
            to_digest: done.to.digest.to_string(),
            from: done.from.number,
            from_digest: done.from.digest.to_string(),
            was_on_its_way: done.was_on_its_way,
            micros: u64::try_from(done.took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
