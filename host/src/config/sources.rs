//! Where a context's values come from: the app's manifest, and a directory that overrides it.

use std::{
    cell::OnceCell,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tracing::{info, warn};

use super::{Values, directory};
use crate::core::ContextName;
use crate::manifest::{ContextConfig, ContextSettings, Manifest};

/// The sources, and what was last read from them.
pub(super) struct Sources {
    context: ContextName,
    manifest: Option<Watched>,
    written: ContextConfig,
    /// The files of the secrets, by key.
    files: BTreeMap<String, Watched>,
    secrets: Values,
    directory: Option<Watched>,
    mounted: Values,
    seen: bool,
}

impl Sources {
    pub(super) fn new(
        context: &ContextName,
        settings: &ContextSettings,
        manifest: Option<&Path>,
    ) -> Self {
        Self {
            context: context.clone(),
            manifest: manifest.map(Watched::new),
            files: watched(&settings.config),
            written: settings.config.clone(),
            secrets: Values::new(),
            directory: settings.config_directory.as_deref().map(Watched::new),
            mounted: Values::new(),
            seen: false,
        }
    }

    /// The keys whose values are secret.
    pub(super) fn secret_keys(&self) -> impl Iterator<Item = String> {
        self.written.secrets.keys().cloned()
    }

    /// Whether it is worth to look again.
    pub(super) fn can_change(&self) -> bool {
        self.manifest.is_some() || self.directory.is_some() || !self.files.is_empty()
    }

    /// The values, if they are not what they were.
    pub(super) fn look(&mut self, app: &Glance) -> Option<Values> {
        let mut changed = self.look_into_manifest(app);
        let context = &self.context;
        for (key, file) in &mut self.files {
            let Some(text) = file.look(context, Stamp::of_file, directory::value) else {
                continue;
            };
            let before = self.secrets.insert(key.clone(), text);
            changed |= before.as_ref() != self.secrets.get(key);
        }
        let directory = self.directory.as_mut();
        let files = directory
            .and_then(|watched| watched.look(context, Stamp::of_directory, directory::read));
        if let Some(files) = files.filter(|files| *files != self.mounted) {
            self.mounted = files;
            changed = true;
        }
        let first = !std::mem::replace(&mut self.seen, true);
        if changed && !first {
            info!(context = context.as_str(), "configuration changed");
        }
        (changed || first).then(|| {
            let mut values = self.written.values.clone();
            values.extend(self.secrets.clone());
            values.extend(self.mounted.clone());
            values
        })
    }

    /// Takes up what the manifest says by now; says whether that is something else than before.
    fn look_into_manifest(&mut self, app: &Glance) -> bool {
        let context = &self.context;
        let written = self.manifest.as_mut().and_then(|watched| {
            let stamp = |_: &Path| app.stamp();
            watched.look(context, stamp, |file| {
                let manifest = app.manifest().map_err(ToOwned::to_owned)?;
                let settings = manifest.contexts.get(context);
                settings
                    .map(|settings| settings.config.clone())
                    .ok_or_else(|| format!("{} no longer has a context {context}", file.display()))
            })
        });
        let Some(written) = written.filter(|written| *written != self.written) else {
            return false;
        };
        if written.secrets != self.written.secrets {
            self.files = watched(&written);
            self.secrets
                .retain(|key, _| written.secrets.contains_key(key));
        }
        self.written = written;
        true
    }
}

/// The files of the secrets that a manifest names.
fn watched(config: &ContextConfig) -> BTreeMap<String, Watched> {
    let files = config.secrets.iter();
    files
        .map(|(key, file)| (key.clone(), Watched::new(file)))
        .collect()
}

/// The app's manifest at one moment, read at most once for all contexts.
pub(super) struct Glance {
    file: Option<PathBuf>,
    stamp: OnceCell<Result<Stamp, (io::ErrorKind, String)>>,
    manifest: OnceCell<Result<Manifest, String>>,
}

impl Glance {
    pub(super) fn at(file: Option<&Path>) -> Self {
        Self {
            file: file.map(Path::to_owned),
            stamp: OnceCell::new(),
            manifest: OnceCell::new(),
        }
    }

    fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(""))
    }

    fn stamp(&self) -> io::Result<Stamp> {
        let stamp = self.stamp.get_or_init(|| {
            Stamp::of_file(self.file()).map_err(|error| (error.kind(), error.to_string()))
        });
        stamp
            .clone()
            .map_err(|(kind, error)| io::Error::new(kind, error))
    }

    fn manifest(&self) -> Result<&Manifest, &str> {
        let manifest = self
            .manifest
            .get_or_init(|| Manifest::load(self.file()).map_err(|error| error.to_string()));
        manifest.as_ref().map_err(String::as_str)
    }
}

/// A file or a directory, how it looked when it was read, and the complaint that was last made about it.
struct Watched {
    path: PathBuf,
    stamp: Option<(SystemTime, Stamp)>,
    complaint: Option<String>,
}

impl Watched {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            stamp: None,
            complaint: None,
        }
    }

    /// What `read` makes of it, if it may have changed. A fault is logged when it is a new one.
    fn look<T>(
        &mut self,
        context: &ContextName,
        stamp: impl Fn(&Path) -> io::Result<Stamp>,
        read: impl Fn(&Path) -> Result<T, String>,
    ) -> Option<T> {
        let now = SystemTime::now();
        let values = match stamp(&self.path) {
            Ok(stamp) => {
                if self
                    .stamp
                    .as_ref()
                    .is_some_and(|(then, old)| *old == stamp && stamp.is_older_than(*then))
                {
                    return None;
                }
                self.stamp = Some((now, stamp));
                read(&self.path)
            }
            Err(error) => {
                self.stamp = None;
                Err(format!("{}: {error}", self.path.display()))
            }
        };
        match values {
            Ok(values) => {
                self.complaint = None;
                Some(values)
            }
            Err(complaint) => {
                if self.complaint.as_ref() != Some(&complaint) {
                    warn!(
                        context = context.as_str(),
                        "the configuration was not changed: {complaint}"
                    );
                }
                self.complaint = Some(complaint);
                None
            }
        }
    }
}

/// What tells cheaply that files are as they were.
#[derive(Clone, PartialEq)]
struct Stamp(Vec<(PathBuf, SystemTime, u64)>);

impl Stamp {
    fn of_file(path: &Path) -> io::Result<Self> {
        Self::of([path.to_owned()])
    }

    fn of_directory(path: &Path) -> io::Result<Self> {
        Self::of(directory::files(path)?.into_iter().map(|(_, path)| path))
    }

    fn of(paths: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let stamp = |path: PathBuf| {
            let metadata = fs::metadata(&path)?;
            Ok((path, metadata.modified()?, metadata.len()))
        };
        paths
            .into_iter()
            .map(stamp)
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// Whether any change after `time` shows in the stamp: clocks of file systems are coarse, so a file written about then may have
    /// been written again within the same tick.
    fn is_older_than(&self, time: SystemTime) -> bool {
        const COARSE: Duration = Duration::from_secs(2);
        self.0
            .iter()
            .all(|(_, modified, _)| time.duration_since(*modified).is_ok_and(|age| age > COARSE))
    }
}
