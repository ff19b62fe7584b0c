//! Asking a guest whether it can serve: an invocation that never commits.

use std::sync::Arc;
use std::time::Duration;

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
use crate::rollout::Version;

/// What a version of a context says when it is asked whether it is ready; it has `time` to answer, and sees the state of a generation.
///
/// # Errors
///
/// When it gave no answer.
pub async fn ready(
    host: &Arc<Host>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    generation: u32,
    time: Duration,
) -> Result<Result<(), String>, Failure> {
    let trace = TraceContext::new();
    let job = Arc::new(Job {
        host: host.clone(),
        context: context.clone(),
        id: identifier::random(),
        abandoned: 0,
        correlation_id: trace.trace_id(),
        causation_id: String::new(),
        trace,
        cause: Cause::Host {
            purpose: "ready".into(),
        },
        trigger: Trigger::Nobody,
        first_attempt: 1,
        deadline: Instant::now() + time,
        chain: Chain::default(),
        generation: Some(generation),
        version: None,
        continuity: Continuity::new(wall_clock()),
        reads: ReadSet::default(),
        writes: Vec::new(),
        durability: None,
        keep: Keep::Nowhere,
    });
    let unit = UnitOfWork::begin(&job, version, generation, 1, Stripes::default());
    let memory = usize::try_from(context.settings.limits.memory).unwrap_or(usize::MAX);
    let visit = Visit {
        services: Box::new(unit),
        memory,
        time,
    };
    version
        .guest
        .ready(visit)
        .await
        .result
        .map_err(Failure::of_fault)
}
