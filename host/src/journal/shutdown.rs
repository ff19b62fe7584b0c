//! The end of a committer: whether nothing can be committed any more, and why.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use super::{CommitError, Error};

/// Is reached once, and for good.
#[derive(Default)]
pub(super) struct Shutdown {
    reason: OnceLock<CommitError>,
    reached: CancellationToken,
}

impl Shutdown {
    /// Everything is committed and flushed.
    pub fn close(&self) {
        self.reach(CommitError::Closed);
    }

    /// The journal failed, so memory and disk may disagree.
    pub fn fail(&self, error: &Error) -> CommitError {
        self.fail_because(&error.to_string())
    }

    /// Like [`Shutdown::fail`], for a failure that is no error of the journal.
    pub fn fail_because(&self, reason: &str) -> CommitError {
        self.reach(CommitError::Journal(Error::Stopped {
            reason: reason.to_owned(),
        }))
    }

    fn reach(&self, reason: CommitError) -> CommitError {
        let first = self.reason.get_or_init(|| reason).clone();
        self.reached.cancel();
        first
    }

    /// Fails with the reason when the end is reached.
    pub fn check(&self) -> Result<(), CommitError> {
        self.reason
            .get()
            .map_or(Ok(()), |reason| Err(reason.clone()))
    }

    /// Resolves with the reason when the end is reached.
    pub async fn reached(&self) -> CommitError {
        self.reached.cancelled().await;
        self.reason.get().cloned().unwrap_or(CommitError::Closed)
    }
}
