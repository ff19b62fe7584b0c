//! The startup probe: a version is asked whether it is ready until it says so, or has had its time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;

use super::deployer::Deployer;
use super::gate::{Gate, Refusal, told};
use crate::invocation::{self, Context};
use crate::versions::Version;

/// Waits until a version says that it is ready, on a generation of the state.
pub(super) async fn ready(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    version: &Arc<Version>,
    generation: u32,
) -> Result<(), Refusal> {
    let probe = &context.settings.startup_probe;
    let pause = async |time| {
        tokio::select! {
            () = deployer.shutdown.cancelled() => Err(Refusal::at(Gate::Ready, "the host is stopping")),
            () = tokio::time::sleep(time) => Ok(()),
        }
    };
    pause(probe.initial_delay).await?;
    let mut reason = String::new();
    for attempt in 0..probe.failure_threshold.get() {
        if attempt > 0 {
            pause(probe.period).await?;
        }
        let asking = invocation::ready(
            &deployer.invoker,
            context,
            version,
            generation,
            probe.timeout,
        );
        match AssertUnwindSafe(asking).catch_unwind().await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(said))) => reason = format!("it says: {}", told(&said)),
            Ok(Err(failure)) => reason = failure.to_string(),
            // What goes wrong here goes wrong for one version, not for the host.
            Err(_) => {
                reason = "the host panicked while it asked; see its log".to_owned();
            }
        }
    }
    Err(Refusal::at(
        Gate::Ready,
        format!(
            "not ready after {} tries ({reason}); fix it, or give it more time with [context.{}.startup_probe]",
            probe.failure_threshold, context.name
        ),
    ))
}
