//! Draining: the invocations of a version that was replaced end, or are cancelled at the deadline.

use std::sync::Arc;

use super::deployer::Deployer;
use super::history::{self, Because};
use super::retention;
use super::version_state::State;
use crate::core::human_duration;
use crate::invocation::Context;
use crate::versions::{Drained, Version};

/// Drains a version in the background, and then records `state` in its history.
pub(super) fn begin(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    state: State,
    because: &Because,
) {
    let (deployer, context, version) = (deployer.clone(), context.clone(), version.clone());
    let mut because = because.clone();
    deployer.clone().tasks.spawn(async move {
        let time = context.settings.rollout.drain;
        let drained = tokio::select! {
            drained = version.drain(time) => drained,
            () = deployer.shutdown.cancelled() => return,
        };
        let how = match drained {
            Drained::Reopened => return,
            Drained::Empty => "all of its invocations have ended".to_owned(),
            Drained::Forced(left) => {
                tracing::warn!(context = context.name.as_str(), version = %version.title, left, "the drain timed out; invocations that had not committed were cancelled");
                format!("{left} invocations had not ended after {}; those that had not committed were cancelled", human_duration(time))
            }
        };
        tracing::info!(context = context.name.as_str(), version = %version.title, how, "drained");
        because.reason = match state {
            State::Drained => how,
            _ => format!("{}; {how}", because.reason),
        };
        // It may have been taken into service again just now.
        if version.is_closed() {
            history::record_changes(&deployer, &context, &[(version.digest, state)], &because).await;
        }
        retention::keep_newest(&deployer, &context).await;
    });
}
