//! The journals of an app: its contexts', and the host's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::core::{ByName, ContextName, Volume};
use crate::journal::{
    Committer, Durability, Error, FreeSpace, KeyRange, Ledger, Ledgers, MemoryStore, Options,
    SledStore, Space, Store, commits_on_disk,
};
use crate::manifest::{self, ContextSettings, HOST_SOURCE, JournalSettings, Manifest};

/// The ledgers of all contexts, of the host and of what is taken in, and the committers behind them: one for each engine in use.
pub(super) struct Journals {
    pub ledgers: Arc<Ledgers>,
    settings: JournalSettings,
    committers: Mutex<BTreeMap<manifest::Engine, Arc<Committer>>>,
    /// Held by whoever opens one more.
    opening: Mutex<()>,
    /// How many commits each journal has on disk, for those that are in memory by now.
    hidden: OnceLock<BTreeMap<String, u64>>,
}

impl Journals {
    /// Opens the journals. Blocks.
    pub(super) fn open(manifest: &Manifest) -> Result<Self, Error> {
        let mut journals = Self {
            ledgers: Arc::default(),
            settings: manifest.journal.clone(),
            committers: Mutex::default(),
            opening: Mutex::default(),
            hidden: OnceLock::new(),
        };
        let mut own = Vec::new();
        for (name, settings) in &manifest.contexts {
            own.push((name.clone(), journals.of_context(name, settings)?));
        }
        // The history of versions, sagas, how far the relay has come. What it says may be acted upon, so it waits for the disk.
        own.push((
            ContextName::of_host(HOST_SOURCE),
            journals.lasting(HOST_SOURCE)?,
        ));
        let sources = sources(manifest).into_iter();
        let outside = sources.map(|source| {
            let ledger = journals.of_source(&source)?;
            Ok((source, ledger))
        });
        let outside = outside.collect::<Result<ByName<Ledger>, Error>>()?;
        journals.ledgers = Arc::new(Ledgers {
            own: own.into_iter().collect(),
            outside,
            absent: journals.absent(manifest)?,
        });
        Ok(journals)
    }

    /// Those of contexts that are not part of the app, and whose work has not all ended.
    fn absent(&self, manifest: &Manifest) -> Result<BTreeMap<ContextName, Arc<Ledger>>, Error> {
        let mut absent = BTreeMap::new();
        let Some(committer) = self.on_disk() else {
            return Ok(absent);
        };
        for (name, journal) in committer.unopened()? {
            // No context was ever called what is no name.
            let Ok(name) = name.parse::<ContextName>() else {
                continue;
            };
            // One that keeps its journal in memory by now is there, and knows nothing of what it had called.
            if manifest.contexts.contains_key(&name) {
                continue;
            }
            let left = |space| journal.count(space, &KeyRange::all());
            let (interrupted, undos) = match (left(Space::Intent), left(Space::Compensation)) {
                (Ok(0), Ok(0)) => continue,
                (Ok(interrupted), Ok(undos)) => (interrupted, undos),
                (Err(error), _) | (_, Err(error)) => {
                    tracing::error!(context = name.as_str(), %error, "the journal of a context that is no longer part of the app cannot be read: what it had called may be forgotten");
                    continue;
                }
            };
            tracing::warn!(
                context = name.as_str(),
                interrupted,
                undos,
                "a context that is no longer part of the app left invocations that have not ended, or calls to be undone: what they called stays as it is until the context is back"
            );
            // It keeps this durability when the context is added again.
            let ledger = committer.open(&name, Durability::Flush)?;
            absent.insert(name, ledger);
        }
        Ok(absent)
    }

    /// The journal of a context, which is opened where it is not yet. Blocks.
    pub(super) fn of_context(
        &self,
        name: &str,
        settings: &ContextSettings,
    ) -> Result<Arc<Ledger>, Error> {
        let engine = settings.journal.unwrap_or(self.settings.engine);
        self.open_with(engine, name, self.durability(settings))
    }

    fn open_with(
        &self,
        engine: manifest::Engine,
        name: &str,
        durability: Durability,
    ) -> Result<Arc<Ledger>, Error> {
        if engine == manifest::Engine::Memory {
            self.tell_hidden(name);
        }
        self.committer(engine)?.open(name, durability)
    }

    /// Says that what a context has on disk is not seen, where it has its journal in memory by now.
    fn tell_hidden(&self, name: &str) {
        let on_disk = || {
            commits_on_disk(&self.settings.directory).unwrap_or_else(|error| {
                tracing::warn!(%error, "the manifest has journals in memory; which of these contexts have commits on disk, too, cannot be told");
                BTreeMap::new()
            })
        };
        if let Some(commits) = self.hidden.get_or_init(on_disk).get(name) {
            tracing::warn!(
                context = name,
                commits,
                "the manifest has the journal of this context in memory, so it begins without the commits that it has on disk; these stay there until its journal is on disk again"
            );
        }
    }

    /// How surely commits of a context are kept.
    pub(super) fn durability(&self, settings: &ContextSettings) -> Durability {
        match settings.durability.unwrap_or(self.settings.durability) {
            manifest::Durability::Flush => Durability::Flush,
            manifest::Durability::Relaxed => Durability::Relaxed,
        }
    }

    /// The journal of what is taken in from a source outside, likewise. Blocks.
    pub(super) fn of_source(&self, source: &str) -> Result<Arc<Ledger>, Error> {
        self.lasting(source)
    }

    fn lasting(&self, name: &str) -> Result<Arc<Ledger>, Error> {
        self.open_with(self.settings.engine, name, Durability::Flush)
    }

    fn committer(&self, engine: manifest::Engine) -> Result<Arc<Committer>, Error> {
        let known = || self.committers.lock().get(&engine).cloned();
        if let Some(committer) = known() {
            return Ok(committer);
        }
        // Opening takes its time, and whoever looks at what is open does not wait for it.
        let _opening = self.opening.lock();
        if let Some(committer) = known() {
            return Ok(committer);
        }
        let store = open_store(engine, &self.settings.directory, self.settings.cache)?;
        let options = Options {
            free_space: free_space(engine, &self.settings).map(Arc::new),
            ..Options::default()
        };
        let committer = Committer::start(store, options)?;
        self.committers.lock().insert(engine, committer.clone());
        Ok(committer)
    }

    /// What commits to those that are on disk.
    pub(super) fn on_disk(&self) -> Option<Arc<Committer>> {
        self.committers.lock().get(&manifest::Engine::Sled).cloned()
    }

    /// Flushes and closes them.
    pub(super) async fn close(&self) {
        let committers: Vec<_> = self.committers.lock().values().cloned().collect();
        for committer in committers {
            committer.close().await;
        }
    }
}

/// What is followed outside.
pub(super) fn sources(manifest: &Manifest) -> BTreeSet<ContextName> {
    let subscriptions = manifest.subscriptions().into_iter();
    subscriptions
        .map(|subscription| subscription.source)
        .collect()
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
