//! The journals of an app: its contexts', and the host's own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::Arc;

use crate::core::Volume;
use crate::journal::{
    Committer, Durability, Error, FreeSpace, Ledgers, MemoryStore, Options, SledStore, Store,
};
use crate::manifest::{self, HOST_SOURCE, JournalSettings, Manifest};

/// The ledgers of all contexts, of the host and of what is taken in, and the committers behind them: one for each engine in use.
pub(super) struct Journals {
    pub ledgers: Arc<Ledgers>,
    committers: BTreeMap<manifest::Engine, Arc<Committer>>,
}

impl Journals {
    /// Opens the journals. Blocks.
    pub(super) fn open(manifest: &Manifest) -> Result<Self, Error> {
        let mut committers: BTreeMap<manifest::Engine, Arc<Committer>> = BTreeMap::new();
        let mut committer = |engine| match committers.get(&engine) {
            Some(committer) => Ok::<_, Error>(committer.clone()),
            None => {
                let journal = &manifest.journal;
                let store = open_store(engine, &journal.directory, journal.cache)?;
                let committer = Committer::start(
                    store,
                    Options {
                        free_space: free_space(engine, journal).map(Arc::new),
                        ..Options::default()
                    },
                )?;
                committers.insert(engine, committer.clone());
                Ok(committer)
            }
        };
        let mut ledgers = Ledgers::default();
        for (name, settings) in &manifest.contexts {
            let committer = committer(settings.journal.unwrap_or(manifest.journal.engine))?;
            let durability = settings.durability.unwrap_or(manifest.journal.durability);
            let durability = match durability {
                manifest::Durability::Flush => Durability::Flush,
                manifest::Durability::Relaxed => Durability::Relaxed,
            };
            ledgers
                .own
                .insert(name.clone(), committer.open(name, durability)?);
        }
        // The history of versions, sagas, how far the relay has come. What it says may be acted upon, so it waits for the disk.
        let own = committer(manifest.journal.engine)?;
        ledgers.own.insert(
            HOST_SOURCE.to_owned(),
            own.open(HOST_SOURCE, Durability::Flush)?,
        );
        for subscription in manifest.subscriptions() {
            if let Entry::Vacant(vacant) = ledgers.outside.entry(subscription.source) {
                let committer = committer(manifest.journal.engine)?;
                let ledger = committer.open(vacant.key(), Durability::Flush)?;
                vacant.insert(ledger);
            }
        }
        Ok(Self {
            ledgers: Arc::new(ledgers),
            committers,
        })
    }

    /// What commits to those that are on disk.
    pub(super) fn on_disk(&self) -> Option<&Arc<Committer>> {
        self.committers.get(&manifest::Engine::Sled)
    }

    /// Flushes and closes them.
    pub(super) async fn close(&self) {
        for committer in self.committers.values() {
            committer.close().await;
        }
    }
}

/// What is to stay free where an engine keeps journals; nothing where the system does not tell how much there is.
fn free_space(engine: manifest::Engine, settings: &JournalSettings) -> Option<FreeSpace> {
    if engine == manifest::Engine::Memory {
        return None;
    }
    let directory = &settings.directory;
    match Volume::of(directory) {
        Ok(volume) => {
            let limit = settings.disk_free_limit(volume.size);
            Some(FreeSpace::new(directory, limit))
        }
        Err(error) => {
            tracing::warn!(directory = %directory.display(), %error, "how much space is free cannot be told: nothing is refused before the disk is full");
            None
        }
    }
}

fn open_store(
    engine: manifest::Engine,
    directory: &Path,
    cache: u64,
) -> Result<Arc<dyn Store>, Error> {
    Ok(match engine {
        manifest::Engine::Sled => Arc::new(SledStore::open(directory, cache)?),
        manifest::Engine::Memory => Arc::new(MemoryStore::new()),
    })
}
