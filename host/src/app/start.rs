//! Starting an app: journals, versions, what was interrupted, followers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Host;
use super::addition::Additions;
use super::journals::Journals;
use super::provisions::Provisions;
use super::storage;
use crate::autoscale;
use crate::config;
use crate::core::memory::Budget;
use crate::core::{ContextName, VersionDigest};
use crate::documents::PublicDocument;
use crate::events::{self, Events};
use crate::guest::{Engine, EngineOptions};
use crate::invocation::{
    Context, Contexts, Failure, HostEvents, Invoker, Safeguards, Suspicions, faults, kept_secret,
    resumption, stored_generation, undoing::undo_task,
};
use crate::journal::{self, CommitError};
use crate::manifest::{CurrentManifest, HOST_SOURCE, Manifest};
use crate::nats::{self, Bridge};
use crate::rollout::{
    self, Boot, BootError, Compiler, Deployer, Occasion, Shipped, Strictness, rebuild,
};
use crate::versions::{CurrentWiring, Wiring};

/// How long after a start commits of a context wait for an invocation that could not be run in another way than before.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// How many contexts are brought up at once.
const BOOTS: usize = 16;

/// What an app is started with besides its manifest.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The component of each context; a context without one does not serve.
    pub components: BTreeMap<ContextName, Shipped>,
    /// How instances are made.
    pub engine: EngineOptions,
    /// What keeps the promises of sagas.
    pub safeguards: Safeguards,
    /// The program that compiles what is uploaded, in a process of its own; none has it compiled in this one.
    pub compiler: Option<PathBuf>,
    /// Whether a component that is refused stops the start. Where that is lenient, what served before serves on, or its context is down.
    pub strictness: Strictness,
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
        context: ContextName,
    },
    /// A component is loaded.
    Loaded {
        /// Its context.
        context: ContextName,
        /// Its digest.
        digest: VersionDigest,
    },
    /// Requests that the last stop interrupted are driven to their end.
    Resuming {
        /// How many.
        count: usize,
    },
}

