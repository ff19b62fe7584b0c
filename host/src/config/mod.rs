//! A context's configuration, read live: a changed file reaches the next invocation.

mod directory;
mod poll;
mod sources;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::poll::look;
use self::sources::Sources;
use crate::core::ContextName;
use crate::manifest::ContextSettings;

/// The values by key.
pub type Values = BTreeMap<String, String>;

/// The values of one context as they are now.
#[derive(Debug)]
pub struct Live {
    current: ArcSwap<Values>,
    /// The keys whose values come from files of secrets, or have done so since the start.
    secrets: ArcSwap<BTreeSet<String>>,
    /// Tells whoever waits for it that the values have changed.
    changed: watch::Sender<()>,
}

impl Live {
    /// Reads the values of each context, and keeps reading what changes in its directory and in `manifest`, the app's file, until `stop`.
    ///
    /// What cannot be read leaves the values as they were, and one line in the log.
    pub async fn start(
        contexts: &BTreeMap<ContextName, ContextSettings>,
        manifest: Option<&Path>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> BTreeMap<ContextName, Arc<Self>> {
        let watched = contexts.iter().map(|(name, settings)| {
            let live = Arc::new(Self {
                current: ArcSwap::from_pointee(settings.config.values.clone()),
                secrets: ArcSwap::default(),
                changed: watch::Sender::default(),
            });
            (Sources::new(name, settings, manifest), live)
        });
        let watched: Vec<_> = watched.collect();
        let lives = contexts.keys().cloned();
        let lives = lives.zip(watched.iter().map(|(_, live)| live.clone()));
        let lives = lives.collect();
        let manifest = manifest.map(Path::to_owned);
        if let Some(mut watched) = look(watched, manifest.clone()).await {
            watched.retain(|(sources, _)| sources.can_change());
            if !watched.is_empty() {
                tasks.spawn(poll::watch(watched, manifest, stop));
            }
        }
        lives
    }

    /// Whether the value of a key is secret, whatever the manifest said at the start.
    pub fn is_secret(&self, key: &str) -> bool {
        self.secrets.load().contains(key)
    }

    /// Tells of each change from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The values as they are now. They do not change under whoever holds them.
    pub fn current(&self) -> Arc<Values> {
        self.current.load_full()
    }
}

#[cfg(test)]
mod tests;
