//! Whether a version may come to serve at all, whichever way it comes: somebody whose key is trusted has signed it for this context, and it is not older than
//! the oldest that may. What it brought to show that is kept beside the history, so that a start and a rollback ask the same as an upload.
//!
//! What serves is made of what [`admit`] has let in, and of nothing else. That is asked, and a floor is set, while nobody exchanges what serves: so neither passes
//! the other by.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::active_version;
use super::deployer::Deployer;
use super::history::History;
use super::refusal::{Gate, Refusal};
use super::signature::{Keyring, Signature, Signed, Subject};
use crate::core::{ContextName, Timestamp, VersionDigest, wall_clock};
use crate::invocation::{Context, record};
use crate::journal::{self, CommitError, Durability, Ledger, Space, Unit};
use crate::manifest::{ComponentSource, HOST_SOURCE};
use crate::versions::{Rewiring, Trusted, Version};

/// The oldest version of a context that may serve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// Its number.
    pub number: u32,
    /// When it was signed, in milliseconds since the Unix epoch, where it is signed: what was signed before that is older, even when this host never saw it.
    pub signed: Option<u64>,
    /// Who has set it.
    pub by: String,
    /// When, in milliseconds since the Unix epoch.
    pub time: u64,
}

impl Floor {
    /// Why a version is below it that has this number, and was signed at this time, if it is.
    fn keeps_out(
        &self,
        context: &ContextName,
        number: Option<u32>,
        signed: Option<Timestamp>,
    ) -> Option<String> {
        if let Some(number) = number.filter(|number| *number < self.number) {
            return Some(format!(
                "version {number} is older than {}, the oldest that may serve, which {} has set; bring a newer one, or lower it with `innkeeper versions {context} --floor {number}`",
                self.number, self.by
            ));
        }
        let oldest = self.signed.map(Timestamp)?;
        let signed = signed.filter(|signed| *signed < oldest)?;
        Some(format!(
            "it was signed at {signed}, and the oldest version that may serve at {oldest}; sign it again, if it is to serve all the same"
        ))
    }
}

/// Why a floor is not set.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// No version has the number.
    #[error("context {context} has no version {number}; `innkeeper versions {context}` lists them")]
    Unknown {
        /// The context.
        context: ContextName,
        /// The number.
        number: u32,
    },
    /// What serves, or is ramped up, would be below it.
    #[error(
        "version {serving} of context {context} serves, and is older than {number}, or was signed before it; bring a newer one to serve first"
    )]
    AboveServing {
        /// The context.
        context: ContextName,
        /// The number that was asked for.
        number: u32,
        /// The number of what serves.
        serving: u32,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] CommitError),
}

impl From<journal::Error> for FloorError {
    fn from(error: journal::Error) -> Self {
        Self::Journal(error.into())
    }
}

fn signature_key(context: &ContextName, digest: VersionDigest) -> String {
    format!("signature/{context}/{digest}")
}

fn floor_key(context: &ContextName) -> String {
    format!("floor/{context}")
}

fn named_key(context: &ContextName) -> String {
    format!("named/{context}")
}

fn ledger(deployer: &Deployer) -> Result<Arc<Ledger>, journal::Error> {
    deployer.ledger(HOST_SOURCE).ok_or(journal::Error::Closed)
}

/// Lets a version in that may serve: asked at the moment at which it comes to. What serves already was let in when it came.
pub(super) async fn admit(
    deployer: &Deployer,
    rewiring: &Rewiring,
    context: &Context,
    version: &Arc<Version>,
) -> Result<Trusted, Refusal> {
    let serving = rewiring.serving(&context.name);
    let serves = serving.and_then(|serving| serving.current.as_ref());
    if let Some(trusted) = serves.filter(|serves| Arc::ptr_eq(serves, version)) {
        return Ok(trusted.clone());
    }
    check(deployer, context, version.digest, None).await?;
    Ok(Trusted::admitted(version, rewiring))
}