/// How many probes there are at once; more wait for one another.
const MOST_PROBES: u32 = 256;
/// How many contexts may be added before their probes wait for those of others.
const ADDED: usize = 16;

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
    Boot(#[from] BootError),
    /// What was interrupted cannot be read.
    #[error("what the last stop interrupted could not be resumed: {0}")]
    Recovery(#[from] Failure),
    /// The host's own journal takes nothing.
    #[error("the host cannot write to its own journal: {0}")]
    Own(#[from] CommitError),
    /// A thread of the start-up ended without an answer.
    #[error("the host was stopped while it was starting")]
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
        let opening = tokio::task::spawn_blocking(move || {
            let as_written = Arc::new(manifest.clone());
            let mut manifest = manifest;
            storage::divide(&mut manifest);
            let journals = Journals::open(&manifest)?;
            Ok::<_, journal::Error>((manifest, as_written, journals))
        });
        let (manifest, as_written, journals) =
            opening.await.map_err(|_| StartError::CutShort)??;
        let instances = manifest.host.instances;
        let engine = Engine::new(EngineOptions {
            instances: instances.unwrap_or(options.engine.instances),
            // Of what serves, and of what is to serve: a context that hangs takes none from another.
            probes: u32::try_from(2 * (manifest.contexts.len() + ADDED))
                .map_or(MOST_PROBES, |probes| probes.min(MOST_PROBES)),
            ..options.engine
        });
        let engine = engine.map_err(StartError::Engine)?;
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let wiring = Arc::new(CurrentWiring::default());
        let memory = manifest.host.memory();
        // Answers are only kept in order to be quick: most of it is for invocations.
        let answers = Budget::new(memory / 4);
        let for_invocations = Budget::new(memory - answers.limit());
        let guests_memory = for_invocations.guests(manifest.host.guests_memory());
        let own = journals.ledgers.own.get(HOST_SOURCE);
        let own = own.ok_or(journal::Error::Closed)?;
        let id_secret = kept_secret(&own).await?;
        let provisions = Provisions {
            wiring: wiring.clone(),
            engine: engine.clone(),
            answers: answers.clone(),
            id_secret: Arc::new(id_secret),
            guests_memory: guests_memory.clone(),
            slots_wanted: Arc::default(),
        };
        let contexts = contexts(&manifest, &journals, &tasks, &shutdown, &provisions).await?;
        let (host_events, writer) = HostEvents::new();
        if let Some(ledger) = journals.ledgers.own.get(HOST_SOURCE) {
            tasks.spawn(writer.run(ledger, shutdown.clone()));
        }
        let invoker = Arc::new(Invoker {
            host_events,
            suspicions: Suspicions::default(),
            guests_memory,
            memory: for_invocations,
            max_payload: manifest.nats.as_ref().map(|nats| nats.max_payload),
            ledgers: journals.ledgers.clone(),
            safeguards: options.safeguards,
            shutdown: shutdown.clone(),
            tasks: tasks.clone(),
            contexts,
            wiring,
        });
        let events = Arc::new(Events::new(&invoker, &as_written));
        let compiler = Compiler::new(options.compiler);
        let manifest = Arc::new(CurrentManifest::new(as_written));
        let host = Arc::new(Self {
            deployer: Arc::new(Deployer::new(
                &events, &manifest, engine, compiler, &directory,
            )),
            nats: Arc::new(Bridge::new(&invoker, &manifest)),
            autoscalers: Arc::default(),
            provisions,
            additions: Additions::default(),
            public_document: PublicDocument::default(),
            events,
            invoker,
            manifest,
            answers,
            shutdown,
            tasks,
            journals,
        });
        host.deployer.tidy().await;
        let (components, strictness) = (&options.components, options.strictness);
        if let Err(error) = host.bring_up(components, strictness, &progress).await {
            host.stop().await;
            return Err(error);
        }
        Ok(host)
    }

    async fn bring_up(
        self: &Arc<Self>,
        components: &BTreeMap<ContextName, Shipped>,
        strictness: Strictness,
        progress: &(impl Fn(Progress) + Send + Sync),
    ) -> Result<(), StartError> {
        let deployer = &self.deployer;
        let contexts = self.contexts();
        let named = contexts.iter().filter_map(|(name, context)| {
            let shipped = components.get(name)?;
            Some(async move {
                progress(Progress::Loading {
                    context: name.clone(),
                });
                rollout::boot(deployer, context, shipped, Occasion::Start).await
            })
        });
        // Each waits for the disk several times; those that wait together wait once.
        let boots = stream::iter(named).buffered(BOOTS);
        let mut boots: Vec<Boot> = boots.try_collect().await?;
        rollout::open(deployer, &mut boots, strictness).await?;
        for boot in &boots {
            if let Some(version) = boot.version() {
                progress(Progress::Loaded {
                    context: boot.context.name.clone(),
                    digest: version.digest,
                });
            }
        }
        for context in self.contexts().keys() {
            for what in rollout::missing_dependencies(deployer, context) {
                tracing::warn!(context = context.as_str(), what, "a dependency is missing");
            }
        }
        self.resume(progress)?;
        for boot in boots {
            boot.resume(deployer).await;
        }
        Ok(())
    }

    /// Takes up what the last stop interrupted, and starts what runs in the background.
    fn resume(
        self: &Arc<Self>,
        progress: &(impl Fn(Progress) + Send + Sync),
    ) -> Result<(), StartError> {
        let mut resumptions = Vec::new();
        for context in self.contexts().values() {
            resumptions.extend(resumption::unfinished(&self.invoker, context)?);
        }
        if !resumptions.is_empty() {
            progress(Progress::Resuming {
                count: resumptions.len(),
            });
        }
        for context in self.contexts().values() {
            rebuild::clear(&self.deployer, context)?;
        }
        events::start(&self.events)?;
        nats::start(&self.nats);
        rollout::start_healing(&self.deployer);
        for resumption in resumptions {
            self.tasks.spawn(resumption.run());
        }
        for context in self.contexts().values() {
            self.start_for(context);
        }
        self.tasks.spawn(autoscale::run(
            self.invoker.clone(),
            self.deployer.clone(),
            self.autoscalers.clone(),
            self.provisions.slots_wanted.clone(),
            self.manifest().host.instances(),
        ));
        Ok(())
    }

    /// Starts what runs for one context besides what follows events and asks how it is.
    pub(super) fn start_for(&self, context: &Arc<Context>) {
        let invoker = &self.invoker;
        self.tasks
            .spawn(undo_task::run(invoker.clone(), context.clone()));
        self.tasks
            .spawn(release_holds(invoker.clone(), context.clone()));
        faults::tell_at_start(invoker, context);
    }
}

/// Lets everybody commit again who waits for an invocation of an earlier process that nobody has brought again.
async fn release_holds(invoker: Arc<Invoker>, context: Arc<Context>) {
    tokio::select! {
        () = invoker.shutdown.cancelled() => {}
        () = tokio::time::sleep(LONGEST_HOLD) => context.commits.release_left(),
    }
}

/// The contexts, each with its journal and its live configuration, still without versions.
async fn contexts(
    manifest: &Manifest,
    journals: &Journals,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
    provisions: &Provisions,
) -> Result<Contexts, StartError> {
    let mut contexts = Vec::new();
    let mut generations = Vec::new();
    let file = manifest.file.as_deref();
    let stop = shutdown.child_token();
    let configs = config::Live::start(&manifest.contexts, file, tasks, stop).await;
    for (name, settings) in &manifest.contexts {
        let (Some(ledger), Some(config)) = (journals.ledgers.own.get(name), configs.get(name))
        else {
            continue;
        };
        generations.push((name.clone(), stored_generation(&ledger)?));
        let context = provisions.context(name, settings, &ledger, config);
        contexts.push((name.clone(), context));
    }
    let empty = Wiring::empty(generations);
    provisions.wiring.begin_with(empty);
    Ok(contexts.into_iter().collect())
}
