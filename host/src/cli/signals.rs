//! Being asked to stop.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use super::failure::Failure;
use crate::gateway::AccessLog;

/// The signals that ask the process to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// Has the file of an access log opened again at each SIGHUP, until the result is dropped. Where there is no file, that signal does what it always does: a terminal
/// that is closed ends what runs in it.
pub(super) fn reopen_on_hangup(log: Arc<AccessLog>) -> Result<AbortOnDropHandle<()>, Failure> {
    let hangups = match log.has_file() {
        true => Some(signal(SignalKind::hangup()).map_err(Failure::Signals)?),
        false => None,
    };
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        let Some(mut hangups) = hangups else { return };
        while hangups.recv().await.is_some() {
            tracing::info!("the access log is opened again");
            log.reopen();
        }
    })))
}

impl Signals {
    /// From now on they no longer end the process by themselves.
    pub fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::Signals);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one, and tells its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