/// Whether a version may come to serve as things are, and who has signed it: asked early, so that nothing is done in vain for what [`admit`] would refuse.
/// `brought` is the signature that comes with it; without one, what it came with before counts.
pub(super) async fn check(
    deployer: &Deployer,
    context: &Context,
    digest: VersionDigest,
    brought: Option<&str>,
) -> Result<Option<Signed>, Refusal> {
    let unreadable = |error: journal::Error| Refusal::at(Gate::Signature, error);
    let floor = floor(deployer, &context.name).map_err(unreadable)?;
    let history = History::of(deployer, &context.name).map_err(unreadable)?;
    let entry = history.find(digest).map_err(unreadable)?;
    let number = entry.map(|entry| entry.number);
    let below = |signed: Option<Timestamp>| {
        let reason = floor.as_ref()?.keeps_out(&context.name, number, signed)?;
        Some(Refusal::at(Gate::Floor, reason))
    };
    if let Some(refusal) = below(None) {
        return Err(refusal);
    }
    let signed = signed(deployer, context, digest, brought).await?;
    match below(signed.as_ref().map(|signed| signed.at)) {
        Some(refusal) => Err(refusal),
        None => Ok(signed),
    }
}

/// Who has signed a version, where somebody has; refused where somebody must have.
async fn signed(
    deployer: &Deployer,
    context: &Context,
    digest: VersionDigest,
    brought: Option<&str>,
) -> Result<Option<Signed>, Refusal> {
    let manifest = deployer.manifest();
    let settings = &manifest.rollout;
    let kept = kept(deployer, &context.name, digest);
    let kept = kept.map_err(|error| Refusal::at(Gate::Signature, error))?;
    let verified = brought.or(kept.as_deref()).map(|signature| {
        let keyring = Keyring {
            known: &settings.keys,
            revoked: &settings.revoked_keys,
        };
        let subject = Subject {
            app: &manifest.app.name,
            context: &context.name,
            digest,
        };
        let now = Timestamp(wall_clock());
        let verified = keyring.verify(subject, signature, now);
        verified.map_err(|error| Refusal::at(Gate::Signature, error))
    });
    match verified {
        Some(Ok(signed)) => Ok(Some(signed)),
        // What is brought as a proof must be one. What it came with once counts for as long as somebody asks for signatures.
        Some(Err(refusal)) if brought.is_some() || settings.require_signature => Err(refusal),
        None if settings.require_signature && !is_exempt(deployer, context, digest).await => {
            Err(Refusal::at(
                Gate::Signature,
                "it is not signed, and rollout.require_signature is set; sign it with `innkeeper sign`",
            ))
        }
        Some(Err(_)) | None => Ok(None),
    }
}

/// What the manifest itself names needs no signature, unless the manifest says so: who writes it also says whose signatures are good. What it named before serves on
/// where what it names now cannot.
async fn is_exempt(deployer: &Deployer, context: &Context, digest: VersionDigest) -> bool {
    if deployer.manifest().rollout.require_shipped_signature {
        return false;
    }
    let names = is_named(context) && active_version::is_shipped(deployer, context, digest).await;
    // Where it cannot be read, a signature is asked for.
    names || named_before(deployer, &context.name).is_ok_and(|named| named == Some(digest))
}

/// Whether the manifest says itself what the component is: in a file, or by a digest. A tag of a registry names whatever its registry says, which is not the
/// manifest's word.
fn is_named(context: &Context) -> bool {
    let source = context.settings.component.as_ref();
    let reference = source.and_then(ComponentSource::reference);
    reference.is_none_or(|reference| reference.digest.is_some())
}

/// What the manifest named itself when it last came to serve.
fn named_before(
    deployer: &Deployer,
    context: &ContextName,
) -> Result<Option<VersionDigest>, journal::Error> {
    let kept: Option<Option<VersionDigest>> =
        record::find(&*ledger(deployer)?, Space::Meta, &named_key(context))?;
    Ok(kept.flatten())
}

