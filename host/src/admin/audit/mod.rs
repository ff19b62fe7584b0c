//! The audit log: who did what at this port, and who was refused. Files of JSON lines to which lines are only added; each holds the hash of the one before it, so that
//! none can be changed or taken out without that being seen.
//!
//! An action is written down before it is done, and once more with what came of it, whatever that is: what cannot be written down is not done. Refusals are written down
//! as far as a bucket allows, and counted beyond: whoever guesses cannot fill the disk, nor push out what was done.

mod file;
mod line;
pub(super) mod middleware;
mod verify;

use std::io;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::runtime::Handle;

pub use self::file::audit_files;
use self::file::{Limits, LogFile};
pub(super) use self::line::Asked;
pub use self::line::{Line, What};
pub use self::verify::{NotWhole, Verifier};
use super::error::AdminError;
use crate::gateway::rate_limit::RateLimiter;
use crate::manifest::RateLimit;
use crate::observe::metrics;

/// How many refusals are written down a second, and how many at once.
const REFUSALS: RateLimit = RateLimit {
    requests_per_second: NonZeroU32::MIN,
    burst: NonZeroU32::MIN.saturating_add(29),
};
/// What is said of an action whose handler or answer was dropped.
const CUT_OFF: &str = "it was cut off";

/// The log.
pub struct Audit {
    file: Arc<Mutex<LogFile>>,
    refusals: RateLimiter<()>,
    unwritten: AtomicU64,
}

/// An action that has begun. Whatever becomes of it, its end is written down: when this is dropped, that it was cut off.
pub(super) struct Action {
    file: Arc<Mutex<LogFile>>,
    begun: Option<Line>,
}

impl Audit {
    /// The log of a data directory, made when there is none. Blocks.
    ///
    /// # Errors
    ///
    /// When it can be neither read nor written.
    pub fn open(directory: &Path) -> Result<Self, AdminError> {
        match LogFile::open(directory, Limits::default()) {
            Ok(file) => Ok(Self {
                file: Arc::new(Mutex::new(file)),
                refusals: RateLimiter::new(REFUSALS),
                unwritten: AtomicU64::new(0),
            }),
            Err(source) => Err(AdminError::Audit {
                directory: directory.to_owned(),
                source,
            }),
        }
    }

    /// Writes down that an action is about to be done.
    pub(super) async fn begin(&self, asked: &Asked) -> io::Result<Action> {
        tracing::info!(
            target: "innkeeper::audit",
            by = asked.who, from = asked.from, method = asked.method, path = asked.path, "an operator acts"
        );
        let (file, line) = (self.file.clone(), Line::new(asked, What::Begun));
        // Whoever asks may go away meanwhile; what was begun then is ended there.
        let beginning = tokio::task::spawn_blocking(move || {
            let begun = file.lock().append(line)?;
            Ok(Action { file, begun })
        });
        beginning.await.map_err(io::Error::other)?
    }

    /// Notes that somebody was refused.
    pub(super) async fn refused(
        &self,
        asked: &Asked,
        status: impl Into<Option<u16>>,
        why: &'static str,
    ) {
        let status = status.into();
        ::metrics::counter!(metrics::OPERATORS_REFUSED, "reason" => why).increment(1);
        if self.refusals.admit((), Instant::now()).is_err() {
            self.unwritten.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let unwritten = self.unwritten.swap(0, Ordering::Relaxed);
        tracing::warn!(
            target: "innkeeper::audit",
            by = asked.who, from = asked.from, method = asked.method, path = asked.path, status, reason = why, unwritten, "an operator was refused"
        );
        let line = Line {
            status,
            reason: Some(why.to_owned()),
            unwritten,
            ..Line::new(asked, What::Refused)
        };
        let file = self.file.clone();
        // One at a time: it waits for the disk.
        let writing = tokio::task::spawn_blocking(move || file.lock().append(line));
        match writing.await.map_err(io::Error::other).flatten() {
            Ok(Some(_)) => {}
            not_written => {
                self.unwritten.fetch_add(unwritten + 1, Ordering::Relaxed);
                if let Err(error) = not_written {
                    complain(&error);
                }
            }
        }
    }
}

impl Action {
    /// Writes down what came of it: the status that it was answered with, and why it did not come to its end.
    pub async fn end(mut self, status: u16, reason: Option<&'static str>) {
        let Some(begun) = self.begun.take() else {
            return;
        };
        let file = self.file.clone();
        let writing = tokio::task::spawn_blocking(move || end(&file, begun, Some(status), reason));
        // Only when the runtime stops: then it is said at the next start that nobody knows.
        let _ = writing.await;
    }

    /// The same in the background.
    pub fn end_soon(mut self, status: u16, reason: Option<&'static str>) {
        self.end_in_background(Some(status), reason);
    }

    fn end_in_background(&mut self, status: Option<u16>, reason: Option<&'static str>) {
        let Some(begun) = self.begun.take() else {
            return;
        };
        let file = self.file.clone();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || end(&file, begun, status, reason))),
            Err(_) => end(&file, begun, status, reason),
        }
    }
}

impl Drop for Action {
    fn drop(&mut self) {
        self.end_in_background(None, Some(CUT_OFF));
    }
}

fn end(file: &Mutex<LogFile>, begun: Line, status: Option<u16>, reason: Option<&str>) {
    if let Err(error) = file.lock().append(begun.end(status, reason)) {
        complain(&error);
    }
}

fn complain(error: &io::Error) {
    tracing::error!(%error, "the audit log cannot be written");
}

#[cfg(test)]
mod tests;
