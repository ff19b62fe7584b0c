//! Versions and rollouts, as operators see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::observe::Timestamp;
use crate::rollout::{self, Gate, Outcome, Progress, Stage, State};

/// The versions of a context.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Versions {
    /// The versions, newest first.
    pub versions: Vec<Version>,
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

impl From<&rollout::Version> for Serving {
    fn from(version: &rollout::Version) -> Self {
        Self {
            number: version.number,
            digest: version.digest.clone(),
            label: version.label.clone(),
            loaded_at: version.loaded_at.into(),
        }
    }
}

impl Version {
    /// A version of the register; `staying` says how many invocations are under way in it.
    pub fn new(entry: rollout::Entry, staying: Option<usize>) -> Self {
        let step = |step: rollout::HistoryStep| HistoryStep {
            state: step.state,
            time: Timestamp(step.time),
            by: step.by,
            reason: step.reason,
        };
        Self {
            number: entry.number,
            digest: entry.digest,
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
            id: rollout.id.clone(),
            context: context.to_owned(),
            number: progress.version.number,
            digest: progress.version.digest,
            label: progress.version.label,
            by: rollout.by.clone(),
            stage: progress.stage.name().to_owned(),
            weight: progress.weight,
            steps: progress.steps.into_iter().map(step).collect(),
            outcome: progress.outcome.map(|outcome| outcome.name().to_owned()),
            gate,
            reason,
        }
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Ended.name()
    }
}

impl RolledBack {
    /// What a rollback of a context did.
    pub fn new(context: &str, done: rollout::RolledBack) -> Self {
        Self {
            context: context.to_owned(),
            to: done.to.number,
            to_digest: done.to.digest,
            from: done.from.number,
            from_digest: done.from.digest,
            was_on_its_way: done.was_on_its_way,
            micros: u64::try_from(done.took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