/// Notes what a context has started with, where that is the manifest's component: as the manifest's word, or not. Also where signatures are not asked for yet.
pub(super) async fn note_named(
    deployer: &Deployer,
    context: &Context,
    digest: VersionDigest,
) -> Result<(), CommitError> {
    if !active_version::is_shipped(deployer, context, digest).await {
        return Ok(());
    }
    let named = is_named(context).then_some(digest);
    if named_before(deployer, &context.name)? == named {
        return Ok(());
    }
    write(deployer, &named_key(&context.name), &named).await
}

/// The signature that a version came with.
fn kept(
    deployer: &Deployer,
    context: &ContextName,
    digest: VersionDigest,
) -> Result<Option<String>, journal::Error> {
    record::find(
        &*ledger(deployer)?,
        Space::Meta,
        &signature_key(context, digest),
    )
}

/// Keeps the signature that a version came with.
pub(super) async fn keep(
    deployer: &Deployer,
    context: &ContextName,
    digest: VersionDigest,
    signature: &str,
) -> Result<(), CommitError> {
    if kept(deployer, context, digest)?.as_deref() == Some(signature) {
        return Ok(());
    }
    write(deployer, &signature_key(context, digest), &signature).await
}

/// The oldest version of a context that may serve, where somebody has said so.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn floor(deployer: &Deployer, context: &ContextName) -> Result<Option<Floor>, journal::Error> {
    record::find(&*ledger(deployer)?, Space::Meta, &floor_key(context))
}

/// When a version was signed, by the signature that it came with: that was good when it came, and says so still when it has expired, or its key was revoked.
fn signed_at(
    deployer: &Deployer,
    context: &ContextName,
    digest: VersionDigest,
) -> Result<Option<Timestamp>, journal::Error> {
    let damaged = |_| journal::Error::Damaged {
        what: format!("the signature of sha256:{digest}"),
    };
    let kept = kept(deployer, context, digest)?;
    let signature = kept.map(|kept| kept.parse::<Signature>().map_err(damaged));
    Ok(signature.transpose()?.map(|signature| signature.made()))
}

/// Says which version of a context is the oldest that may serve; 0 lets all.
///
/// # Errors
///
/// When there is no such version, or what serves is older.
pub async fn set_floor(
    deployer: &Deployer,
    context: &Context,
    number: u32,
    by: &str,
) -> Result<Floor, FloorError> {
    let set = deployer.wiring.without_rewiring(async |rewiring| {
        set_between_rewirings(deployer, rewiring, context, number, by).await
    });
    let floor = set.await?;
    tracing::info!(target: "innkeeper::audit", by, context = context.name.as_str(), number, "the oldest version allowed was set");
    Ok(floor)
}

async fn set_between_rewirings(
    deployer: &Deployer,
    rewiring: &Rewiring,
    context: &Context,
    number: u32,
    by: &str,
) -> Result<Floor, FloorError> {
    let name = &context.name;
    let mut floor = Floor {
        number,
        signed: None,
        by: by.to_owned(),
        time: wall_clock(),
    };
    if number > 0 {
        let entries = History::of(deployer, name)?.list()?;
        let entry = entries.iter().find(|entry| entry.number == number);
        let entry = entry.ok_or_else(|| FloorError::Unknown {
            context: name.clone(),
            number,
        })?;
        floor.signed = signed_at(deployer, name, entry.digest)?.map(|signed| signed.0);
        let serving = rewiring.serving(name);
        for version in serving.iter().flat_map(|serving| serving.versions()) {
            let signed = signed_at(deployer, name, version.digest)?;
            if floor
                .keeps_out(name, Some(version.number), signed)
                .is_some()
            {
                return Err(FloorError::AboveServing {
                    context: name.clone(),
                    number,
                    serving: version.number,
                });
            }
        }
    }
    write(deployer, &floor_key(name), &floor).await?;
    Ok(floor)
}

async fn write<T: Serialize>(deployer: &Deployer, key: &str, value: &T) -> Result<(), CommitError> {
    let ledger = ledger(deployer)?;
    let write = record::write(Space::Meta, key, value)?;
    let unit = Unit::bookkeeping("versions", ledger.applied(), vec![write]);
    let committed = ledger.commit_as(unit, Durability::Flush).await;
    committed.map(|_| ())
}
