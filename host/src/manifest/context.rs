//! `[context.<name>]`: one bounded context.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;

use crate::core::Backoff;
use crate::guest::ShareOptions;

use super::{
    autoscale::Autoscale,
    circuit_breaker::CircuitBreaker,
    component::ComponentSource,
    config::ContextConfig,
    fault_injection::FaultInjection,
    follows::Follows,
    healing::HealingSettings,
    journal::{Durability, Engine},
    outbound::AllowedOrigin,
    probe::{LivenessProbe, ReadinessProbe, StartupProbe},
    quota::{CommitLimits, LogLimits, Quota},
    rollout::RolloutSettings,
    routes::{self, RouteSettings},
    scalar,
    schedule::Schedule,
};

/// `[context.<name>]`: one bounded context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContextSettings {
    /// The directory of the cargo package that it is built from. Either this or `component`.
    pub package: Option<PathBuf>,
    /// A built component: a `.wasm` file, or a reference to one in a registry.
    pub component: Option<ComponentSource>,
    /// What keeps its journal, when not what `[journal]` says.
    pub journal: Option<Engine>,
    /// When its commits are answered, when not what `[journal]` says.
    pub durability: Option<Durability>,
    /// What one invocation may use.
    pub limits: Limits,
    /// What it may keep, over all its invocations.
    pub quota: Quota,
    /// When work is turned away.
    pub circuit_breaker: CircuitBreaker,
    /// How many of its invocations run at once, by how many there are; as many as can when absent.
    pub autoscale: Option<Autoscale>,
    /// What is made to go wrong on purpose.
    pub fault: FaultInjection,
    /// How events that could not be handled are tried again.
    pub follow: Follow,
    /// When a version that was just loaded is given up on.
    pub startup_probe: StartupProbe,
    /// When the version that serves gets no work; never when absent.
    pub readiness_probe: Option<ReadinessProbe>,
    /// When the version that serves is restarted; what it says of itself is not asked when absent.
    pub liveness_probe: Option<LivenessProbe>,
    /// What is done about a version that fails.
    pub healing: HealingSettings,
    /// How a new version comes to serve.
    pub rollout: RolloutSettings,
    /// What it follows outside the app.
    pub follows: Follows,
    /// Events that it publishes at certain times.
    pub schedule: BTreeMap<String, Schedule>,
    /// What the guest reads by `wasi:config`.
    pub config: ContextConfig,
    /// A directory with more of it: a file per key, as Kubernetes mounts a ConfigMap. Overrides `config`.
    pub config_directory: Option<PathBuf>,
    /// The keys of its configuration whose values operators are shown; all others are masked.
    pub show: BTreeSet<String>,
    /// The members of its events' data that operators are not shown, by their names.
    pub sensitive: BTreeSet<String>,
    /// Who may ask for its routes, by method and path; anybody for those that are not here. A standard component has these routes and no others.
    #[serde(deserialize_with = "routes::deserialize")]
    pub routes: BTreeMap<String, RouteSettings>,
    /// Whom it may ask outside; nobody, and not at all, when absent.
    pub allow_outbound: Option<Vec<AllowedOrigin>>,
}

impl ContextSettings {
    /// How many slots are kept for it.
    pub fn min_slots(&self) -> u32 {
        self.autoscale.as_ref().map_or(0, |scale| scale.min)
    }

    /// Whether its versions leave memory while they are idle.
    pub fn scales_to_zero(&self) -> bool {
        let mut scale = self.autoscale.iter();
        scale.any(|scale| scale.min == 0)
    }
}

