//! Asking a guest how it is: an invocation that never commits.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::context::Context;
use super::definition::{Beginning, Invocation, Trigger};
use super::failure::Failure;
use super::invoker::Invoker;
use super::key_locks::LockSet;
use super::unit::UnitOfWork;
use crate::core::{InvocationId, TraceContext, VerifiedIdentity};
use crate::guest::Execution;
use crate::journal::Cause;
use crate::observe::telemetry;
use crate::versions::Version;

/// What a guest is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Whether it can serve.
    Ready,
    /// Whether it works.
    Live,
}

impl Check {
    fn purpose(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Live => "live",
        }
    }
}

/// What a version of a context says when it is asked; it has `time` to answer, and sees the state of a generation. It computes in the host's name, in an
/// instance that is there for that: what keeps its context busy, or the host, does not keep it from answering. Whoever asks, asks one thing at a time.
///
/// # Errors
///
/// When it gave no answer; or was not asked, which [`Failure::is_for_want_of_place`] tells.
pub async fn check_health(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    generation: u32,
    check: Check,
    time: Duration,
) -> Result<Result<(), String>, Failure> {
    let deadline = Instant::now() + time;
    let unit = unattended(
        invoker,
        context,
        version,
        generation,
        Unattended {
            purpose: check.purpose(),
            deadline,
            identity: None,
        },
    );
    let execution = Execution {
        depth: u32::MAX,
        instances: Some(context.probe_instances.clone()),
        ..execution(context, unit, deadline)
    };
    let answered = match check {
        Check::Ready => version.guest.ready(execution).await,
        Check::Live => version.guest.live(execution).await,
    };
    answered.result.map_err(Failure::of_fault)
}

/// What is to be known of an invocation that nobody waits for.
pub(super) struct Unattended<'a> {
    pub purpose: &'a str,
    pub deadline: Instant,
    /// Who was behind what it is like.
    pub identity: Option<VerifiedIdentity>,
}

/// The unit of work of an invocation that nobody waits for, and that never commits.
pub(super) fn unattended(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    generation: u32,
    about: Unattended<'_>,
) -> UnitOfWork {
    let trace = telemetry::sampled(TraceContext::new());
    let invocation = Arc::new(Invocation {
        generation: Some(generation),
        ..Invocation::new(Beginning {
            invoker: invoker.clone(),
            context: context.clone(),
            id: InvocationId::random(),
            correlation_id: trace.correlation_id(),
            causation_id: None,
            trace,
            identity: about.identity,
            cause: Cause::Host {
                purpose: about.purpose.into(),
            },
            trigger: Trigger::Nobody,
            deadline: about.deadline,
        })
    });
    UnitOfWork::begin(&invocation, version, generation, 1, LockSet::default())
}

/// How such an invocation is run: computing in the host's name, in an instance of its context.
pub(super) fn execution(
    context: &Context,
    unit: UnitOfWork,
    deadline: Instant,
) -> Execution<UnitOfWork> {
    Execution {
        services: Box::new(unit),
        memory: usize::try_from(context.settings.limits.memory).unwrap_or(usize::MAX),
        transfer: context.settings.limits.transfer(),
        deadline,
        depth: 0,
        share: None,
        instances: Some(context.instances.clone()),
    }
}
