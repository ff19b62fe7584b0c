//! Seeing that a file of an app has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::build::{self, Options, Source};
use crate::cli::components;
use crate::manifest::Manifest;

/// How often the files are looked at. A look takes some milliseconds.
const PERIOD: Duration = Duration::from_millis(200);

/// How much earlier a file may say that it was written than it was: file systems have a coarse clock.
const COARSE: Duration = Duration::from_millis(50);

/// What a file looks like from outside: when it was written, and its size; none when it is not there.
type Look = Option<(SystemTime, u64)>;

/// The files that an app is made of, as they were when they were looked at last.
pub(super) struct Changes {
    watched: Watched,
    seen: BTreeMap<PathBuf, Look>,
    /// When the last change was seen.
    since: SystemTime,
}

/// Where to look.
#[derive(Clone)]
struct Watched {
    sources: Vec<Source>,
    options: Options,
    named: BTreeSet<PathBuf>,
    /// Where the app's data is.
    data: PathBuf,
}

impl Changes {
    /// What changes from now on in an app.
    pub async fn since_now(manifest: &Manifest, options: &Options) -> Self {
        let watched = Watched::new(manifest, options);
        let since = SystemTime::now();
        Self {
            seen: watched.look().await,
            watched,
            since,
        }
    }

    /// Looks at the files of this app from now on, and at those that its build was found to need. What was changed since the last change was seen counts as new.
    pub async fn follow(&mut self, manifest: &Manifest, options: &Options) {
        self.watched = Watched::new(manifest, options);
        let now = self.watched.look().await;
        self.seen.retain(|file, _| now.contains_key(file));
        for (file, look) in now {
            let is_older = look.is_none_or(|(written, _)| written + COARSE <= self.since);
            if is_older {
                self.seen.entry(file).or_insert(look);
            }
        }
    }

    /// Waits until something has changed and stays as it is for a moment: an editor may write several files.
    pub async fn next(&mut self) {
        let before = self.seen.clone();
        loop {
            tokio::time::sleep(PERIOD).await;
            let since = SystemTime::now();
            let now = self.watched.look().await;
            let is_still = now == self.seen;
            self.seen = now;
            if is_still && self.seen != before {
                self.since = since;
                return;
            }
        }
    }
}

impl Watched {
    fn new(manifest: &Manifest, options: &Options) -> Self {
        let components = manifest.contexts.values();
        let components = components.filter_map(|context| {
            let file = context.component.as_ref()?.file()?;
            Some(file.to_owned())
        });
        Self {
            sources: components::sources(manifest),
            options: options.clone(),
            data: manifest.journal.directory.clone(),
            named: manifest.file.iter().cloned().chain(components).collect(),
        }
    }

    async fn look(&self) -> BTreeMap<PathBuf, Look> {
        let watched = self.clone();
        let looking = tokio::task::spawn_blocking(move || watched.look_now());
        looking.await.unwrap_or_default()
    }

    fn look_now(self) -> BTreeMap<PathBuf, Look> {
        let mut files = self.named;
        for source in &self.sources {
            // A package that cannot be read is said to be so by the build.
            files.extend(build::inputs(source, &self.options, &self.data).unwrap_or_default());
        }
        let look = |file: PathBuf| {
            let metadata = std::fs::metadata(&file).ok();
            let look = metadata.and_then(|found| Some((found.modified().ok()?, found.len())));
            (file, look)
        };
        files.into_iter().map(look).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An app of one file.
    fn app(file: &std::path::Path) -> Manifest {
        Manifest {
            file: Some(file.to_owned()),
            ..Manifest::default()
        }
    }

    #[tokio::test]
    async fn what_is_changed_while_it_is_built_is_seen_afterwards() {
        let home = tempfile::tempdir().unwrap();
        let (manifest, other) = (home.path().join("app.toml"), home.path().join("x.toml"));
        std::fs::write(&manifest, "").unwrap();
        let mut changes = Changes::since_now(&app(&manifest), &Options::default()).await;
        std::fs::write(&manifest, "changed").unwrap();
        changes.next().await;
        // While it is built, a file appears that the build needs.
        std::fs::write(&other, "new").unwrap();
        changes.follow(&app(&other), &Options::default()).await;
        let seen = tokio::time::timeout(Duration::from_secs(20), changes.next()).await;
        assert!(seen.is_ok(), "it was missed");
    }
}
