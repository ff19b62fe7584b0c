//! Polls the files that configuration comes from: directories of contexts, files of secrets, the manifest.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Live;
use super::sources::{Glance, Sources};

/// How often the files are looked at.
pub(super) const PERIOD: Duration = Duration::from_millis(250);

/// The sources of each context, and where its values are shown.
pub(super) type Watched = Vec<(Sources, Arc<Live>)>;

/// Looks at the sources again and again, until `stop`.
pub(super) async fn watch(
    mut watched: Watched,
    manifest: Option<PathBuf>,
    stop: CancellationToken,
) {
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
pub(super) async fn look(mut watched: Watched, manifest: Option<PathBuf>) -> Option<Watched> {
    let looked = tokio::task::spawn_blocking(move || {
        let app = Glance::at(manifest.as_deref());
        for (sources, live) in &mut watched {
            if let Some(values) = sources.look(&app) {
                // First, so that no value is shown in between.
                let mut secrets = BTreeSet::clone(&live.secrets.load());
                secrets.extend(sources.secret_keys());
                live.secrets.store(Arc::new(secrets));
                live.current.store(Arc::new(values));
                live.changed.send_replace(());
            }
        }
        watched
    });
    looked.await.ok()
}
