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

/// Has the file of an access log opened again at each SIGHUP, until the result is dropped. None where there is no file: then that signal does what it always
/// does, and a terminal that is closed ends what runs in it.
pub(super) fn reopen_on_hangup(
    log: Option<&Arc<AccessLog>>,
) -> Result<Option<AbortOnDropHandle<()>>, Failure> {
    let Some(log) = log.filter(|log| log.has_file()).cloned() else {
        return Ok(None);
    };
    let mut hangups = signal(SignalKind::hangup()).map_err(Failure::Signals)?;
    let reopening = tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            tracing::info!("the access log is opened again");
            log.reopen();
        }
    });
    Ok(Some(AbortOnDropHandle::new(reopening)))
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
