//! One restart: the version is loaded anew from its stored bytes, asked whether it is ready, and takes the place of itself. What is under way on the old one may
//! end, or is cancelled after a while; what is cancelled commits nothing.

use std::sync::Arc;

use crate::invocation::{Context, Verdict, try_known_good};
use crate::rollout::deployer::Deployer;
use crate::rollout::history::History;
use crate::rollout::refusal::{Gate, Refusal};
use crate::rollout::swap::{self, SwapError};
use crate::rollout::{gates, startup_probe};
use crate::versions::{Drained, Version};

/// Restarts a version.
///
/// # Errors
///
/// Why it did not start; the old one is where it was.
pub(super) async fn restart(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    failing: &Arc<Version>,
) -> Result<Arc<Version>, SwapError> {
    // Nobody closes the semaphore.
    let _place = deployer.restarts.acquire().await.ok();
    let version = load_anew(deployer, context, failing).await?;
    startup_probe::ready(deployer, context, &version, context.generation()).await?;
    if let Verdict::Fails(reason) = try_known_good(&deployer.invoker, context, &version).await {
        let reason = format!("it fails at what was answered before: {reason}");
        return Err(Refusal::at(Gate::Ready, reason).into());
    }
    swap::replace_by_itself(deployer, context, failing, &version).await?;
    drain(deployer, context, failing);
    Ok(version)
}

/// The version from its stored bytes: these are compared with their digest, and its machine code with its checksum; where that is damaged it is compiled again.
async fn load_anew(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    failing: &Arc<Version>,
) -> Result<Arc<Version>, Refusal> {
    let unreadable = |error: crate::journal::Error| Refusal::at(Gate::Component, error);
    let history = History::of(deployer, &context.name).map_err(unreadable)?;
    let entry = history.find(failing.digest).map_err(unreadable)?;
    let entry = entry.ok_or_else(|| {
        let reason = format!(
            "the history of versions does not contain {}",
            failing.digest
        );
        Refusal::at(Gate::Component, reason)
    })?;
    let version = gates::load_anew(deployer, context, &entry).await?;
    Ok(Arc::new(version.continuing(failing)))
}

/// Lets the invocations of a version that was replaced end, or cancels them.
fn drain(deployer: &Arc<Deployer>, context: &Arc<Context>, version: &Arc<Version>) {
    let (deployer, context, version) = (deployer.clone(), context.clone(), version.clone());
    deployer.clone().tasks.spawn(async move {
        let grace = context.settings.healing.termination_grace;
        let drained = tokio::select! {
            drained = version.drain(grace) => drained,
            () = deployer.shutdown.cancelled() => return,
        };
        if let Drained::Forced(left) = drained {
            tracing::warn!(context = context.name.as_str(), version = %version.title, left, "invocations of a version that was restarted were cancelled; nothing of them was committed");
        }
    });
}
