//! What serves when the host starts: what served before, unless the manifest names another component than it did then.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::gate::{Gate, Refusal};
use super::prove::{self, Unproven};
use super::register::{Arrival, Because, Entry, Register, State};
use super::schema::{self, Move};
use super::standing::{Shape, Standing};
use super::store::ComponentStore;
use super::upload::{self, Upload};
use super::version::Version;
use super::{probe, swap};
use crate::app::{Context, Host};
use crate::invocation::random_id;
use crate::journal::{self, CommitError};

/// Why a context cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The file cannot be read.
    #[error("context {context}: {} cannot be read: {source}; `innkeeper build` makes it", file.display())]
    Unreadable {
        /// The context.
        context: String,
        /// The component's file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It does not pass a gate.
    #[error("context {context}: {}: {refusal}", file.display())]
    Refused {
        /// The context.
        context: String,
        /// The component's file.
        file: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// It is not ready.
    #[error("context {context}: {refusal}")]
    NotReady {
        /// The context.
        context: String,
        /// Why.
        refusal: Refusal,
    },
    /// Its journal, or the host's, cannot be used.
    #[error("context {context}: {source}")]
    Journal {
        /// The context.
        context: String,
        /// Why.
        source: CommitError,
    },
    /// The component cannot be kept, or the host is stopping.
    #[error("context {context}: {reason}")]
    Failed {
        /// The context.
        context: String,
        /// Why.
        reason: String,
    },
}

/// The version that a context starts with.
pub struct Boot {
    /// The version.
    pub version: Arc<Version>,
    /// What stands from now on, when it is something else than before.
    standing: Option<Standing>,
    /// What is to be rolled out when the host has started: it is newer, and the state has to move for it.
    newer: Option<Vec<u8>>,
}

/// Finds out what a context starts with, and loads it.
///
/// # Errors
///
/// See [`BootError`].
pub async fn boot(
    host: &Arc<Host>,
    context: &Arc<Context>,
    file: &Path,
) -> Result<Boot, BootError> {
    let booting = Booting {
        host,
        context,
        file,
    };
    booting.run().await
}

impl Boot {
    /// Waits until the version says that it is ready, and has it stand.
    ///
    /// # Errors
    ///
    /// See [`BootError`].
    pub async fn open(&self, host: &Arc<Host>, context: &Arc<Context>) -> Result<(), BootError> {
        let name = || context.name.clone();
        let ready = probe::ready(host, context, &self.version, context.generation()).await;
        ready.map_err(|refusal| BootError::NotReady {
            context: name(),
            refusal,
        })?;
        let journal = |source| BootError::Journal {
            context: name(),
            source,
        };
        if let Some(standing) = &self.standing {
            standing.commit(context).await.map_err(journal)?;
        }
        reconcile(host, context, &self.version.digest)
            .await
            .map_err(journal)
    }

    /// Rolls out what is newer, if anything is.
    pub async fn go_on(self, host: &Arc<Host>, context: &Arc<Context>) {
        let Some(bytes) = self.newer else { return };
        let upload = Upload {
            bytes,
            label: None,
            signature: None,
            ramp: None,
            step: None,
            dry_run: false,
            force: false,
            by: "host".into(),
            is_shipped: true,
        };
        tracing::info!(
            context = context.name,
            "the manifest names a newer component, for which the state has to move; it is rolled out now"
        );
        if let Err(error) = upload::begin(host, context, upload).await {
            tracing::error!(context = context.name, %error, "the newer component cannot be rolled out");
        }
    }
}

struct Booting<'a> {
    host: &'a Arc<Host>,
    context: &'a Arc<Context>,
    file: &'a Path,
}

