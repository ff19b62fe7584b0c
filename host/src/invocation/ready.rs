//! Asking a guest whether it can serve: an invocation that never commits.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::context::Context;
use super::definition::{Beginning, Invocation, Trigger};
use super::failure::Failure;
use super::invoker::Invoker;
use super::key_locks::LockSet;
use super::unit::UnitOfWork;
use crate::core::{InvocationId, TraceContext};
use crate::guest::Execution;
use crate::journal::Cause;
use crate::versions::Version;

/// What a version of a context says when it is asked whether it is ready; it has `time` to answer, and sees the state of a generation.
///
/// # Errors
///
/// When it gave no answer.
pub async fn ready(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    generation: u32,
    time: Duration,
) -> Result<Result<(), String>, Failure> {
    let trace = TraceContext::new();
    let deadline = Instant::now() + time;
    let invocation = Arc::new(Invocation {
        generation: Some(generation),
        trace: trace.clone(),
        ..Invocation::new(Beginning {
            invoker: invoker.clone(),
            context: context.clone(),
            id: InvocationId::random(),
            correlation_id: trace.correlation_id(),
            causation_id: None,
            cause: Cause::Host {
                purpose: "ready".into(),
            },
            trigger: Trigger::Nobody,
            deadline,
        })
    });
    let unit = UnitOfWork::begin(&invocation, version, generation, 1, LockSet::default());
    let memory = usize::try_from(context.settings.limits.memory).unwrap_or(usize::MAX);
    let execution = Execution {
        services: Box::new(unit),
        memory,
        deadline,
        depth: 0,
        share: Some(context.share.clone()),
        instances: Some(context.instances.clone()),
    };
    version
        .guest
        .ready(execution)
        .await
        .result
        .map_err(Failure::of_fault)
}
