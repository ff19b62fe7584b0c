//! A context's configuration, read live: a changed file reaches the next invocation.

mod directory;
mod sources;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::sources::Sources;
use crate::manifest::ContextSettings;

/// The values by key.
pub type Values = BTreeMap<String, String>;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_millis(250);

/// The values of one context as they are now.
#[derive(Debug)]
pub struct Live {
    current: ArcSwap<Values>,
}

impl Live {
    /// Reads the values of `context`, and keeps reading what changes in its directory and in `manifest`, the app's file, until `stop`.
    ///
    /// What cannot be read leaves the values as they were, and one line in the log.
    pub async fn start(
        context: &str,
        settings: &ContextSettings,
        manifest: Option<&Path>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let sources = Sources::new(context, settings, manifest);
        let (sources, values) = look(sources).await;
        let live = Arc::new(Self {
            current: ArcSwap::from_pointee(values.unwrap_or_else(|| settings.config.clone())),
        });
        if let Some(sources) = sources.filter(Sources::can_change) {
            tasks.spawn(Arc::clone(&live).watch(sources, stop));
        }
        live
    }

    /// The values as they are now. They do not change under whoever holds them.
    pub fn current(&self) -> Arc<Values> {
        self.current.load_full()
    }

    async fn watch(self: Arc<Self>, mut sources: Sources, stop: CancellationToken) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let (Some(next), values) = look(sources).await else {
                return;
            };
            sources = next;
            if let Some(values) = values {
                self.current.store(Arc::new(values));
            }
        }
    }
}

/// Looks at the sources on a thread that may block. Gives them back, unless the runtime stops; and the values, if they changed.
async fn look(mut sources: Sources) -> (Option<Sources>, Option<Values>) {
    let looked = tokio::task::spawn_blocking(move || {
        let values = sources.look();
        (sources, values)
    });
    match looked.await {
        Ok((sources, values)) => (Some(sources), values),
        Err(_) => (None, None),
    }
}

#[cfg(test)]
mod tests;
