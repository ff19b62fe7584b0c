//! An intent that cannot be read: nobody knows what its invocation was to do, nor what it has called. It waits for an operator, and nobody else for it.

use std::sync::Arc;

use super::context::Context;
use super::failure::Failure;
use super::interrupted_requests::Listed;
use super::invoker::Invoker;
use super::record;
use crate::core::{CorrelationId, InvocationId};
use crate::journal::{self, Space, Unit};

/// An intent that cannot be read.
pub(super) struct UnreadableIntent {
    pub invoker: Arc<Invoker>,
    pub context: Arc<Context>,
    pub id: InvocationId,
    pub error: journal::Error,
}

impl UnreadableIntent {
    /// Has it listed until an operator drops it, or the host stops.
    pub(super) async fn run(self) {
        let Self {
            invoker,
            context,
            id,
            error,
        } = self;
        tracing::error!(
            context = context.name.as_str(),
            invocation = id.as_str(),
            %error,
            "what is on record of an interrupted request cannot be read: drop it with `innkeeper dead-letters`, or restore a backup"
        );
        let mut listed = Listed::unreadable(&context, &id, error.to_string());
        loop {
            let asked = tokio::select! {
                () = invoker.shutdown.cancelled() => return,
                asked = listed.dropped() => asked,
            };
            let dropped = forget(&context, &id, None, &error).await;
            let is_gone = dropped.is_ok();
            asked.answer(dropped);
            if is_gone {
                return;
            }
        }
    }
}

/// Takes away an intent that cannot be read, since an operator wants that.
pub(super) async fn forget(
    context: &Context,
    id: &InvocationId,
    correlation_id: Option<CorrelationId>,
    error: &journal::Error,
) -> Result<(), Failure> {
    let removal = record::removal(Space::Intent, id);
    let mut unit = Unit::bookkeeping(
        "an interrupted request dropped by an operator",
        context.ledger.applied(),
        vec![removal],
    );
    unit.header.invocation = id.clone();
    unit.header.correlation_id = correlation_id;
    let committed = context.ledger.commit(unit).await;
    committed.map_err(|error| Failure::of_commit(&context.name, error))?;
    tracing::error!(
        context = context.name.as_str(),
        invocation = id.as_str(),
        %error,
        "an operator dropped an interrupted request, but what it called cannot be found, and stays as it is"
    );
    Ok(())
}
