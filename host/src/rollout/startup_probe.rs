//! The startup probe: a version is asked whether it is ready until it says so, or has had its time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use metrics::counter;
use serde_json::json;

use super::deployer::Deployer;
use super::health::Probe;
use super::refusal::{Gate, Refusal, told};
use crate::invocation::{Check, Context, HostEventKind, check_health};
use crate::observe::metrics::PROBE_FAILURES;
use crate::versions::{Version, numbered};

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
    let threshold = probe.failure_threshold.get();
    let (mut failures, mut unasked) = (0, 0);
    let reason = loop {
        let asking = check_health(
            &deployer.invoker,
            context,
            version,
            generation,
            Check::Ready,
            probe.timeout,
        );
        let reason = match AssertUnwindSafe(asking).catch_unwind().await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(said))) => format!("it says: {}", told(&said)),
            // It was not asked, which is no fault of it; but that must not go on for ever.
            Ok(Err(failure)) if failure.is_for_want_of_place() && unasked < threshold => {
                unasked += 1;
                pause(probe.period).await?;
                continue;
            }
            Ok(Err(failure)) => failure.to_string(),
            // What goes wrong here goes wrong for one version, not for the host.
            Err(_) => "the host panicked while it asked; see its log".to_owned(),
        };
        failures += 1;
        let is_over = failures >= threshold;
        note_failure(deployer, context, version, &reason, is_over);
        if is_over {
            break reason;
        }
        pause(probe.period).await?;
    };
    Err(Refusal::at(
        Gate::Ready,
        format!(
            "not ready after {} tries ({reason}); fix it, or give it more time with [context.{}.startup_probe]",
            probe.failure_threshold, context.name
        ),
    ))
}

/// Counts a failure where operators look; the last one that is allowed is news.
fn note_failure(
    deployer: &Deployer,
    context: &Context,
    version: &Version,
    reason: &str,
    is_over: bool,
) {
    let name = Probe::Startup.name();
    counter!(PROBE_FAILURES, "context" => &context.name, "probe" => name).increment(1);
    let serves = context.version().is_some();
    // What was only tried says nothing of what serves.
    let is_over_for_context = is_over && !serves;
    let health = deployer.health(context);
    let told = format!("{reason} ({})", numbered(version.number));
    health.probe_failed(Probe::Startup, &told, is_over_for_context);
    if is_over {
        let data = json!({
            "version": version.number,
            "probe": name,
            "failures": context.settings.startup_probe.failure_threshold,
            "message": reason,
        });
        let events = &deployer.invoker.host_events;
        events.record(HostEventKind::ProbeFailed, &context.name, data);
    }
}