/// `[context.<name>.limits]`: what one invocation may use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory of an instance, in bytes.
    #[serde(deserialize_with = "scalar::memory")]
    pub memory: u64,
    /// How long an invocation may take.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub deadline: Duration,
    /// A request's body, in bytes.
    #[serde(deserialize_with = "scalar::size")]
    pub request: u64,
    /// A response's body, in bytes.
    #[serde(deserialize_with = "scalar::size")]
    pub response: u64,
    /// A response's head, in bytes, as HTTP/2 counts it: names and values, and 32 for each field. The host's own fields are in it, too.
    #[serde(deserialize_with = "scalar::size")]
    pub response_head: u64,
    /// What answers that may be given again take of the host's memory, in bytes: 0, and every request is an invocation.
    #[serde(deserialize_with = "scalar::size_or_zero")]
    pub answers: u64,
    /// What an invocation may stage, in bytes.
    #[serde(deserialize_with = "scalar::size")]
    pub staged: u64,
    /// What an invocation may put into its commit.
    pub commit: CommitLimits,
    /// What the context may write to the log.
    pub log: LogLimits,
    /// What an invocation may read of its state.
    pub read: ReadLimits,
    /// How many processors its guests may use at most on average, in thousandths: 500 is half of one.
    #[serde(deserialize_with = "scalar::processors")]
    pub cpu: Option<NonZeroU32>,
    /// How much of the processors its guests get beside those of other contexts, in proportion to theirs. The word is that of Linux control groups.
    #[serde(deserialize_with = "scalar::positive")]
    pub cpu_weight: NonZeroU32,
    /// The body of a request that it sends outside, and that of the answer to it, in bytes.
    #[serde(deserialize_with = "scalar::size")]
    pub outbound: u64,
    /// How many contexts deep a call may reach, at most 100.
    #[serde(deserialize_with = "scalar::call_depth")]
    pub call_depth: u32,
    /// How often an invocation runs that others' commits keep getting in the way of.
    #[serde(deserialize_with = "scalar::positive")]
    pub attempts: NonZeroU32,
    /// How often undoing one of its calls may be refused before that waits for an operator. With the pauses between, the default takes about a minute.
    #[serde(deserialize_with = "scalar::positive")]
    pub undo_attempts: NonZeroU32,
    /// After how long what cannot be undone, or an interrupted request that cannot be ended, is shown to operators beside the dead letters. It is tried on
    /// meanwhile.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub stuck_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            memory: 64 * MIB,
            deadline: Duration::from_secs(5),
            request: MIB,
            response: 4 * MIB,
            response_head: 16 * 1024,
            answers: 8 * MIB,
            staged: 4 * MIB,
            commit: CommitLimits::default(),
            log: LogLimits::default(),
            read: ReadLimits::default(),
            cpu: None,
            cpu_weight: NonZeroU32::MIN.saturating_add(99),
            outbound: 4 * MIB,
            call_depth: 8,
            attempts: NonZeroU32::MIN.saturating_add(31),
            undo_attempts: NonZeroU32::MIN.saturating_add(11),
            stuck_after: Duration::from_secs(600),
        }
    }
}

impl Limits {
    /// What it may use of the processors.
    pub fn share(&self) -> ShareOptions {
        ShareOptions {
            weight: self.cpu_weight.get(),
            processors: self.cpu.map(|cpu| f64::from(cpu.get()) / 1_000.0),
        }
    }

    /// The most that a guest may hand to the host at once, in bytes as they take memory: each of these limits is looked at when it has been handed over. Values of
    /// typed calls take up to 32 bytes for one.
    pub fn transfer(&self) -> usize {
        const TIMES: u64 = 8;
        let largest = self.whole_response().max(self.staged).max(self.outbound);
        let most = largest.saturating_mul(TIMES).min(self.memory);
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// The most that an answer takes, its head and its body.
    pub fn whole_response(&self) -> u64 {
        self.response.saturating_add(self.response_head)
    }
}

/// `[context.<name>.limits.read]`: what one run of an invocation may read of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadLimits {
    /// How many keys it may look at, whether or not anything is there. The count of a table costs one.
    #[serde(deserialize_with = "scalar::positive")]
    pub keys: NonZeroU32,
    /// How many bytes of values it may read.
    #[serde(deserialize_with = "scalar::size")]
    pub bytes: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            keys: NonZeroU32::MIN.saturating_add(999_999),
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// `[context.<name>.follow]`: how events that could not be handled are tried again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Follow {
    /// How often an event is tried before it becomes a dead letter.
    #[serde(deserialize_with = "scalar::positive")]
    pub attempts: NonZeroU32,
    /// The pause before the second attempt; it doubles from there.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub initial_backoff: Duration,
    /// The longest pause.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub max_backoff: Duration,
    /// What becomes of later events of the same subject when one has become a dead letter.
    pub on_dead_letter: OnDeadLetter,
}

/// What becomes of later events of a subject when one of its events has become a dead letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDeadLetter {
    /// They are handled: the dead letter is handled after them, if ever.
    #[default]
    Continue,
    /// They are held back until the dead letter is handled or dropped, and then handled in their order.
    HoldSubject,
}

impl Follow {
    /// The pauses between attempts.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.initial_backoff, self.max_backoff)
    }
}

impl Default for Follow {
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::MIN.saturating_add(11),
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(30),
            on_dead_letter: OnDeadLetter::default(),
        }
    }
}
