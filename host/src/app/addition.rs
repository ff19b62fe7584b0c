//! Adding contexts to an app that runs, as its manifest names them by now.
//!
//! What is added is prepared apart: its journal is opened, its configuration read, its component brought through the gates. Only when it can serve is it entered where
//! contexts are looked up: its context, its journal once nothing can fail any more, the manifest, and last the wiring, which leads to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::Host;
use super::journals::sources;
use super::storage;
use crate::config;
use crate::core::{ContextName, VersionDigest};
use crate::events;
use crate::invocation::{Context, Resumption, resumption};
use crate::journal::Ledger;
use crate::manifest::{ContextSettings, Manifest};
use crate::nats;
use crate::rollout::{self, Boot, BootError, Joined, Occasion, Shipped, rebuild};

/// How many contexts are brought up at once, beside those that serve.
const BOOTS: usize = 4;

/// The additions of an app: one at a time.
#[derive(Default)]
pub(super) struct Additions {
    turn: tokio::sync::Mutex<()>,
    /// What an operator should know of the manifest.
    notices: Mutex<Vec<String>>,
}

/// What came of contexts that were to be added.
#[derive(Debug, Default)]
pub struct Added {
    /// They serve, with these versions.
    pub serve: BTreeMap<ContextName, VersionDigest>,
    /// They do not, for these reasons, and everything else is as it was.
    pub refused: BTreeMap<ContextName, String>,
}

/// A context that is to be added, of which nobody knows yet.
struct Candidate {
    context: Arc<Context>,
    /// What the manifest says of it.
    settings: ContextSettings,
    /// The journals of what it follows outside.
    outside: Vec<(ContextName, Arc<Ledger>)>,
    shipped: Shipped,
    /// Ends that its configuration is read.
    stop: CancellationToken,
}

impl Host {
    /// Adds the contexts of `wanted` that have a component here and are not part of the app yet. What does not fit is refused. Whatever else is another in `wanted` is
    /// left for the next start.
    pub async fn add(
        self: &Arc<Self>,
        wanted: &Manifest,
        components: BTreeMap<ContextName, Shipped>,
    ) -> Added {
        let _turn = self.additions.turn.lock().await;
        let mut added = Added::default();
        let before = self.manifest();
        let mut manifest = before.clone();
        let mut candidates = BTreeMap::new();
        for (name, shipped) in components {
            let Some(settings) = wanted.contexts.get(&name) else {
                continue;
            };
            if before.contexts.contains_key(&name) {
                continue;
            }
            match before_boot(self, &manifest, &name, settings, shipped).await {
                Ok((with_it, candidate)) => {
                    manifest = with_it;
                    candidates.insert(name, candidate);
                }
                Err(reason) => drop(added.refused.insert(name, reason)),
            }
        }
        let boots = self.boot(&candidates, &mut added).await;
        let mut resumptions = Vec::new();
        let joining = rollout::join(&self.deployer, boots, &manifest.contexts, |boots| {
            resumptions.clear();
            self.enter(boots, &candidates, &mut resumptions)
        });
        let Joined { boots, refused } = joining.await;
        for error in &refused {
            added.refuse(error);
        }
        for name in added.refused.keys() {
            if let Some(candidate) = candidates.get(name) {
                candidate.stop.cancel();
            }
        }
        self.begin(&boots, &before, resumptions).await;
        for boot in boots {
            let digest = boot.version().map(|version| version.digest);
            let name = boot.context.name.clone();
            added.serve.extend(digest.map(|digest| (name, digest)));
            boot.resume(&self.deployer).await;
        }
        added
    }

    /// What an operator should know of the manifest as it is by now: why a context is not added, what is left for the next start.
    pub fn manifest_notices(&self) -> Vec<String> {
        self.additions.notices.lock().clone()
    }

    /// Notes what an operator should know of the manifest as it is by now.
    pub fn note_of_manifest(&self, notices: Vec<String>) {
        *self.additions.notices.lock() = notices;
    }

    /// Has what each starts with pass the gates at which it is looked at alone.
    async fn boot(
        &self,
        candidates: &BTreeMap<ContextName, Candidate>,
        added: &mut Added,
    ) -> Vec<Boot> {
        let deployer = &self.deployer;
        let mut booting = Vec::new();
        for Candidate {
            context, shipped, ..
        } in candidates.values()
        {
            let occasion = Occasion::Addition;
            booting.push(rollout::boot(deployer, context, shipped, occasion));
        }
        let booted: Vec<_> = stream::iter(booting).buffered(BOOTS).collect().await;
        let mut boots = Vec::new();
        for booted in booted {
            match booted {
                Ok(boot) => boots.push(boot),
                Err(error) => added.refuse(&error),
            }
        }
        boots
    }

