//! Contexts that are added to the manifest while the host runs: they are brought in, without a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::app_flags::ServeFlags;
use super::components;
use super::failure::Failure;
use super::shipped;
use crate::app::{Added, Host};
use crate::build::Options;
use crate::core::{Backoff, ContextName};
use crate::manifest::Manifest;
use crate::observe::sanitize::{SENTENCE, shown};

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_millis(250);
/// The pauses before what was refused is tried again though no file has changed: what it lacks may have come in another way.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What files look like from outside: when each was written, and its size; none where there is none.
type Looks = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

/// Adds what is added to the manifest, until the host stops.
pub(super) fn take_up(host: &Arc<Host>, flags: ServeFlags) {
    let additions = Additions {
        host: host.clone(),
        flags,
        is_refused: false,
        lacking: BTreeSet::new(),
        told: Vec::new(),
    };
    let shutdown = host.shutdown.clone();
    host.tasks.spawn(async move {
        shutdown.run_until_cancelled(additions.run()).await;
    });
}

/// Adds the contexts that only `wanted` has, as far as they fit.
pub(super) async fn add(host: &Arc<Host>, wanted: &Manifest, options: &Options) -> Added {
    let holds = host.manifest();
    let new: BTreeSet<ContextName> = holds.new_in(wanted).cloned().collect();
    let mut added = Added::default();
    let mut files = BTreeMap::new();
    for name in &new {
        match component(wanted, name, options) {
            Ok(file) => files.extend(file.map(|file| (name.clone(), file))),
            Err(failure) => drop(added.refused.insert(name.clone(), failure.to_string())),
        }
    }
    let mut named = new;
    named.retain(|name| !added.refused.contains_key(name));
    let components = shipped::components_of(wanted, &named, files, |resolved| {
        let (context, digest) = (resolved.context, resolved.obtained.digest);
        tracing::info!(context = context.as_str(), reference = %resolved.reference, %digest, "resolved");
    });
    let components = components.await;
    let missing = components.iter().filter(|(_, one)| one.is_missing());
    let mut missing: Vec<_> = missing.map(|(name, _)| name.clone()).collect();
    let Added { serve, refused } = host.add(wanted, components).await;
    // What served before serves in its place.
    missing.retain(|name| serve.contains_key(name));
    shipped::keep_fetching(host, missing);
    added.serve = serve;
    added.refused.extend(refused);
    added
}

/// The file of a context's component, if it is one.
fn component(
    manifest: &Manifest,
    name: &ContextName,
    options: &Options,
) -> Result<Option<PathBuf>, Failure> {
    let mut only = manifest.clone();
    only.contexts.retain(|other, _| other == name);
    Ok(components::files(&only, options)?.remove(name))
}

struct Additions {
    host: Arc<Host>,
    flags: ServeFlags,
    /// Whether something was refused.
    is_refused: bool,
    /// The components of that.
    lacking: BTreeSet<PathBuf>,
    /// What was said of the manifest when it was read last.
    told: Vec<String>,
}

impl Additions {
    async fn run(mut self) {
        let mut handled: Option<Looks> = None;
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut again: Option<Instant> = None;
        loop {
            let mut looks = self.settled().await;
            let is_changed = handled.as_ref() != Some(&looks);
            if is_changed {
                backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
            }
            if is_changed || again.is_some_and(|again| again <= Instant::now()) {
                self.read().await;
                again = self
                    .is_refused
                    .then(|| Instant::now() + backoff.next_pause());
                // Of what is looked at from now on; the rest as it was before it was read.
                let mut now = self.look().await;
                for (file, look) in &mut now {
                    if let Some(before) = looks.remove(file) {
                        *look = before;
                    }
                }
                handled = Some(now);
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// How the files look when nobody is writing them.
    async fn settled(&self) -> Looks {
        let mut before = self.look().await;
        loop {
            tokio::time::sleep(PERIOD / 5).await;
            let now = self.look().await;
            if now == before {
                return now;
            }
            before = now;
        }
    }

    async fn look(&self) -> Looks {
        let manifest = [self.flags.app.manifest.clone()];
        let files: BTreeSet<PathBuf> = manifest.into_iter().chain(self.lacking.clone()).collect();
        let looking = tokio::task::spawn_blocking(move || {
            let look = |file: PathBuf| {
                let metadata = std::fs::metadata(&file).ok();
                let look = metadata.and_then(|found| Some((found.modified().ok()?, found.len())));
                (file, look)
            };
            files.into_iter().map(look).collect()
        });
        looking.await.unwrap_or_default()
    }

    /// Reads the manifest, adds what is new in it, and says what else is.
    async fn read(&mut self) {
        let flags = self.flags.clone();
        let loading = tokio::task::spawn_blocking(move || flags.load());
        let notices = match loading.await.unwrap_or(Err(Failure::Interrupted)) {
            Ok(wanted) => self.take(&wanted).await,
            Err(failure) => {
                self.is_refused = false;
                self.lacking.clear();
                vec![format!(
                    "the manifest cannot be read, and nothing of it is taken: {failure}"
                )]
            }
        };
        for notice in notices.iter().filter(|notice| !self.told.contains(notice)) {
            tracing::warn!("{}", shown(notice, SENTENCE));
        }
        self.told.clone_from(&notices);
        self.host.note_of_manifest(notices);
    }

    /// Adds what is new, and says what is not taken.
    async fn take(&mut self, wanted: &Manifest) -> Vec<String> {
        let options = Options::default();
        let left = self.host.manifest().needs_a_start_for(wanted);
        let left = left.iter().map(ToString::to_string);
        let Added { serve, refused } = add(&self.host, wanted, &options).await;
        for (context, digest) in &serve {
            tracing::info!(context = context.as_str(), %digest, "added, and serves");
        }
        self.is_refused = !refused.is_empty();
        let lacking = refused.keys();
        let lacking = lacking.filter_map(|name| component(wanted, name, &options).ok()?);
        self.lacking = lacking.collect();
        left.chain(refused.iter().map(not_added)).collect()
    }
}

/// One line about a context that is not added.
pub(super) fn not_added((context, why): (&ContextName, &String)) -> String {
    format!("context {context} is not added: {why}")
}
