//! A context, as operators see it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Breaker, Caller};
use super::description::Description;
use super::fault::Fault;
use super::health::{Health, HealthState};
use super::nats::{Nats, Subscription};
use super::rebuild::Rebuild;
use super::retry::Retry;
use super::version::{Rollout, Serving};

/// The app's contexts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contexts {
    /// The app's name.
    pub app: String,
    /// The contexts, by name.
    pub contexts: Vec<Context>,
    /// What an operator should know of the manifest as it is by now: a context that is not added, and why; what is left for the next start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// How the events on NATS are; absent when the app publishes none there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats: Option<Nats>,
}

/// How a context is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence of its author.
    pub summary: String,
    /// The version that serves; absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Serving>,
    /// The version that is ramped up beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    /// What it does.
    pub state: HealthState,
    /// How often a version was restarted since the host started, because it failed.
    pub restarts: u32,
    /// What runs and waits.
    pub invocations: Invocations,
    /// How many of its invocations may run at once; absent where it is not scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<Slots>,
    /// Where the circuit breaker stands of the caller that gets through least.
    pub circuit_breaker: Breaker,
    /// Who has called it since the host started, and how that goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<Caller>,
    /// What is made to go wrong in it on purpose; absent when nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Where its journal is.
    pub journal: Positions,
    /// How many events of others it has yet to pass, by source.
    pub lag: BTreeMap<String, u64>,
    /// How many invocations that call others are under way, or wait to be taken up again.
    pub intents_pending: u64,
    /// How many calls of its invocations are still to be undone.
    pub compensations_pending: u64,
    /// How many events it has given up on.
    pub dead_letters: u64,
    /// What it keeps, and may, by resource.
    #[serde(default)]
    pub quota: Vec<Used>,
    /// How many lines were left out of its log since the host started, for it wrote more than `limits.log` allows.
    #[serde(default)]
    pub log_lines_dropped: u64,
    /// What an operator should know of it: a component that was refused at the start, names in it that lead nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// The keys that its invocations had to be run again for most often, the worst first; five at most, since the host started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contended: Vec<Contended>,
}

/// How much a context keeps of what it may keep only so much of.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    /// What: `bytes`, `keys`, `timers`, `sequences`, `dead_letters` or `commits`.
    pub resource: String,
    /// So much.
    pub used: u64,
    /// So much may be; absent where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A key that many invocations change at once: each but one is run again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contended {
    /// The key of the state; bytes that are not visible ASCII are escaped.
    pub key: String,
    /// How often an invocation was run again because of it, about.
    pub conflicts: u64,
}

/// A context in full.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContextDetail {
    /// How it is.
    #[serde(flatten)]
    pub context: Context,
    /// How it is, and what happened to it lately.
    pub health: Health,
    /// What it says of itself; absent when no version serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Its configuration as it is now; what `show` does not name is masked.
    pub config: BTreeMap<String, String>,
    /// The events that it could not handle yet, and tries again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retries: Vec<Retry>,
    /// What it follows outside, by NATS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<Subscription>,
    /// The interfaces of others that it calls, and who offers them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<Import>,
    /// Its newest rollout since the host started, or the one that the last stop has cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Its newest rebuild since the host started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Rebuild>,
}

/// An interface that a context calls.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    /// The interface.
    pub interface: String,
    /// The context that offers it; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Where the circuit breaker stands between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<Breaker>,
}

/// A version that is ramped up.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The version.
    #[serde(flatten)]
    pub version: Serving,
    /// Which part of the work it gets, in percent.
    pub weight: u8,
}

/// What runs and waits in a context.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invocations {
    /// How many run.
    pub running: u32,
    /// How many wait for their turn.
    pub pending: u32,
}

/// How many invocations of a context that is scaled may run at once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Slots {
    /// So many.
    pub slots: u32,
    /// There may be so many.
    pub max: u32,
    /// Whether the version that serves is in memory.
    pub loaded: bool,
}

/// Where a journal is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Positions {
    /// The position of the newest commit that is visible.
    pub applied: u64,
    /// The position of the newest commit that is on disk.
    pub flushed: u64,
    /// The generation of the state that serves: how often it was rebuilt.
    pub generation: u32,
}
