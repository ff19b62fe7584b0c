//! Where a deadline is enforced: whatever a guest does, it has ended by then.

use std::future::Future;

use tokio::time::{Instant, timeout_at};

use crate::fault::Fault;

/// What a guest comes to that began then, or that it did not end in time: it is dropped, wherever it is, and nothing of it is left.
///
/// A guest that computes is interrupted at every tick of the engine's clock, so the timer is looked at in time.
pub(super) async fn enforce<T>(
    deadline: Instant,
    began: Instant,
    guest: impl Future<Output = T>,
) -> Result<T, Fault> {
    let ended = timeout_at(deadline, guest).await;
    ended.map_err(|_| Fault::Deadline {
        after: began.elapsed(),
    })
}
