//! What a context starts with: what served before, unless the manifest names another component than it did then, and that passes.

mod choice;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::active_version::ActiveVersion;
use super::deployer::Deployer;
use super::history::{self, Because, Entry, History};
use super::refusal::{Gate, Refusal};
use super::upload::Upload;
use super::version_state::State;
use super::{healing, interrupted_rollout, signature_check, start, startup_probe};
use crate::core::{ContextName, VersionDigest};
use crate::invocation::Context;
use crate::journal::CommitError;
use crate::versions::Version;

use self::choice::Booting;

/// The component that the manifest names for a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shipped {
    /// It is in a file.
    File(PathBuf),
    /// It could not be fetched, and nothing of it is kept here.
    Missing {
        /// Why not.
        reason: String,
    },
}

impl Shipped {
    /// Whether it could not be fetched.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    /// Its file; where it is missing, a path at which nothing can be.
    fn file(&self) -> &Path {
        match self {
            Self::File(file) => file,
            Self::Missing { .. } => Path::new(""),
        }
    }
}

/// Why a context cannot start.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BootError {
    /// The file cannot be read.
    #[error("context {context}: cannot read {}: {reason}; `innkeeper build` makes it", file.display())]
    Unreadable {
        /// The context.
        context: ContextName,
        /// The component's file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It could not be fetched.
    #[error("context {context}: {reason}")]
    Missing {
        /// The context.
        context: ContextName,
        /// Why not.
        reason: String,
    },
    /// It does not pass a gate.
    #[error("context {context}: {}: {refusal}", file.display())]
    Refused {
        /// The context.
        context: ContextName,
        /// The component's file.
        file: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// What served before cannot.
    #[error("context {context}: the version that served before: {refusal}")]
    NotServing {
        /// The context.
        context: ContextName,
        /// Why.
        refusal: Refusal,
    },
    /// Its journal, or the host's, cannot be used.
    #[error("context {context}: {source}")]
    Journal {
        /// The context.
        context: ContextName,
        /// Why.
        source: CommitError,
    },
    /// The component cannot be kept, or the host is stopping.
    #[error("context {context}: {reason}")]
    Failed {
        /// The context.
        context: ContextName,
        /// Why.
        reason: String,
    },
}

impl BootError {
    /// The context.
    pub fn context(&self) -> &ContextName {
        match self {
            Self::Unreadable { context, .. }
            | Self::Missing { context, .. }
            | Self::Refused { context, .. }
            | Self::NotServing { context, .. }
            | Self::Journal { context, .. }
            | Self::Failed { context, .. } => context,
        }
    }

    /// The gate that was not passed, if it was one.
    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::NotServing { refusal, .. } => Some(refusal),
            Self::Unreadable { .. }
            | Self::Missing { .. }
            | Self::Journal { .. }
            | Self::Failed { .. } => None,
        }
    }
}

/// When a context comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// With the start of the host.
    Start,
    /// While the host runs.
    Addition,
}

/// What a context starts with.
pub struct Boot {
    /// The context.
    pub context: Arc<Context>,
    shipped: Shipped,
    occasion: Occasion,
    /// The generation of its state.
    generation: u32,
    /// The version, if there is one.
    choice: Option<Choice>,
    /// What served before, where that is another one than the choice.
    former: Option<Arc<Version>>,
    /// Why the manifest's component does not serve, or what served before.
    refused: Option<BootError>,
    /// What is to be rolled out when the host has started: it is newer, and the state has to move for it.
    newer: Option<Vec<u8>>,
    is_ready: bool,
    /// What was not ready, where there is nothing else.
    not_ready: Option<Arc<Version>>,
}

/// A version that a context may start with.
struct Choice {
    version: Arc<Version>,
    /// What stands from now on, when it is something else than before.
    active: Option<ActiveVersion>,
}

impl Choice {
    /// What served before serves again.
    fn again(version: Arc<Version>) -> Self {
        Self {
            version,
            active: None,
        }
    }
}

/// Finds out what a context starts with, and loads it: the manifest's component where that is newer, else what served before. Where the manifest's component is
/// refused, what served before goes on; where nothing did, the context is down.
///
/// # Errors
///
/// When a journal or the data directory cannot be used; see [`BootError`].
pub async fn boot(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    shipped: &Shipped,
    occasion: Occasion,
) -> Result<Boot, BootError> {
    let booting = Booting {
        deployer,
        context,
        shipped,
        occasion,
    };
    booting.run().await
}

impl Boot {
    /// The version, if there is one.
    pub fn version(&self) -> Option<&Arc<Version>> {
        self.choice.as_ref().map(|choice| &choice.version)
    }

    /// What served before, where that is another version.
    pub(super) fn former(&self) -> Option<&Arc<Version>> {
        self.former.as_ref()
    }

    /// The generation of the state that it works on.
    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether the version has not served before.
    pub(super) fn is_new(&self) -> bool {
        let mut choice = self.choice.iter();
        choice.any(|choice| choice.active.is_some())
    }

    /// Why the manifest's component, or what served before, does not serve.
    pub(super) fn refused(&self) -> Option<&BootError> {
        self.refused.as_ref()
    }

