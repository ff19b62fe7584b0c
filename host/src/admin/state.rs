//! What every request at this port looks at.

use std::sync::{Arc, OnceLock};

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::audit::Audit;
use super::liveness::Liveness;
use super::token_throttle::TokenThrottle;
use super::tokens::Tokens;
use super::uploads::Uploads;
use crate::app::Host;
use crate::observe::metrics::Metrics;

/// What every request at this port looks at.
pub(super) struct State {
    pub metrics: Metrics,
    /// Who is known.
    pub tokens: watch::Sender<Tokens>,
    /// Throttles wrong tokens.
    pub token_throttle: TokenThrottle,
    /// What is done for operators; closes with the port.
    pub tasks: TaskTracker,
    /// What was done, and who was refused.
    pub audit: Audit,
    /// Places for uploads.
    pub uploads: Uploads,
    /// Since when what has to work does not.
    pub liveness: Arc<Liveness>,
    /// Whether only this machine can reach the port.
    pub private: bool,
    /// The app, once it is started.
    pub host: OnceLock<Arc<Host>>,
    /// Places for streams of events.
    pub streams: Arc<Semaphore>,
    /// The place for the one backup at a time.
    pub backup: Arc<Semaphore>,
    /// Cancelled when the host was asked to stop.
    pub draining: CancellationToken,
}
