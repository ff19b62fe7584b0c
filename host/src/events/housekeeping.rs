//! Housekeeping: what is kept for a time only is forgotten, little by little.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Events;
use super::saga;
use crate::core::wall_clock;
use crate::invocation::{self, Context, Failure};
use crate::journal::CommitError;
use crate::manifest::HOST_SOURCE;

/// How many stored results are looked at in one step, and the pause between two steps.
const STEP: usize = 256;
const PAUSE: Duration = Duration::from_millis(5);
/// How many sagas are kept of each name in each state but `running`, and how often that is seen to.
const SAGAS: u64 = 10_000;
const SAGAS_EVERY: Duration = Duration::from_secs(60);

/// Forgets stored results, and gives up calls whose caller is gone, when nobody can ask for them any more; until the host stops.
pub(super) async fn forget_results(events: Arc<Events>) {
    let retention = events.manifest.journal.result_retention;
    let period = (retention / 20).clamp(Duration::from_secs(1), Duration::from_secs(3600));
    while wait(period, &events.shutdown).await {
        let retention = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        let before = wall_clock().saturating_sub(retention);
        for context in events.invoker.contexts.all().values() {
            for kind in [Kept::Results, Kept::Intents] {
                if let Err(failure) = forget_of(&events, context, kind, before).await {
                    tracing::warn!(context = context.name.as_str(), ?kind, %failure, "old results could not be removed; trying again later");
                }
            }
        }
    }
}

/// What is kept for a time.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Results,
    Intents,
}

async fn forget_of(
    events: &Arc<Events>,
    context: &Arc<Context>,
    kind: Kept,
    before: u64,
) -> Result<(), Failure> {
    let mut next = Some(Vec::new());
    while let Some(start) = next.take() {
        let from = start.clone();
        next = match kind {
            Kept::Results => {
                match invocation::forget_results(&events.invoker, context, from, before, STEP).await
                {
                    // It is looked at again.
                    Err(CommitError::Conflict { .. }) => Some(start),
                    forgotten => forgotten?,
                }
            }
            Kept::Intents => {
                invocation::end_forsaken(&events.invoker, context, from, before, STEP).await?
            }
        };
        if !wait(PAUSE, &events.shutdown).await {
            break;
        }
    }
    Ok(())
}

/// Keeps the number of sagas that are remembered within bounds, until the host stops.
pub(super) async fn trim_sagas(events: Arc<Events>) {
    let Some(ledger) = events.ledger(HOST_SOURCE) else {
        return;
    };
    while wait(SAGAS_EVERY, &events.shutdown).await {
        match saga::trim(&ledger, events.manifest.sagas.keys(), SAGAS).await {
            Ok(()) | Err(CommitError::Conflict { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, "old sagas could not be removed; trying again later");
            }
        }
    }
}

/// False when the host stops meanwhile.
async fn wait(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}
