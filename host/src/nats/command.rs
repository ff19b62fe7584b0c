//! The commands of operators to the relay.

use tokio::sync::oneshot;

use super::dead_letter_id::RelayDeadLetterId;
use crate::core::ContextName;

/// A command of an operator to the relay.
pub enum RelayCommand {
    /// To publish a dead letter.
    Retry {
        /// The dead letter.
        id: RelayDeadLetterId,
        /// Told whether it was published.
        answer: oneshot::Sender<Result<(), String>>,
    },
    /// To publish the events of a context again.
    Republish {
        /// The context.
        context: ContextName,
        /// The first commit whose events are published again.
        from: u64,
        /// Told how many events that are.
        answer: oneshot::Sender<Result<u64, String>>,
    },
}
