//! The components that the manifest names, at hand: those in registries are fetched, or are kept from an earlier start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::sought_signatures::sought;
use crate::app::Host;
use crate::core::{Backoff, ContextName, human_duration};
use crate::manifest::{Manifest, OciReference};
use crate::registry::{Addressee, KeptCopies, Named, Obtained, Registries, RegistryError};
use crate::rollout::{self, Outcome, Shipped};

/// How many components are fetched at once.
const AT_ONCE: usize = 4;
/// How long those that are fetched together may take; nothing serves before, at a start.
const FETCHING: Duration = Duration::from_secs(120);
/// The pauses before what could not be fetched is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a reference in the manifest was resolved to.
pub(super) struct Resolved<'a> {
    pub context: &'a ContextName,
    pub reference: &'a OciReference,
    pub obtained: &'a Obtained,
}

/// What fetches the components of an app.
struct Fetcher<'a> {
    manifest: &'a Manifest,
    copies: KeptCopies,
    registries: Registries,
}

impl<'a> Fetcher<'a> {
    fn new(manifest: &'a Manifest) -> Self {
        Self {
            manifest,
            copies: KeptCopies::of(&manifest.journal.directory),
            registries: Registries::new(manifest.registries.clone()),
        }
    }

    /// What a context has in a registry; none where it has its component elsewhere.
    fn reference(&self, context: &ContextName) -> Option<&'a OciReference> {
        let settings = self.manifest.contexts.get(context)?;
        settings.component.as_ref()?.reference()
    }

    async fn obtain(
        &self,
        context: &ContextName,
        reference: &OciReference,
        until: Instant,
    ) -> Result<Obtained, RegistryError> {
        let rollout = &self.manifest.rollout;
        let whom = Addressee {
            app: Some(self.manifest.app.name.clone()),
            context: Some(context.to_string()),
        };
        let sought = sought(Some(self.manifest), whom);
        // What is named by its digest is the manifest's word.
        let is_own_word = reference.digest.is_some() && !rollout.require_shipped_signature;
        let named = Named {
            context,
            reference,
            sought: &sought,
            needs_signature: rollout.require_signature && !is_own_word,
            largest: rollout.max_size,
            until,
        };
        let obtained = self.copies.obtain(&self.registries, named).await?;
        for note in &obtained.notes {
            tracing::warn!(context = context.as_str(), %reference, "{note}");
        }
        Ok(obtained)
    }
}

/// The component of each context: the files that there are, and what is named in registries. What cannot be fetched is said to be missing, with the reason.
pub(super) async fn components(
    manifest: &Manifest,
    files: BTreeMap<ContextName, PathBuf>,
    tell: impl Fn(Resolved<'_>),
) -> BTreeMap<ContextName, Shipped> {
    let fetcher = Fetcher::new(manifest);
    let contexts = manifest.contexts.keys();
    let kept = contexts.filter(|context| fetcher.reference(context).is_some());
    let kept: BTreeSet<_> = kept.cloned().collect();
    fetcher.copies.keep_only(kept.clone()).await;
    components_of(manifest, &kept, files, tell).await
}

/// The component of some contexts, likewise. What is kept for others stays.
pub(super) async fn components_of(
    manifest: &Manifest,
    contexts: &BTreeSet<ContextName>,
    files: BTreeMap<ContextName, PathBuf>,
    tell: impl Fn(Resolved<'_>),
) -> BTreeMap<ContextName, Shipped> {
    let fetcher = &Fetcher::new(manifest);
    let until = Instant::now() + FETCHING;
    let mut obtaining = Vec::new();
    for context in contexts {
        if let Some(reference) = fetcher.reference(context) {
            obtaining.push(async move {
                let obtained = fetcher.obtain(context, reference, until).await;
                (context, reference, obtained)
            });
        }
    }
    let mut obtained = stream::iter(obtaining).buffer_unordered(AT_ONCE);
    let files = files.into_iter();
    let mut components: BTreeMap<_, _> = files
        .map(|(context, file)| (context, Shipped::File(file)))
        .collect();
    while let Some((context, reference, obtained)) = obtained.next().await {
        let shipped = match obtained {
            Ok(obtained) => {
                tell(Resolved {
                    context,
                    reference,
                    obtained: &obtained,
                });
                Shipped::File(obtained.file)
            }
            Err(error) => Shipped::Missing {
                reason: missing(context, reference, &error, FIRST_PAUSE),
            },
        };
        components.insert(context.clone(), shipped);
    }
    components
}

/// Fetches what is missing, again and again with ever longer pauses, until it is there, another version has been brought, or the host stops. What has come is rolled
/// out.
pub(super) fn keep_fetching(host: &Arc<Host>, missing: Vec<ContextName>) {
    if missing.is_empty() {
        return;
    }
    let at_host = host.clone();
    host.tasks.spawn(async move {
        let fetching = fetch_until_none_is_missing(&at_host, missing);
        at_host.shutdown.run_until_cancelled(fetching).await;
    });
}

async fn fetch_until_none_is_missing(host: &Arc<Host>, mut missing: Vec<ContextName>) {
    let manifest = host.manifest();
    let fetcher = &Fetcher::new(&manifest);
    let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut pause = pauses.next_pause();
    while !missing.is_empty() {
        tokio::time::sleep(pause).await;
        pause = pauses.next_pause();
        let until = Instant::now() + FETCHING;
        let trying = missing.into_iter().map(|context| async move {
            let is_missing = try_again(host, fetcher, &context, until, pause).await;
            is_missing.then_some(context)
        });
        let tried = stream::iter(trying).buffer_unordered(AT_ONCE);
        missing = tried.filter_map(std::future::ready).collect().await;
    }
}

/// Whether it is still to be fetched, after it was tried once more; the next time is after `pause`.
async fn try_again(
    host: &Arc<Host>,
    fetcher: &Fetcher<'_>,
    name: &ContextName,
    until: Instant,
    pause: Duration,
) -> bool {
    let (Some(context), Some(reference)) = (host.context(name), fetcher.reference(name)) else {
        return false;
    };
    let rollouts = host.deployer.rollouts(&context);
    if rollouts.refused().is_none() {
        return false;
    }
    let file = match fetcher.obtain(name, reference, until).await {
        Ok(obtained) => obtained.file,
        Err(error) => return rollouts.still_refused(missing(name, reference, &error, pause)),
    };
    // Somebody may have brought another version while it was fetched.
    if rollouts.refused().is_none() {
        return false;
    }
    let rollout = match rollout::bring_late(&host.deployer, &context, file).await {
        Ok(rollout) => rollout,
        // Another one may be under way.
        Err(error) => return rollouts.still_refused(missing(name, reference, &error, pause)),
    };
    tracing::info!(context = name.as_str(), %reference, "the component has come, and is rolled out");
    let why = match rollout::verdict(&rollout).await.outcome {
        Some(Outcome::Refused(refusal)) => refusal.to_string(),
        Some(Outcome::Aborted { reason }) => reason,
        _ => return false,
    };
    // To fetch it again would not help.
    rollouts.still_refused(format!("{reference}: {why}"));
    false
}

/// Why a component is not there, and what becomes of that.
fn missing(
    context: &ContextName,
    reference: &OciReference,
    error: &impl std::fmt::Display,
    pause: Duration,
) -> String {
    let pause = human_duration(Duration::from_secs(pause.as_secs().saturating_add(1)));
    format!(
        "{reference}: {error}; it is tried again within {pause}, or bring it with `innkeeper deploy {context} {reference}`"
    )
}
