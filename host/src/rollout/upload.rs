//! Uploads: bytes that somebody brings, and what shall be done with them.

use std::sync::Arc;
use std::time::Duration;

use super::deployer::Deployer;
use super::executor;
use super::gate::{Gate, Refusal};
use super::gates::{self, NotPassed, of_compile};
use super::progress::{Outcome, Progress, Rollout, Stage};
use super::store::ComponentStore;
use crate::invocation::Context;
use crate::manifest::Ramp;
use crate::versions::{Identity, numbered};

/// What somebody brings.
#[derive(Clone, Debug)]
pub struct Upload {
    /// A component, or a module that wit-bindgen made.
    pub bytes: Vec<u8>,
    /// What its author calls it.
    pub label: Option<String>,
    /// A signature of its digest, in base64.
    pub signature: Option<String>,
    /// Which part of the work it gets step by step, when not what the manifest says.
    pub ramp: Option<Ramp>,
    /// How long a step takes, likewise.
    pub step: Option<Duration>,
    /// Whether it only passes the gates.
    pub dry_run: bool,
    /// Whether it may be one that was quarantined.
    pub force: bool,
    /// The name of who brings it.
    pub by: String,
    /// Whether it is the component that the manifest names, and the host itself brings it.
    pub is_shipped: bool,
}

/// Why an upload does not become a rollout.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is no component, or too big.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another rollout of the context is under way.
    #[error(
        "{} ({digest}) of context {context}, uploaded by {by}, is {doing}; wait for its end, or end it with `innkeeper rollback {context}`",
        numbered(*.number)
    )]
    UnderWay {
        /// The context.
        context: String,
        /// The number of the version; 0 when it has none yet.
        number: u32,
        /// The digest of the version.
        digest: String,
        /// What it does.
        doing: String,
        /// Who began it.
        by: String,
    },
    /// The host could not look at it.
    #[error("{0}")]
    Failed(String),
    /// The host stops.
    #[error("the host is stopping")]
    Stopping,
}

/// Begins the rollout of what was uploaded. When the same bytes are being rolled out already, that is the rollout.
///
/// # Errors
///
/// See [`UploadError`].
pub async fn begin(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    upload: Upload,
) -> Result<Arc<Rollout>, UploadError> {
    if deployer.shutdown.is_cancelled() {
        return Err(UploadError::Stopping);
    }
    let limit = deployer.manifest.rollout.max_size;
    let size = upload.bytes.len();
    if size as u64 > limit {
        return Err(too_big(size as u64, limit).into());
    }
    let bytes = as_component(deployer, context, upload.bytes).await?;
    let size = bytes.len() as u64;
    if size > limit {
        return Err(too_big(size, limit).into());
    }
    let hashing = tokio::task::spawn_blocking(move || (ComponentStore::digest(&bytes), bytes));
    let (digest, bytes) = hashing.await.map_err(|_| UploadError::Stopping)?;
    let version = Identity {
        digest: digest.clone(),
        number: 0,
        label: upload.label.clone(),
    };
    let rollout = match deployer
        .rollouts(context)
        .begin(version, &upload.by, upload.dry_run)
    {
        Ok(rollout) => rollout,
        // Who only tries it must not be taken for who brings it.
        Err(other) if other.digest() == digest && other.is_dry_run == upload.dry_run => {
            return Ok(other);
        }
        Err(other) => return Err(under_way(context, &other)),
    };
    let executing = executor::execute(
        deployer.clone(),
        context.clone(),
        rollout.clone(),
        Upload { bytes, ..upload },
    );
    // Whoever brought it may go away: the rollout goes on.
    deployer.tasks.spawn(executing);
    Ok(rollout)
}

/// The bytes as those of a component: a module is made one, and other bytes are refused. Whether they are valid is seen when they are compiled.
async fn as_component(
    deployer: &Deployer,
    context: &Context,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, UploadError> {
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    if bytes.starts_with(COMPONENT) {
        return Ok(bytes);
    }
    if !bytes.starts_with(MODULE) {
        return Err(Refusal::at(
            Gate::Component,
            "it is neither a WebAssembly component nor a module that wit-bindgen made; build it with `innkeeper build`",
        )
        .into());
    }
    let (limit, limits) = (
        deployer.manifest.rollout.max_size,
        gates::limits(deployer, context),
    );
    let wrapped = deployer.compiler.wrap(bytes, limit, limits).await;
    wrapped.map_err(|error| match of_compile(error) {
        NotPassed::Refused(refusal) => UploadError::Refused(refusal),
        NotPassed::Failed(reason) => UploadError::Failed(reason),
    })
}

/// Waits until a rollout has passed its gates, or has ended.
pub async fn verdict(rollout: &Rollout) -> Progress {
    rollout
        .until(|progress| {
            progress.outcome.is_some()
                || (progress.stage == Stage::Ramping && progress.weight < 100)
        })
        .await
}

/// What is too big for `rollout.max_size`.
pub fn too_big(size: u64, limit: u64) -> Refusal {
    Refusal::at(
        Gate::Component,
        format!(
            "it has {size} bytes, but rollout.max_size is {limit}; strip it, or raise the limit"
        ),
    )
}

fn under_way(context: &Context, rollout: &Rollout) -> UploadError {
    let progress = rollout.progress();
    let doing = match progress.stage {
        Stage::Ramping => format!("ramping at {} %", progress.weight),
        stage => stage.name().to_owned(),
    };
    UploadError::UnderWay {
        context: context.name.clone(),
        number: progress.version.number,
        digest: short(&progress.version.digest),
        doing,
        by: rollout.by.clone(),
    }
}

/// The first digits of a digest: enough for people.
pub(super) fn short(digest: &str) -> String {
    digest.get(..12).unwrap_or(digest).to_owned()
}

impl Outcome {
    /// What it is, in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Current { .. } => "current",
            Self::Unchanged => "unchanged",
            Self::Refused(_) => "refused",
            Self::Aborted { .. } => "aborted",
        }
    }
}
