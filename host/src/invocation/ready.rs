//! Asking a guest whether it can serve: an invocation that never commits.

use std::sync::Arc;

use tokio::time::Instant;

use super::continuity::Continuity;
use super::failure::Failure;
use super::identifier;
use super::job::{Chain, Job, Keep, Trigger, wall_clock};
use super::turns::Stripes;
use super::unit::UnitOfWork;
use crate::app::{Context, Host};
use crate::guest::Visit;
use crate::journal::{Cause, ReadSet};
use crate::observe::TraceContext;

/// What a context's version says when it is asked whether it is ready.
///
/// # Errors
///
/// When it gave no answer.
pub async fn ready(
    host: &Arc<Host>,
    context: &Arc<Context>,
) -> Result<Result<(), String>, Failure> {
    let Some(version) = context.version() else {
        return Err(Failure::NotServing {
            context: context.name.clone(),
        });
    };
    let trace = TraceContext::new();
    let limits = &context.settings.limits;
    let job = Arc::new(Job {
        host: host.clone(),
        context: context.clone(),
        id: identifier::random(),
        correlation_id: trace.trace_id(),
        causation_id: String::new(),
        trace,
        cause: Cause::Host {
            purpose: "ready".into(),
        },
        trigger: Trigger::Caller,
        first_attempt: 1,
        deadline: Instant::now() + limits.deadline,
        chain: Chain::default(),
        generation: None,
        continuity: Continuity::new(wall_clock()),
        reads: ReadSet::default(),
        writes: Vec::new(),
        durability: None,
        keep: Keep::Nowhere,
    });
    let unit = UnitOfWork::begin(&job, &version, 1, Stripes::default());
    let memory = usize::try_from(limits.memory).unwrap_or(usize::MAX);
    let visit = Visit {
        services: Box::new(unit),
        memory,
        time: limits.deadline,
    };
    version
        .guest
        .ready(visit)
        .await
        .result
        .map_err(Failure::of_fault)
}