impl Booting<'_> {
    async fn run(&self) -> Result<Boot, BootError> {
        let bytes = self.read().await?;
        let digest = ComponentStore::digest(&bytes);
        // Set once: a context starts once.
        let _ = self.context.rollouts.shipped.set(self.file.to_owned());
        let read = Standing::read(&self.context.ledger);
        let Some(standing) = read.map_err(|error| self.journal(error.into()))? else {
            // A journal that is older than versions are, or a new one.
            return self.bring(Standing::default(), digest, bytes, "").await;
        };
        let is_newer = standing.shipped.as_ref() != Some(&digest);
        if is_newer && !self.is_quarantined(&digest)? {
            return self.bring(standing, digest, bytes, &random_id()).await;
        }
        match self.stored(&standing.digest).await {
            Ok(version) => Ok(Boot {
                version,
                standing: None,
                newer: None,
            }),
            Err(refusal) => {
                tracing::error!(context = self.context.name, digest = standing.digest, %refusal, "what served before cannot be loaded; the manifest's component serves instead");
                self.bring(standing, digest, bytes, &random_id()).await
            }
        }
    }

    fn is_quarantined(&self, digest: &str) -> Result<bool, BootError> {
        let known = Register::of(self.host, &self.context.name)
            .and_then(|register| register.find(digest))
            .map_err(|error| self.journal(error.into()))?;
        let quarantined = known.filter(|entry| entry.state == State::Quarantined);
        if let Some(entry) = &quarantined {
            tracing::warn!(
                context = self.context.name,
                number = entry.number,
                "the component that the manifest names is quarantined; what served before goes on"
            );
        }
        Ok(quarantined.is_some())
    }

    async fn read(&self) -> Result<Vec<u8>, BootError> {
        let file = self.file.to_owned();
        let unreadable = |source| BootError::Unreadable {
            context: self.context.name.clone(),
            file: self.file.to_owned(),
            source,
        };
        match tokio::task::spawn_blocking(move || std::fs::read(file)).await {
            Ok(read) => read.map_err(unreadable),
            Err(error) => Err(unreadable(std::io::Error::other(error))),
        }
    }

    /// Starts with the manifest's component, or, where the state has to move for it first, with what served before.
    async fn bring(
        &self,
        standing: Standing,
        digest: String,
        bytes: Vec<u8>,
        rollout: &str,
    ) -> Result<Boot, BootError> {
        let entry = self.enter(&digest, &bytes, rollout).await?;
        let loaded = prove::load_stored(self.host, self.context, &entry).await;
        let version = loaded.map_err(|refusal| self.refused(refusal))?;
        let before = Some(standing.clone());
        let needed = schema::needed(&self.context.name, before, &version);
        let mut next = match needed.map_err(|refusal| self.refused(refusal))? {
            Move::None => standing.succeeded_by(&digest, Shape::of(&version), false),
            Move::Migrate { .. } | Move::Rebuild => {
                let served = self.stored(&standing.digest).await;
                // It is known when its rollout has ended; until then each start begins it again.
                return Ok(Boot {
                    version: served.map_err(|refusal| self.refused(refusal))?,
                    standing: None,
                    newer: Some(bytes),
                });
            }
        };
        next.shipped = Some(digest);
        Ok(Boot {
            version,
            standing: Some(next),
            newer: None,
        })
    }

    /// Keeps the bytes, and has them in the register.
    async fn enter(&self, digest: &str, bytes: &[u8], rollout: &str) -> Result<Entry, BootError> {
        let stored = prove::store(self.host, digest, bytes).await;
        if let Err(Unproven::Failed(reason)) = stored {
            return Err(BootError::Failed {
                context: self.context.name.clone(),
                reason,
            });
        }
        let register = Register::of(self.host, &self.context.name);
        let register = register.map_err(|error| self.journal(error.into()))?;
        let known = register.find(digest);
        let known = known.map_err(|error| self.journal(error.into()))?;
        if let Some(entry) = known.filter(|entry| entry.is_stored) {
            return Ok(entry);
        }
        let arrival = Arrival {
            digest: digest.to_owned(),
            label: None,
            size: bytes.len() as u64,
            signer: None,
        };
        let because = Because::host("the manifest names it", rollout);
        let entered = register.enter(&arrival, &because).await;
        entered.map_err(|error| self.journal(error))
    }

    /// A version that is kept here.
    async fn stored(&self, digest: &str) -> Result<Arc<Version>, Refusal> {
        let refused = |error: journal::Error| Refusal::at(Gate::Component, error);
        let register = Register::of(self.host, &self.context.name).map_err(refused)?;
        match register.find(digest).map_err(refused)? {
            Some(entry) => prove::load_stored(self.host, self.context, &entry).await,
            None => Err(Refusal::at(
                Gate::Component,
                format!("the register of versions does not know {digest}"),
            )),
        }
    }

    fn refused(&self, refusal: Refusal) -> BootError {
        BootError::Refused {
            context: self.context.name.clone(),
            file: self.file.to_owned(),
            refusal,
        }
    }

    fn journal(&self, source: CommitError) -> BootError {
        BootError::Journal {
            context: self.context.name.clone(),
            source,
        }
    }
}

/// Puts the register right: whatever was under way when the host stopped has ended by now.
async fn reconcile(
    host: &Arc<Host>,
    context: &Arc<Context>,
    current: &str,
) -> Result<(), CommitError> {
    let entries = Register::of(host, &context.name)?.list()?;
    let ended = |entry: &Entry| match entry.state {
        State::Current if entry.digest != current => Some(State::Drained),
        State::Draining => Some(State::Drained),
        State::Ramping => Some(State::Uploaded),
        _ => None,
    };
    let mut changes: Vec<_> = entries
        .iter()
        .filter(|entry| entry.digest != current)
        .filter_map(|entry| Some((entry.digest.as_str(), ended(entry)?)))
        .collect();
    let serves = entries.iter().find(|entry| entry.digest == current);
    if serves.is_some_and(|entry| entry.state != State::Current) {
        changes.push((current, State::Current));
    }
    if !changes.is_empty() {
        let because = Because::host("the host has started", "");
        swap::note(host, context, &changes, &because).await;
    }
    Ok(())
}
