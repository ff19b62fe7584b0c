//! Starting the rollout of an upload.

use std::sync::Arc;

use super::deployer::Deployer;
use super::gates::{self, NotPassed, of_compile};
use super::pipeline;
use super::progress::{Outcome, Progress, Rollout, Stage};
use super::refusal::{Gate, Refusal};
use super::upload::Upload;
use crate::core::{ContextName, VersionDigest};
use crate::invocation::Context;
use crate::versions::{Identity, numbered};

/// Why an upload does not become a rollout.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is no component, or too big.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another rollout of the context is under way.
    #[error(
        "{} ({digest:.12}) of context {context}, uploaded by {by}, is {doing}; wait for its end, or end it with `innkeeper rollback {context}`",
        numbered(*.number)
    )]
    UnderWay {
        /// The context.
        context: ContextName,
        /// The number of the version; 0 when it has none yet.
        number: u32,
        /// The digest of the version.
        digest: VersionDigest,
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
    let limit = deployer.manifest().rollout.max_size;
    let size = upload.bytes.len();
    if size as u64 > limit {
        return Err(too_big(size as u64, limit).into());
    }
    let bytes = as_component(deployer, context, upload.bytes).await?;
    let size = bytes.len() as u64;
    if size > limit {
        return Err(too_big(size, limit).into());
    }
    let hashing = tokio::task::spawn_blocking(move || (VersionDigest::of(&bytes), bytes));
    let (digest, bytes) = hashing.await.map_err(|_| UploadError::Stopping)?;
    let version = Identity {
        digest,
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
    let executing = pipeline::run(
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
        deployer.manifest().rollout.max_size,
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
        digest: progress.version.digest,
        doing,
        by: rollout.by.clone(),
    }
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
