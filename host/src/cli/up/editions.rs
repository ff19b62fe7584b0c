//! What is changed while the app serves: it is built, and swapped in as a new version.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::changes::Changes;
use crate::app::Host;
use crate::build::{self, Options};
use crate::cli::app_flags::ServeFlags;
use crate::cli::components;
use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::core::{VersionDigest, spoken};
use crate::manifest::{Manifest, Ramp};
use crate::observe::sanitize::{SENTENCE, shown};
use crate::rollout::{self, Outcome, Upload};

/// Who brings what was changed, in the history of versions.
const BY: &str = "up --watch";
/// How long a version may take to pass its gates and take over.
const TAKING_OVER: Duration = Duration::from_secs(120);

/// Brings in what is changed while the app serves.
pub(super) struct Editions {
    pub host: Arc<Host>,
    pub flags: ServeFlags,
    pub options: Options,
    pub progress: Arc<Progress>,
}

/// What a change comes to.
enum Change {
    /// Components may be others now.
    Components(BTreeMap<String, PathBuf>),
    /// The app is another one, which needs a start.
    App,
}

/// A component that is another than what was brought last.
struct Edition {
    context: String,
    file: PathBuf,
    digest: VersionDigest,
}

impl Editions {
    /// Brings in whatever is changed, until the app has to be started anew.
    pub async fn watch(self, mut changes: Changes) {
        let mut manifest = (*self.host.manifest).clone();
        changes.follow(&manifest, &self.options).await;
        let mut brought = BTreeMap::new();
        for (name, file) in components::files(&manifest, &self.options).unwrap_or_default() {
            brought.extend(digest(file).await.map(|digest| (name, digest)));
        }
        self.progress.say("watching for changes");
        loop {
            changes.next().await;
            let began = Instant::now();
            let changed = self.build(&mut manifest).await;
            self.progress.clear();
            match changed {
                Ok(Change::App) => return,
                Ok(Change::Components(files)) => self.bring(files, &mut brought, began).await,
                Err(failure) => {
                    self.progress.say(format_args!("error: {failure}"));
                    self.progress.say("what served before serves on");
                }
            }
            changes.follow(&manifest, &self.options).await;
        }
    }

    /// Reads the manifest again, and builds what is stale.
    async fn build(&self, manifest: &mut Manifest) -> Result<Change, Failure> {
        let flags = self.flags.clone();
        let loading = tokio::task::spawn_blocking(move || flags.load());
        *manifest = loading.await.map_err(|_| Failure::Interrupted)??;
        let sources = components::sources(manifest);
        let built = build::build(&sources, &self.options, |step| {
            if let build::Progress::Line(line) = step {
                self.progress.step(line.trim());
            }
        });
        built.await?;
        if needs_a_start(&self.host.manifest, manifest) {
            self.progress
                .say("the manifest has changed; starting anew, at the same ports");
            return Ok(Change::App);
        }
        Ok(Change::Components(components::files(
            manifest,
            &self.options,
        )?))
    }

    /// Swaps in what is another than what was brought last. What does not fit yet is tried again when another has been swapped in.
    async fn bring(
        &self,
        files: BTreeMap<String, PathBuf>,
        brought: &mut BTreeMap<String, VersionDigest>,
        began: Instant,
    ) {
        let mut editions = Vec::new();
        for (context, file) in files {
            let found = digest(file.clone()).await;
            let found = found.filter(|digest| brought.get(&context) != Some(digest));
            editions.extend(found.map(|digest| Edition {
                context,
                file,
                digest,
            }));
        }
        let mut left = usize::MAX;
        while editions.len() < left {
            left = editions.len();
            let mut refused = Vec::new();
            for edition in editions {
                match self.swap_in(&edition).await {
                    Ok(what) => {
                        let (name, took) = (&edition.context, spoken(began.elapsed()));
                        self.progress
                            .say(format_args!("  {name:<16} {what}, {took} after the change"));
                        brought.insert(edition.context, edition.digest);
                    }
                    Err(why) => refused.push((edition, why)),
                }
            }
            if refused.len() == left {
                for (Edition { context, .. }, why) in &refused {
                    let why = shown(why, SENTENCE);
                    self.progress.say(format_args!(
                        "error: {context}: {why}; what served before serves on"
                    ));
                }
            }
            editions = refused.into_iter().map(|(edition, _)| edition).collect();
        }
    }

    /// Has the component of a context take over, or says why not.
    async fn swap_in(&self, edition: &Edition) -> Result<String, String> {
        let Edition { context, file, .. } = edition;
        let Some(context) = self.host.context(context) else {
            return Err("it is not part of the app that runs".to_owned());
        };
        let reading = tokio::fs::read(file).await;
        let upload = Upload {
            bytes: reading.map_err(|error| format!("{}: {error}", file.display()))?,
            label: None,
            signature: None,
            // Whoever has changed it wants to see that, and nothing else.
            ramp: Some(Ramp::default()),
            step: None,
            dry_run: false,
            // What is changed back to what once failed is meant.
            force: true,
            by: BY.to_owned(),
            is_shipped: false,
        };
        let begun = rollout::begin(&self.host.deployer, context, upload).await;
        let rollout = begun.map_err(|error| error.to_string())?;
        let ending = rollout.until(|progress| progress.outcome.is_some());
        let ended = tokio::time::timeout(TAKING_OVER, ending).await;
        let ended = ended.map_err(|_| {
            format!(
                "it has not taken over within {}; `innkeeper status {}` shows how far it is",
                spoken(TAKING_OVER),
                context.name
            )
        })?;
        let number = ended.version.number;
        match ended.outcome {
            Some(Outcome::Current { .. }) => Ok(format!("version {number} serves")),
            Some(Outcome::Unchanged) => Ok(format!("version {number} serves already")),
            Some(Outcome::Refused(refusal)) => Err(format!(
                "rejected at the gate `{}`: {refusal}",
                refusal.gate.name()
            )),
            Some(Outcome::Aborted { reason }) => Err(reason),
            Some(Outcome::Passed) | None => Err("it does not serve".to_owned()),
        }
    }
}

/// Whether something is another than before that is not read while the app serves.
fn needs_a_start(before: &Manifest, now: &Manifest) -> bool {
    let read_once = |manifest: &Manifest| {
        let mut manifest = manifest.clone();
        manifest.admin.tokens.clear();
        for context in manifest.contexts.values_mut() {
            context.config = Default::default();
        }
        manifest
    };
    read_once(before) != read_once(now)
}

async fn digest(file: PathBuf) -> Option<VersionDigest> {
    let hashing = tokio::task::spawn_blocking(move || {
        let bytes = std::fs::read(file);
        bytes.map(|bytes| VersionDigest::of(&bytes))
    });
    hashing.await.ok()?.ok()
}