    /// Makes them known. What a former process interrupted in them is found before their first request can come.
    fn enter(
        &self,
        boots: &[Boot],
        candidates: &BTreeMap<ContextName, Candidate>,
        resumptions: &mut Vec<Resumption>,
    ) -> Result<(), (usize, BootError)> {
        let contexts = || boots.iter().map(|boot| &boot.context);
        let invoker = &self.invoker;
        let outside = contexts().filter_map(|context| candidates.get(&context.name));
        let outside = outside.flat_map(|candidate| candidate.outside.iter().cloned());
        invoker.ledgers.outside.enter(outside);
        let named = contexts().map(|context| (context.name.clone(), context.clone()));
        invoker.contexts.enter(named);
        for (place, context) in contexts().enumerate() {
            match resumption::unfinished(invoker, context) {
                Ok(unfinished) => resumptions.extend(unfinished),
                Err(failure) => {
                    let names = || contexts().map(|context| &context.name);
                    invoker.contexts.take_out(names());
                    let failed = BootError::Failed {
                        context: context.name.clone(),
                        reason: failure.to_string(),
                    };
                    return Err((place, failed));
                }
            }
        }
        // Whoever reads all journals begins with these, and goes on: they are known when nothing can fail any more.
        let own = contexts().map(|context| (context.name.clone(), context.ledger.clone()));
        invoker.ledgers.own.enter(own);
        let mut manifest = Manifest::clone(&self.manifest());
        for context in contexts() {
            let candidate = candidates.get(&context.name);
            let settings = candidate.map(|candidate| candidate.settings.clone());
            let named = settings.map(|settings| (context.name.clone(), settings));
            manifest.contexts.extend(named);
        }
        self.manifest.replace(Arc::new(manifest));
        Ok(())
    }

    /// Starts what runs for them in the background, and has those follow them that waited for it.
    async fn begin(
        self: &Arc<Self>,
        boots: &[Boot],
        before: &Manifest,
        resumptions: Vec<Resumption>,
    ) {
        self.deployer.grow(boots.len());
        // At once: whatever is begun in them later is not to be taken for what was left.
        for context in boots.iter().map(|boot| &boot.context) {
            if let Err(error) = rebuild::clear(&self.deployer, context) {
                tracing::error!(context = context.name.as_str(), %error, "what an interrupted rebuild has left could not be removed");
            }
        }
        for context in boots.iter().map(|boot| &boot.context) {
            events::join(&self.events, context).await;
            rollout::start_healing_for(&self.deployer, context);
            self.start_for(context);
        }
        for resumption in resumptions {
            self.tasks.spawn(resumption.run());
        }
        let known = before.subscriptions();
        let mut subscriptions = self.manifest().subscriptions();
        subscriptions.retain(|subscription| !known.contains(subscription));
        nats::follow(&self.nats, subscriptions);
        if !boots.is_empty() {
            // Some may follow what was not there before.
            for context in self.contexts().values() {
                events::follow_as_described(&self.events, context).await;
            }
        }
    }
}

impl Added {
    fn refuse(&mut self, error: &BootError) {
        let (context, said) = (error.context(), error.to_string());
        // Whose it is, the map says.
        let said = said
            .strip_prefix(&format!("context {context}: "))
            .unwrap_or(&said);
        self.refused.insert(context.to_owned(), said.to_owned());
    }
}

/// Prepares a context: its place in the manifest, its journals, its configuration.
async fn before_boot(
    host: &Arc<Host>,
    manifest: &Arc<Manifest>,
    name: &ContextName,
    settings: &ContextSettings,
    shipped: Shipped,
) -> Result<(Arc<Manifest>, Candidate), String> {
    let with_it = manifest.with_context(name, settings)?;
    let (at_host, at_name) = (host.clone(), name.to_owned());
    let mut divided = with_it.clone();
    let new: Vec<_> = sources(&with_it)
        .difference(&sources(manifest))
        .cloned()
        .collect();
    let opening = tokio::task::spawn_blocking(move || {
        storage::divide(&mut divided);
        let settings = divided.contexts.remove(&at_name).unwrap_or_default();
        let ledger = at_host.journals.of_context(&at_name, &settings)?;
        let outside = new.into_iter().map(|source| {
            let ledger = at_host.journals.of_source(&source)?;
            Ok((source, ledger))
        });
        let outside = outside.collect::<Result<Vec<_>, crate::journal::Error>>();
        Ok::<_, crate::journal::Error>((settings, ledger, outside?))
    });
    let opened = opening.await.map_err(|_| "the host is stopping")?;
    let (shared, ledger, outside) = opened.map_err(|error| error.to_string())?;
    if ledger.durability() != host.journals.durability(settings) {
        return Err("its journal was opened with another `durability` before; restart the host, or set it back".to_owned());
    }
    let stop = host.shutdown.child_token();
    let contexts = BTreeMap::from([(name.to_owned(), settings.clone())]);
    let file = manifest.file.as_deref();
    let configs = config::Live::start(&contexts, file, &host.tasks, stop.clone()).await;
    let config = configs.get(name).ok_or("the host is stopping")?;
    let candidate = Candidate {
        context: host.provisions.context(name, &shared, &ledger, config),
        settings: settings.clone(),
        outside,
        shipped,
        stop,
    };
    Ok((Arc::new(with_it), candidate))
}