    /// The version that it starts with does not pass a gate: what served before does, or nothing.
    pub(super) async fn refuse(&mut self, deployer: &Arc<Deployer>, refusal: Refusal) {
        let booting = Booting {
            deployer,
            context: &self.context,
            shipped: &self.shipped,
            occasion: self.occasion,
        };
        let is_readiness = refusal.gate == Gate::Ready;
        let refused = match self.is_new() {
            true => booting.refused(refusal),
            false => BootError::NotServing {
                context: self.context.name.clone(),
                refusal,
            },
        };
        let turned_away = self.choice.take().map(|choice| choice.version);
        match (self.former.take(), turned_away) {
            (Some(former), Some(turned_away)) => {
                booting.reject(turned_away.digest, &refused).await;
                self.choice = Some(Choice::again(former));
            }
            (_, turned_away) => self.not_ready = turned_away.filter(|_| is_readiness),
        }
        self.is_ready = false;
        self.note(deployer, refused);
    }

    /// Says that something does not serve that should.
    fn note(&mut self, deployer: &Deployer, refused: BootError) {
        let serves = match (&self.choice, self.occasion) {
            (Some(choice), _) => Some(format!("{} serves on", choice.version.title)),
            (None, Occasion::Start) => Some("the context is down, and answers 503".to_owned()),
            // It is not there, which is for who adds it to tell.
            (None, Occasion::Addition) => None,
        };
        let when = match self.occasion {
            Occasion::Start => "at the start",
            Occasion::Addition => "when the context was added",
        };
        if let Some(serves) = serves {
            tracing::warn!(context = self.context.name.as_str(), reason = %refused, serves, "a component was rejected {when}");
            let noted = format!("rejected {when}, so {serves}: {refused}");
            *deployer.rollouts(&self.context).refused.lock() = Some(noted);
        }
        self.refused = Some(refused);
    }

    /// Waits until the version says that it is ready.
    pub(super) async fn ready(&mut self, deployer: &Arc<Deployer>) -> Result<(), Refusal> {
        if let Some(choice) = self.choice.as_ref().filter(|_| !self.is_ready) {
            let (context, version) = (&self.context, &choice.version);
            startup_probe::ready(deployer, context, version, self.generation).await?;
            self.is_ready = true;
            if context.settings.scales_to_zero() {
                // Until something is asked of it.
                version.unload();
            }
        }
        Ok(())
    }

    /// Why it has no version, if it has none.
    pub(super) fn why_it_is_down(&self) -> Option<BootError> {
        let why = || {
            let refused = self.refused.clone();
            refused.unwrap_or_else(|| BootError::Failed {
                context: self.context.name.clone(),
                reason: "the version that served before cannot be loaded; see the host's log"
                    .to_owned(),
            })
        };
        self.choice.is_none().then(why)
    }

    /// Has the version stand, and puts the history right.
    pub(super) async fn stand(&self, deployer: &Arc<Deployer>) -> Result<(), BootError> {
        let context = &self.context;
        let journal = |source| BootError::Journal {
            context: context.name.clone(),
            source,
        };
        if let Some(active) = self.choice.as_ref().and_then(|one| one.active.as_ref()) {
            active.commit(context).await.map_err(journal)?;
        }
        let current = self.version().map(|version| version.digest);
        if let Some(digest) = current {
            let noted = signature_check::note_named(deployer, context, digest);
            noted.await.map_err(journal)?;
        }
        let settled = interrupted_rollout::settle(deployer, context, current).await;
        settled.map_err(journal)?;
        let why = match self.occasion {
            Occasion::Start => "the host has started",
            Occasion::Addition => "the context was added to the app",
        };
        let reconciled = reconcile(deployer, context, current, why).await;
        reconciled.map_err(journal)
    }

    /// Does what is left to do when all others serve: rolls out what is newer, or tries again what was not ready.
    pub async fn resume(self, deployer: &Arc<Deployer>) {
        let context = &self.context;
        if let (Some(version), Some(refusal)) = (
            self.not_ready,
            self.refused.as_ref().and_then(BootError::refusal),
        ) {
            deployer.tasks.spawn(healing::keep_starting(
                deployer.clone(),
                context.clone(),
                version,
                refusal.clone(),
            ));
        }
        let Some(bytes) = self.newer else { return };
        let upload = Upload::shipped(bytes, None);
        tracing::info!(
            context = context.name.as_str(),
            "the manifest names a newer component that needs a migration of the state; rolling it out now"
        );
        if let Err(error) = start::begin(deployer, context, upload).await {
            tracing::error!(context = context.name.as_str(), %error, "the newer component could not be rolled out");
        }
    }
}

/// Puts the history right: whatever was under way when the host stopped has ended by now.
async fn reconcile(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    current: Option<VersionDigest>,
    why: &str,
) -> Result<(), CommitError> {
    let entries = History::of(deployer, &context.name)?.list()?;
    let ended = |entry: &Entry| match entry.state {
        State::Current => Some(State::Drained),
        State::Draining => Some(State::Drained),
        State::Ramping => Some(State::Uploaded),
        _ => None,
    };
    let mut changes: Vec<_> = entries
        .iter()
        .filter(|entry| Some(entry.digest) != current)
        .filter_map(|entry| Some((entry.digest, ended(entry)?)))
        .collect();
    let serves = entries.iter().find(|entry| Some(entry.digest) == current);
    if let Some(entry) = serves.filter(|entry| entry.state != State::Current) {
        changes.push((entry.digest, State::Current));
    }
    if !changes.is_empty() {
        let because = Because::host(why, None);
        history::record_changes(deployer, context, &changes, &because).await;
    }
    Ok(())
}
