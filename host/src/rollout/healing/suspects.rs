//! Looking into suspicions: does a version fail as a whole, or only those who ask it for what it cannot do?
//!
//! Several failures in a row are not enough to tell: a client whose one request traps can make as many as it likes. So the version is tried with what the context
//! answered well before. Where nothing is known that it could be tried with, since nothing has succeeded yet, failures of several different requests have to do.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;

use super::incident::{self, Cause};
use crate::core::counted;
use crate::invocation::{Context, Verdict, try_known_good};
use crate::observe::sanitize::{SENTENCE, shown};
use crate::rollout::deployer::Deployer;
use crate::versions::Version;

/// Looks into each suspicion as it is raised, until the host stops.
pub(super) async fn run(deployer: Arc<Deployer>) {
    loop {
        let name = tokio::select! {
            () = deployer.shutdown.cancelled() => return,
            name = deployer.invoker.suspicions.next() => name,
        };
        if let Some(context) = deployer.invoker.contexts.get(&name) {
            let looking = look_into(deployer.clone(), context);
            deployer.tasks.spawn(looking);
        }
    }
}

async fn look_into(deployer: Arc<Deployer>, context: Arc<Context>) {
    // Whatever goes wrong here, the context must not stay held.
    let looking = AssertUnwindSafe(examine(&deployer, &context)).catch_unwind();
    let found = looking.await.unwrap_or_else(|_| {
        tracing::error!(
            context = context.name.as_str(),
            "the host panicked while it looked into a suspicion"
        );
        None
    });
    match found {
        Some((version, cause)) => incident::heal(&deployer, &context, &version, cause).await,
        None => {
            context.availability.clear();
            let health = deployer.health(&context);
            health.apply(&context);
        }
    }
}

/// The version and what is wrong with it, if it fails as a whole.
async fn examine(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
) -> Option<(Arc<Version>, Cause)> {
    let version = context.version()?;
    let limit = context.settings.healing.consecutive_failures;
    let in_a_row = version.failures_in_a_row();
    // It may have recovered, or another one may serve by now.
    if in_a_row.count < limit || !deployer.health(context).is_running() {
        return None;
    }
    let failed = format!(
        "{} failed in a row (the last one: {})",
        counted(in_a_row.count, "invocation"),
        shown(&version.last_failure(), SENTENCE)
    );
    let message = match try_known_good(&deployer.invoker, context, &version).await {
        Verdict::Works => return None,
        Verdict::Fails(reason) => {
            format!("{failed}, and so does what was answered before: {reason}")
        }
        Verdict::Unknown if in_a_row.different >= limit as usize => {
            format!("{failed}, and none has succeeded")
        }
        Verdict::Unknown => return None,
    };
    Some((version, Cause::failures(message)))
}
