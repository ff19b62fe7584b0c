//! Starting an app: journals, versions, what was interrupted, followers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::front;
use super::journals::Journals;
use super::{Context, Host, Safeguards};
use crate::calls::{LinkError, Links};
use crate::config;
use crate::events;
use crate::gateway::{RouteError, Routes};
use crate::guest::{ArtifactCache, Engine, EngineOptions};
use crate::invocation::{Failure, compensation, intent};
use crate::journal;
use crate::manifest::Manifest;
use crate::nats;
use crate::rollout::{self, RolloutError};

/// What an app is started with besides its manifest.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The component file of each context; a context without one does not serve.
    pub components: BTreeMap<String, PathBuf>,
    /// How instances are made.
    pub engine: EngineOptions,
    /// What keeps the promises of sagas.
    pub safeguards: Safeguards,
}

/// What happens while an app starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The journals are opened.
    Opening {
        /// Where they are.
        directory: PathBuf,
    },
    /// A component is loaded, and compiled if it is not in the cache.
    Loading {
        /// Its context.
        context: String,
    },
    /// A component is loaded.
    Loaded {
        /// Its context.
        context: String,
        /// Its digest.
        digest: String,
    },
    /// Requests that the last stop interrupted are driven to their end.
    Resuming {
        /// How many.
        count: usize,
    },
}

/// Why an app cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A journal cannot be used.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The engine cannot be made.
    #[error(
        "the WebAssembly engine cannot start: {0:#}; it needs address space for its pool of instances (see `ulimit -v`)"
    )]
    Engine(wasmtime::Error),
    /// A component cannot be brought in.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// Contexts cannot be linked.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Two contexts want to answer the same, or one what nobody can.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// What was interrupted cannot be read.
    #[error("what the last stop interrupted cannot be taken up: {0}")]
    Recovery(#[from] Failure),
    /// A thread of the start-up ended without an answer.
    #[error("the start was cut short")]
    CutShort,
}

impl Host {
    /// Starts an app: opens its journals, loads its components, takes up what was interrupted, and begins to follow events.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; nothing runs then.
    pub async fn start(
        manifest: Manifest,
        options: Options,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Arc<Self>, StartError> {
        let directory = manifest.journal.directory.clone();
        progress(Progress::Opening {
            directory: directory.clone(),
        });
        let manifest = Arc::new(manifest);
        let opening = manifest.clone();
        let opened = tokio::task::spawn_blocking(move || Journals::open(&opening)).await;
        let journals = opened.map_err(|_| StartError::CutShort)??;
        let engine = Engine::new(options.engine).map_err(StartError::Engine)?;
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let contexts = contexts(&manifest, &journals, &tasks, &shutdown).await?;
        let host = Arc::new(Self {
            nats: manifest.nats.as_ref().map(|_| Arc::default()),
            manifest,
            contexts,
            safeguards: options.safeguards,
            shutdown,
            tasks,
            links: ArcSwap::default(),
            routes: ArcSwap::from_pointee(Routes::default()),
            journals,
        });
        let cache = ArtifactCache::new(directory.join("artifacts"));
        if let Err(error) = host
            .bring_up(&engine, &cache, &options.components, &progress)
            .await
        {
            host.stop().await;
            return Err(error);
        }
        Ok(host)
    }

    async fn bring_up(
        self: &Arc<Self>,
        engine: &Engine,
        cache: &ArtifactCache,
        components: &BTreeMap<String, PathBuf>,
        progress: &(impl Fn(Progress) + Send + Sync),
    ) -> Result<(), StartError> {
        let mut links = Links::default();
        for (name, context) in &self.contexts {
            let Some(file) = components.get(name) else {
                continue;
            };
            progress(Progress::Loading {
                context: name.clone(),
            });
            let version = rollout::load(engine, cache, name, &context.settings, file).await?;
            progress(Progress::Loaded {
                context: name.clone(),
                digest: version.digest.clone(),
            });
            links.add(name, &version.guest)?;
            context.set_version(version);
        }
        self.links.store(Arc::new(links));
        self.routes.store(Arc::new(front::routes(&self.contexts)?));
        for context in self
            .contexts
            .values()
            .filter(|context| context.version().is_some())
        {
            rollout::ready(self, context).await?;
        }
        self.resume(progress)?;
        Ok(())
    }

    /// Takes up what the last stop interrupted, and starts what runs in the background.
    fn resume(
        self: &Arc<Self>,
        progress: &(impl Fn(Progress) + Send + Sync),
    ) -> Result<(), StartError> {
        let mut resumptions = Vec::new();
        for context in self.contexts.values() {
            resumptions.extend(intent::unfinished(self, context)?);
        }
        if !resumptions.is_empty() {
            progress(Progress::Resuming {
                count: resumptions.len(),
            });
        }
        events::start(self)?;
        nats::start(self);
        for resumption in resumptions {
            self.tasks.spawn(resumption.run());
        }
        for context in self.contexts.values() {
            self.tasks
                .spawn(compensation::run(self.clone(), context.clone()));
        }
        Ok(())
    }
}

/// The contexts, each with its journal and its live configuration, still without versions.
async fn contexts(
    manifest: &Manifest,
    journals: &Journals,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Result<BTreeMap<String, Arc<Context>>, StartError> {
    let mut contexts = BTreeMap::new();
    for (name, ledger) in &journals.ledgers {
        let Some(settings) = manifest.contexts.get(name) else {
            continue;
        };
        let file = manifest.file.as_deref();
        let config = config::Live::start(name, settings, file, tasks, shutdown.child_token()).await;
        let context = Context::new(name, settings.clone(), ledger.clone(), config)?;
        contexts.insert(name.clone(), Arc::new(context));
    }
    Ok(contexts)
}
