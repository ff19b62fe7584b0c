//! What is changed while the app serves: it is built, and swapped in as a new version.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::changes::Changes;
use crate::app::Host;
use crate::build::{self, Options};
use crate::cli::additions;
use crate::cli::app_flags::ServeFlags;
use crate::cli::components;
use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::core::{ContextName, VersionDigest, human_duration};
use crate::manifest::{Manifest, Ramp};
use crate::observe::sanitize::{SENTENCE, shown};
use crate::rollout::{self, CompilePriority, Gate, Outcome, Upload};

/// Who brings what was changed, in the history of versions.
const BY: &str = "up --watch";
/// How often it is said that a version has not taken over yet. That it ends is the rollout's to see to.
const REMINDER: Duration = Duration::from_secs(120);

/// Brings in what is changed while the app serves.
pub(super) struct LiveUpdate {
    pub host: Arc<Host>,
    pub flags: ServeFlags,
    pub options: Options,
    pub progress: Arc<Progress>,
}

/// What a change comes to.
enum Change {
    /// Components may be others now.
    Components(BTreeMap<ContextName, PathBuf>),
    /// The app is another one, which needs a start.
    App,
}

/// A component that is another than what was brought last.
struct ChangedComponent {
    context: ContextName,
    file: PathBuf,
    digest: VersionDigest,
}

/// Why a component does not serve.
struct NotSwapped {
    why: String,
    /// Whether it would fit if other contexts were others.
    is_about_others: bool,
}

impl From<String> for NotSwapped {
    fn from(why: String) -> Self {
        Self {
            why,
            is_about_others: false,
        }
    }
}

impl LiveUpdate {
    /// Brings in whatever is changed, until the app has to be started anew: what is read only then has changed, or contexts that fit only together.
    pub async fn watch(self, mut changes: Changes) {
        let mut manifest = (*self.host.manifest()).clone();
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
                Ok(Change::Components(mut files)) => {
                    let holds = self.host.manifest();
                    files.retain(|name, _| holds.contexts.contains_key(name));
                    if self.bring(&files, &mut brought, began).await.is_break() {
                        return;
                    }
                    // What was refused may have waited for what is added.
                    if self.add(&manifest, &mut brought, began).await
                        && self.bring(&files, &mut brought, began).await.is_break()
                    {
                        return;
                    }
                }
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
        if !self.host.manifest().needs_a_start_for(manifest).is_empty() {
            self.progress
                .say("the manifest has changed; starting anew, at the same ports");
            return Ok(Change::App);
        }
        Ok(Change::Components(components::files(
            manifest,
            &self.options,
        )?))
    }

    /// Adds the contexts that are new; answers whether any of them serves.
    async fn add(
        &self,
        manifest: &Manifest,
        brought: &mut BTreeMap<ContextName, VersionDigest>,
        began: Instant,
    ) -> bool {
        let added = additions::add(&self.host, manifest, &self.options).await;
        let any_serves = !added.serve.is_empty();
        for (name, digest) in added.serve {
            let took = human_duration(began.elapsed());
            self.progress.say(format_args!(
                "  {name:<16} added, and serves, {took} after the change"
            ));
            brought.insert(name, digest);
        }
        let refused: Vec<_> = added.refused.iter().map(additions::not_added).collect();
        for notice in &refused {
            let notice = shown(notice, SENTENCE);
            self.progress.say(format_args!("error: {notice}"));
        }
        self.host.note_of_manifest(refused);
        any_serves
    }

    /// Swaps in what is another than what was brought last. What does not fit yet is tried again when another has been swapped in. Breaks where several wait
    /// for each other: a start looks at all of them at once.
    async fn bring(
        &self,
        files: &BTreeMap<ContextName, PathBuf>,
        brought: &mut BTreeMap<ContextName, VersionDigest>,
        began: Instant,
    ) -> ControlFlow<()> {
        let mut changed = Vec::new();
        for (context, file) in files {
            let found = digest(file.clone()).await;
            let found = found.filter(|digest| brought.get(context) != Some(digest));
            changed.extend(found.map(|digest| ChangedComponent {
                context: context.clone(),
                file: file.clone(),
                digest,
            }));
        }
        let mut left = usize::MAX;
        while changed.len() < left {
            left = changed.len();
            let mut refused = Vec::new();
            for component in changed {
                match self.swap_in(&component).await {
                    Ok(what) => {
                        let (name, took) = (&component.context, human_duration(began.elapsed()));
                        self.progress
                            .say(format_args!("  {name:<16} {what}, {took} after the change"));
                        brought.insert(component.context, component.digest);
                    }
                    Err(why) => refused.push((component, why)),
                }
            }
            if refused.len() == left {
                for (ChangedComponent { context, .. }, NotSwapped { why, .. }) in &refused {
                    let why = shown(why, SENTENCE);
                    self.progress.say(format_args!(
                        "error: {context}: {why}; what served before serves on"
                    ));
                }
                if refused.len() > 1 && refused.iter().all(|(_, why)| why.is_about_others) {
                    self.progress
                        .say("they may fit together; starting anew, at the same ports");
                    return ControlFlow::Break(());
                }
            }
            changed = refused
                .into_iter()
                .map(|(component, _)| component)
                .collect();
        }
        ControlFlow::Continue(())
    }

    /// Has the component of a context take over, or says why not.
    async fn swap_in(&self, component: &ChangedComponent) -> Result<String, NotSwapped> {
        let ChangedComponent { context, file, .. } = component;
        let Some(context) = self.host.context(context) else {
            return Err(String::from("it is not part of the app that runs").into());
        };
        let reading = tokio::fs::read(file).await;
        let upload = Upload {
            bytes: reading.map_err(|error| format!("{}: {error}", file.display()))?,
            label: None,
            signature: None,
            // Whoever has changed it wants to see that, and nothing else.
            ramp: Some(Ramp::default()),
            step: None,
            expect_slower: None,
            dry_run: false,
            // What is changed back to what once failed is meant.
            force: true,
            by: BY.to_owned(),
            is_shipped: false,
            // Its author waits for it.
            priority: CompilePriority::Foreground,
        };
        let begun = rollout::begin(&self.host.deployer, &context, upload).await;
        let rollout = begun.map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let mut ending = pin!(rollout.until(|progress| progress.outcome.is_some()));
        let ended = loop {
            match tokio::time::timeout(REMINDER, &mut ending).await {
                Ok(ended) => break ended,
                Err(_) => self.progress.say(format_args!(
                    "  {:<16} has not taken over after {}; `innkeeper status {0}` shows how far it is",
                    context.name,
                    human_duration(begun.elapsed())
                )),
            }
        };
        let number = ended.version.number;
        match ended.outcome {
            Some(Outcome::Current { .. }) => Ok(format!("version {number} serves")),
            Some(Outcome::Unchanged) => Ok(format!("version {number} serves already")),
            Some(Outcome::Refused(refusal)) => Err(NotSwapped {
                is_about_others: [Gate::Imports, Gate::Consumers, Gate::Events]
                    .contains(&refusal.gate),
                why: refusal.to_string(),
            }),
            Some(Outcome::Aborted { reason }) => Err(reason.into()),
            Some(Outcome::Passed) | None => Err(String::from("it does not serve").into()),
        }
    }
}

async fn digest(file: PathBuf) -> Option<VersionDigest> {
    let hashing = tokio::task::spawn_blocking(move || {
        let bytes = std::fs::read(file);
        bytes.map(|bytes| VersionDigest::of(&bytes))
    });
    hashing.await.ok()?.ok()
}
