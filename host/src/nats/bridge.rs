//! What the relay, the subscriptions and the calls from outside work with.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::status::NatsStatus;
use crate::core::ContextName;
use crate::invocation::{Context, Invoker};
use crate::journal::Ledger;
use crate::manifest::{CurrentManifest, Manifest};

/// An app's bridge to NATS.
pub struct Bridge {
    /// How the events on NATS are; none when the manifest has no `[nats]`.
    pub status: Option<Arc<NatsStatus>>,
    /// What all of it shares; none likewise.
    pub(super) connection: Option<Arc<Connection>>,
    pub(super) invoker: Arc<Invoker>,
    manifest: Arc<CurrentManifest>,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

impl Bridge {
    /// The bridge of an app, over which nothing goes yet.
    pub fn new(invoker: &Arc<Invoker>, manifest: &Arc<CurrentManifest>) -> Self {
        let settings = manifest.load();
        let status = settings.nats.as_ref().map(|_| Arc::default());
        let connection = settings.nats.as_ref().zip(status.as_ref());
        let connection =
            connection.map(|(nats, status)| Connection::new(&settings.app.name, nats, status));
        Self {
            status,
            connection: connection.map(Arc::new),
            tasks: invoker.tasks.clone(),
            shutdown: invoker.shutdown.clone(),
            invoker: invoker.clone(),
            manifest: manifest.clone(),
        }
    }

    /// The manifest as it holds.
    pub(super) fn manifest(&self) -> Arc<Manifest> {
        self.manifest.load()
    }

    pub(super) fn context(&self, name: &str) -> Option<Arc<Context>> {
        self.invoker.contexts.get(name)
    }

    pub(super) fn ledger(&self, name: &str) -> Option<Arc<Ledger>> {
        self.invoker.ledgers.get(name)
    }

    /// The journals whose events are published, by the contexts that there are at this moment.
    pub(super) fn ledgers(&self) -> Arc<BTreeMap<ContextName, Arc<Ledger>>> {
        self.invoker.ledgers.own.all()
    }
}
