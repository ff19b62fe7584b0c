//! The startup probe: a version is asked whether it is ready until it says so, or has had its time.

use std::sync::Arc;

use super::gate::{Gate, Refusal};
use super::version::Version;
use crate::app::{Context, Host};
use crate::invocation;

/// Waits until a version says that it is ready, on a generation of the state.
pub(super) async fn ready(
    host: &Arc<Host>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    generation: u32,
) -> Result<(), Refusal> {
    let probe = &context.settings.startup_probe;
    let pause = async |time| {
        tokio::select! {
            () = host.shutdown.cancelled() => Err(Refusal::at(Gate::Ready, "the host is stopping")),
            () = tokio::time::sleep(time) => Ok(()),
        }
    };
    pause(probe.initial_delay).await?;
    let mut reason = String::new();
    for attempt in 0..probe.failure_threshold.get() {
        if attempt > 0 {
            pause(probe.period).await?;
        }
        match invocation::ready(host, context, version, generation, probe.timeout).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(said)) => reason = format!("it says: {said}"),
            Err(failure) => reason = failure.to_string(),
        }
    }
    Err(Refusal::at(
        Gate::Ready,
        format!(
            "not ready after {} tries ({reason}); mend it, or give it more time with [context.{}.startup_probe]",
            probe.failure_threshold, context.name
        ),
    ))
}
