//! When the configuration of a context has changed, the version that serves is asked whether it can work with that: what is wrong is told at once, and not by the first
//! request that fails of it.

use std::sync::Arc;
use std::time::Duration;

use super::probes::{self, Answer};
use crate::invocation::{Check, Context};
use crate::rollout::deployer::Deployer;

/// How long the version may think about it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks whenever something has changed, until the host stops.
pub(super) async fn run(deployer: Arc<Deployer>, context: Arc<Context>) {
    let mut changes = context.config_changes();
    loop {
        let changed = deployer.shutdown.run_until_cancelled(changes.changed());
        let Some(Ok(())) = changed.await else { return };
        let Some(version) = context.version() else {
            continue;
        };
        let answer = probes::ask(&deployer, &context, &version, Check::Ready, TIMEOUT).await;
        if let Answer::Ill(reason) = answer {
            tracing::warn!(
                context = context.name.as_str(),
                version = %version.title,
                reason,
                "the version that serves is not ready since its configuration has changed; correct it, or what needs it fails"
            );
        }
    }
}
