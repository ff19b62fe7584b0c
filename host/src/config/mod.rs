//! A context's configuration, read live: a changed file reaches the next invocation.

mod directory;
mod sources;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::sources::{Glance, Sources};
use crate::manifest::ContextSettings;

/// The values by key.
pub type Values = BTreeMap<String, String>;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_millis(250);

/// The values of one context as they are now.
#[derive(Debug)]
pub struct Live {
    current: ArcSwap<Values>,
    /// The keys whose values come from files of secrets, or have done so since the start.
    secrets: ArcSwap<BTreeSet<String>>,
}

impl Live {
    /// Reads the values of each context, and keeps reading what changes in its directory and in `manifest`, the app's file, until `stop`.
    ///
    /// What cannot be read leaves the values as they were, and one line in the log.
    pub async fn start(
        contexts: &BTreeMap<String, ContextSettings>,
        manifest: Option<&Path>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> BTreeMap<String, Arc<Self>> {
        let watched = contexts.iter().map(|(name, settings)| {
            let live = Arc::new(Self {
                current: ArcSwap::from_pointee(settings.config.values.clone()),
                secrets: ArcSwap::default(),
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
                tasks.spawn(watch(watched, manifest, stop));
            }
        }
        lives
    }

    /// Whether the value of a key is secret, whatever the manifest said at the start.
    pub fn is_secret(&self, key: &str) -> bool {
        self.secrets.load().contains(key)
    }

    /// The values as they are now. They do not change under whoever holds them.
    pub fn current(&self) -> Arc<Values> {
        self.current.load_full()
    }
}

/// The sources of each context, and where its values are shown.
type Watched = Vec<(Sources, Arc<Live>)>;

async fn watch(mut watched: Watched, manifest: Option<PathBuf>, stop: CancellationToken) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let Some(looked) = look(watched, manifest.clone()).await else {
            return;
        };
        watched = looked;
    }
}

/// Looks at all sources on a thread that may block, and shows what has changed. Gives them back, unless the runtime stops.
async fn look(mut watched: Watched, manifest: Option<PathBuf>) -> Option<Watched> {
    let looked = tokio::task::spawn_blocking(move || {
        let app = Glance::at(manifest.as_deref());
        for (sources, live) in &mut watched {
            if let Some(values) = sources.look(&app) {
                // First, so that no value is shown in between.
                let mut secrets = BTreeSet::clone(&live.secrets.load());
                secrets.extend(sources.secret_keys());
                live.secrets.store(Arc::new(secrets));
                live.current.store(Arc::new(values));
            }
        }
        watched
    });
    looked.await.ok()
}

#[cfg(test)]
mod tests;
