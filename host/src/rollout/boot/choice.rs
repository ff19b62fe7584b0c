//! Which version a context starts with: the component of the manifest where that is newer and passes, else the version that served before.

use std::sync::Arc;

use super::{Boot, BootError, Choice, Occasion, Shipped};
use crate::core::{CorrelationId, VersionDigest};
use crate::invocation::{Context, stored_generation};
use crate::journal::{self, CommitError};
use crate::rollout::active_version::{ActiveVersion, Shape};
use crate::rollout::deployer::Deployer;
use crate::rollout::gates::{self, NotPassed};
use crate::rollout::history::{self, Arrival, Because, Entry, History};
use crate::rollout::refusal::{Gate, Refusal};
use crate::rollout::schema::{self, Move};
use crate::rollout::signature_check;
use crate::rollout::version_state::State;
use crate::versions::Version;

/// The choice of the version that a context starts with.
pub(super) struct Booting<'a> {
    pub(super) deployer: &'a Arc<Deployer>,
    pub(super) context: &'a Arc<Context>,
    pub(super) shipped: &'a Shipped,
    pub(super) occasion: Occasion,
}

impl Booting<'_> {
    pub(super) async fn run(&self) -> Result<Boot, BootError> {
        let shipped = self.shipped.file().to_owned();
        *self.deployer.rollouts(self.context).shipped.lock() = Some(shipped);
        let read = ActiveVersion::read(&self.context.ledger);
        let active = read.map_err(|error| self.journal(error.into()))?;
        let served = active.as_ref().and_then(|active| active.digest);
        let generation = stored_generation(&self.context.ledger);
        let mut boot = Boot {
            context: self.context.clone(),
            shipped: self.shipped.clone(),
            occasion: self.occasion,
            generation: generation.map_err(|error| self.journal(error.into()))?,
            choice: None,
            former: None,
            refused: None,
            newer: None,
            is_ready: false,
            not_ready: None,
        };
        let brought = self.bring(active, &mut boot).await;
        let mistrusted = boot.refused.take();
        match brought {
            Ok(Some(choice)) => {
                let served = served.filter(|served| *served != choice.version.digest);
                boot.former = self.served(served).await;
                boot.choice = Some(choice);
            }
            // Nothing is newer than what served before.
            Ok(None) => boot.choice = self.served(served).await.map(Choice::again),
            Err(
                refused @ (BootError::Unreadable { .. }
                | BootError::Missing { .. }
                | BootError::Refused { .. }
                | BootError::Failed { .. }),
            ) => {
                boot.choice = self.served(served).await.map(Choice::again);
                boot.note(self.deployer, refused);
            }
            Err(error) => return Err(error),
        }
        if let (Some(refused), None) = (mistrusted, &boot.refused) {
            boot.note(self.deployer, refused);
        }
        Ok(boot)
    }

    /// What served before, if anything did and it can be loaded.
    async fn served(&self, digest: Option<VersionDigest>) -> Option<Arc<Version>> {
        let digest = digest?;
        match self.stored(digest).await {
            Ok(version) => Some(version),
            Err(refusal) => {
                tracing::error!(context = self.context.name.as_str(), %digest, %refusal, "the version that served before cannot be loaded");
                None
            }
        }
    }

    /// The history says why it does not serve.
    pub(super) async fn reject(&self, digest: VersionDigest, refused: &BootError) {
        let because = Because::host(refused.to_string(), Some(CorrelationId::random()));
        let change = [(digest, State::Rejected)];
        let known = self.known(digest).ok().flatten();
        // Each start finds it refused again.
        if known.is_some_and(|entry| entry.state != State::Rejected) {
            history::record_changes(self.deployer, self.context, &change, &because).await;
        }
    }

    /// What the history says of the manifest's component.
    fn known(&self, digest: VersionDigest) -> Result<Option<Entry>, BootError> {
        History::of(self.deployer, &self.context.name)
            .and_then(|history| history.find(digest))
            .map_err(|error| self.journal(error.into()))
    }

    fn is_quarantined(&self, digest: VersionDigest) -> Result<bool, BootError> {
        let quarantined = self.known(digest)?;
        let quarantined = quarantined.filter(|entry| entry.state == State::Quarantined);
        if let Some(entry) = &quarantined {
            tracing::warn!(
                context = self.context.name.as_str(),
                number = entry.number,
                "the manifest's component is quarantined; the version that served before goes on serving"
            );
        }
        Ok(quarantined.is_some())
    }

    async fn read(&self) -> Result<Vec<u8>, BootError> {
        let context = || self.context.name.clone();
        let file = match self.shipped {
            Shipped::File(file) => file.clone(),
            Shipped::Missing { reason } => {
                return Err(BootError::Missing {
                    context: context(),
                    reason: reason.clone(),
                });
            }
        };
        let unreadable = |error: std::io::Error| BootError::Unreadable {
            context: context(),
            file: self.shipped.file().to_owned(),
            reason: error.to_string(),
        };
        match tokio::task::spawn_blocking(move || std::fs::read(file)).await {
            Ok(read) => read.map_err(unreadable),
            Err(error) => Err(unreadable(std::io::Error::other(error))),
        }
    }

    /// The manifest's component, where it is newer than what served before, or that cannot be loaded any more; none where what served before goes on.
    async fn bring(
        &self,
        active: Option<ActiveVersion>,
        boot: &mut Boot,
    ) -> Result<Option<Choice>, BootError> {
        let bytes = self.read().await?;
        let digest = VersionDigest::of(&bytes);
        // A journal that is older than versions are, or a new one, tells no story.
        let rollout = active.as_ref().map(|_| CorrelationId::random());
        let active = active.unwrap_or_default();
        // One that was rejected is tried again: what stood in its way may be gone, and otherwise each start says that it does not serve.
        let was_rejected = self
            .known(digest)?
            .is_some_and(|entry| entry.state == State::Rejected);
        let is_newer = active.shipped != Some(digest) || was_rejected;
        let stays = !is_newer || self.is_quarantined(digest)?;
        if let Some(former) = active.digest.filter(|_| stays) {
            match self.stored(former).await {
                Ok(_) => return Ok(None),
                Err(refusal) => {
                    tracing::error!(context = self.context.name.as_str(), digest = %former, %refusal, "the version that served before cannot be loaded; the manifest's component serves instead");
                    if matches!(refusal.gate, Gate::Signature | Gate::Floor) {
                        boot.refused = Some(BootError::NotServing {
                            context: self.context.name.clone(),
                            refusal,
                        });
                    }
                }
            }
        }
        let entry = self.enter(digest, &bytes, rollout).await?;
        let tried = self.try_out(&active, &entry).await;
        let (version, needed) = match tried {
            Ok(tried) => tried,
            Err(refusal) => {
                let refused = self.refused(refusal);
                if active.digest.is_some() {
                    self.reject(digest, &refused).await;
                }
                return Err(refused);
            }
        };
        match needed {
            None => {
                let mut next = active.succeeded_by(digest, Shape::of(&version));
                next.shipped = Some(digest);
                Ok(Some(Choice {
                    version,
                    active: Some(next),
                }))
            }
            Some(Move::Migrate { .. } | Move::Rebuild) => {
                // It is known when its rollout has ended; until then each start begins it again.
                boot.newer = Some(bytes);
                Ok(None)
            }
        }
    }

    /// Loads a version, and finds out what the state needs before it can serve.
    async fn try_out(
        &self,
        active: &ActiveVersion,
        entry: &Entry,
    ) -> Result<(Arc<Version>, Option<Move>), Refusal> {
        let version = gates::load_stored(self.deployer, self.context, entry).await?;
        let needed = schema::needed(&self.context.name, Some(active.clone()), &version)?;
        Ok((version, needed))
    }

    /// The signature beside the manifest's component, if there is one.
    async fn signature(&self) -> Option<String> {
        let file = self.shipped.file().with_added_extension("sig");
        let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(file)).await;
        let text = read.ok().and_then(Result::ok)?;
        Some(text.trim().to_owned())
    }

    /// Keeps the bytes and their signature, and has them in the history.
    async fn enter(
        &self,
        digest: VersionDigest,
        bytes: &[u8],
        rollout: Option<CorrelationId>,
    ) -> Result<Entry, BootError> {
        let _entering = self.deployer.components.entering().await;
        let stored = gates::store(self.deployer, digest, bytes).await;
        if let Err(NotPassed::Failed(reason)) = stored {
            return Err(BootError::Failed {
                context: self.context.name.clone(),
                reason,
            });
        }
        if let Some(signature) = self.signature().await {
            // Only what is good, so that it takes the place of nothing better.
            match signature_check::check(self.deployer, self.context, digest, Some(&signature))
                .await
            {
                Ok(_) => {
                    let kept = signature_check::keep(
                        self.deployer,
                        &self.context.name,
                        digest,
                        &signature,
                    );
                    kept.await.map_err(|error| self.journal(error))?;
                }
                Err(refusal) => {
                    tracing::warn!(context = self.context.name.as_str(), %digest, %refusal, "the signature file beside the component is not valid");
                }
            }
        }
        let history = History::of(self.deployer, &self.context.name);
        let history = history.map_err(|error| self.journal(error.into()))?;
        let known = history.find(digest);
        let known = known.map_err(|error| self.journal(error.into()))?;
        if let Some(entry) = known.filter(|entry| entry.is_stored) {
            return Ok(entry);
        }
        let arrival = Arrival {
            digest,
            label: None,
            size: bytes.len() as u64,
            signer: None,
        };
        let because = Because::host("the manifest names it", rollout);
        let entered = history.enter(&arrival, &because).await;
        entered.map_err(|error| self.journal(error))
    }

    /// A version that is kept here.
    async fn stored(&self, digest: VersionDigest) -> Result<Arc<Version>, Refusal> {
        let refused = |error: journal::Error| Refusal::at(Gate::Component, error);
        let history = History::of(self.deployer, &self.context.name).map_err(refused)?;
        match history.find(digest).map_err(refused)? {
            Some(entry) => gates::load_stored(self.deployer, self.context, &entry).await,
            None => Err(Refusal::at(
                Gate::Component,
                format!("the history of versions does not contain {digest}"),
            )),
        }
    }

    pub(super) fn refused(&self, refusal: Refusal) -> BootError {
        BootError::Refused {
            context: self.context.name.clone(),
            file: self.shipped.file().to_owned(),
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
