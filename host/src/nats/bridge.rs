//! What the relay, the subscriptions and the calls from outside work with.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::status::NatsStatus;
use crate::invocation::{Context, Invoker};
use crate::journal::Ledger;
use crate::manifest::Manifest;

/// An app's bridge to NATS.
pub struct Bridge {
    /// How the events on NATS are; none when the manifest has no `[nats]`.
    pub status: Option<Arc<NatsStatus>>,
    pub(super) invoker: Arc<Invoker>,
    pub(super) manifest: Arc<Manifest>,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

impl Bridge {
    /// The bridge of an app, over which nothing goes yet.
    pub fn new(invoker: &Arc<Invoker>, manifest: &Arc<Manifest>) -> Self {
        Self {
            status: manifest.nats.as_ref().map(|_| Arc::default()),
            tasks: invoker.tasks.clone(),
            shutdown: invoker.shutdown.clone(),
            invoker: invoker.clone(),
            manifest: manifest.clone(),
        }
    }

    pub(super) fn context(&self, name: &str) -> Option<&Arc<Context>> {
        self.invoker.contexts.get(name)
    }

    pub(super) fn ledger(&self, name: &str) -> Option<&Arc<Ledger>> {
        self.invoker.ledgers.get(name)
    }

    /// The journals whose events are published.
    pub(super) fn ledgers(&self) -> &BTreeMap<String, Arc<Ledger>> {
        &self.invoker.ledgers.own
    }
}
