//! Whether a version may come to serve at all, whichever way it comes: somebody whose key is trusted has signed it for this context, and it is not older than
//! the oldest that may. What it brought to show that is kept beside the register, so that a start and a rollback ask the same as an upload.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::deployer::Deployer;
use super::gate::{Gate, Refusal};
use super::register::Register;
use super::signature::{Keyring, Signed, Subject};
use super::standing;
use crate::core::{Timestamp, wall_clock};
use crate::invocation::{Context, record};
use crate::journal::{self, CommitError, Durability, Ledger, Space, Unit};
use crate::manifest::HOST_SOURCE;

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

/// Why a floor is not set.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// No version has the number.
    #[error("context {context} has no version {number}; `innkeeper versions {context}` lists them")]
    Unknown {
        /// The context.
        context: String,
        /// The number.
        number: u32,
    },
    /// What serves would be below it.
    #[error(
        "version {serving} of context {context} serves, and is older than {number}; bring a newer one to serve first"
    )]
    AboveServing {
        /// The context.
        context: String,
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

fn signature_key(context: &str, digest: &str) -> String {
    format!("signature/{context}/{digest}")
}

fn floor_key(context: &str) -> String {
    format!("floor/{context}")
}

fn ledger(host: &Deployer) -> Result<&Arc<Ledger>, journal::Error> {
    host.ledger(HOST_SOURCE).ok_or(journal::Error::Closed)
}

/// Lets a version pass that may come to serve, and says who has signed it. `brought` is the signature that comes with it; without one, what it came with before
/// counts.
pub(super) async fn check(
    host: &Deployer,
    context: &Context,
    digest: &str,
    brought: Option<&str>,
) -> Result<Option<Signed>, Refusal> {
    let unreadable = |error: journal::Error| Refusal::at(Gate::Signature, error);
    let settings = &host.manifest.rollout;
    let floor = floor(host, &context.name).map_err(unreadable)?;
    let register = Register::of(host, &context.name).map_err(unreadable)?;
    let entry = register.find(digest).map_err(unreadable)?;
    if let (Some(floor), Some(entry)) = (&floor, &entry)
        && entry.number < floor.number
    {
        return Err(Refusal::at(
            Gate::Floor,
            format!(
                "version {} is older than {}, the oldest that may serve, which {} has set; bring a newer one, or lower it with `innkeeper versions {} --floor {}`",
                entry.number, floor.number, floor.by, context.name, entry.number
            ),
        ));
    }
    let kept = kept(host, &context.name, digest).map_err(unreadable)?;
    let verified = brought.or(kept.as_deref()).map(|signature| {
        let keyring = Keyring {
            known: &settings.keys,
            revoked: &settings.revoked_keys,
        };
        let subject = Subject {
            app: &host.manifest.app.name,
            context: &context.name,
            digest,
        };
        let now = Timestamp(wall_clock());
        let verified = keyring.verify(subject, signature, now);
        verified.map_err(|error| Refusal::at(Gate::Signature, error))
    });
    let signed = match verified {
        Some(Ok(signed)) => Some(signed),
        // What is brought as a proof must be one. What it came with once counts for as long as somebody asks for signatures.
        Some(Err(refusal)) if brought.is_some() || settings.require_signature => {
            return Err(refusal);
        }
        Some(Err(_)) => None,
        None if settings.require_signature && !is_exempt(host, context, digest).await => {
            return Err(Refusal::at(
                Gate::Signature,
                "it is not signed, and rollout.require_signature is set; sign it with `innkeeper sign`",
            ));
        }
        None => None,
    };
    let oldest = floor.and_then(|floor| floor.signed.map(Timestamp));
    match (&signed, oldest) {
        (Some(signed), Some(oldest)) if signed.at < oldest => Err(Refusal::at(
            Gate::Floor,
            format!(
                "it was signed at {}, and the oldest version that may serve at {oldest}; sign it again, if it is to serve all the same",
                signed.at
            ),
        )),
        _ => Ok(signed),
    }
}

/// What the manifest itself names needs no signature, unless the manifest says so: who writes it also says whose signatures are good.
async fn is_exempt(host: &Deployer, context: &Context, digest: &str) -> bool {
    !host.manifest.rollout.require_shipped_signature
        && standing::is_shipped(host, context, digest).await
}

/// The signature that a version came with.
fn kept(host: &Deployer, context: &str, digest: &str) -> Result<Option<String>, journal::Error> {
    record::find(ledger(host)?, Space::Meta, &signature_key(context, digest))
}

/// Keeps the signature that a version came with.
pub(super) async fn keep(
    host: &Deployer,
    context: &str,
    digest: &str,
    signature: &str,
) -> Result<(), CommitError> {
    if kept(host, context, digest)?.as_deref() == Some(signature) {
        return Ok(());
    }
    write(host, &signature_key(context, digest), &signature).await
}

/// The oldest version of a context that may serve, where somebody has said so.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn floor(host: &Deployer, context: &str) -> Result<Option<Floor>, journal::Error> {
    record::find(ledger(host)?, Space::Meta, &floor_key(context))
}

/// Says which version of a context is the oldest that may serve; 0 lets all.
///
/// # Errors
///
/// When there is no such version, or what serves is older.
pub async fn set_floor(
    host: &Deployer,
    context: &Context,
    number: u32,
    by: &str,
) -> Result<Floor, FloorError> {
    let mut floor = Floor {
        number,
        signed: None,
        by: by.to_owned(),
        time: wall_clock(),
    };
    if number > 0 {
        let entries = Register::of(host, &context.name)?.list()?;
        let entry = entries.iter().find(|entry| entry.number == number);
        let entry = entry.ok_or_else(|| FloorError::Unknown {
            context: context.name.clone(),
            number,
        })?;
        let serving = context.version().map(|version| version.number);
        if let Some(serving) = serving.filter(|serving| *serving < number) {
            return Err(FloorError::AboveServing {
                context: context.name.clone(),
                number,
                serving,
            });
        }
        let signed = check(host, context, &entry.digest, None).await;
        floor.signed = signed.ok().flatten().map(|signed| signed.at.0);
    }
    write(host, &floor_key(&context.name), &floor).await?;
    tracing::info!(target: "innkeeper::audit", by, context = context.name, number, "the oldest version that may serve was set");
    Ok(floor)
}

async fn write<T: Serialize>(host: &Deployer, key: &str, value: &T) -> Result<(), CommitError> {
    let ledger = ledger(host)?;
    let write = record::write(Space::Meta, key, value)?;
    let unit = Unit::bookkeeping("versions", ledger.applied(), vec![write]);
    let committed = ledger.commit_as(unit, Durability::Flush).await;
    committed.map(|_| ())
}
