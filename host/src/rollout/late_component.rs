//! A component that the manifest names, which was not there when the host started and has come since.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::deployer::Deployer;
use super::progress::Rollout;
use super::start::{self, UploadError};
use super::upload::Upload;
use crate::invocation::Context;

/// Why it is not rolled out.
#[derive(Debug, thiserror::Error)]
pub enum LateError {
    /// Its file cannot be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its rollout does not begin.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

/// Rolls it out, with the signature beside its file if there is one. From now on it is what the manifest names.
///
/// # Errors
///
/// See [`LateError`].
pub async fn bring_late(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    file: PathBuf,
) -> Result<Arc<Rollout>, LateError> {
    let at = file.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let signature = match std::fs::read_to_string(at.with_added_extension("sig")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(read?.trim().to_owned()),
        };
        Ok((std::fs::read(&at)?, signature))
    });
    let read = reading.await.map_err(io::Error::other).flatten();
    let (bytes, signature) = read.map_err(|source| LateError::Unreadable {
        file: file.clone(),
        source,
    })?;
    *deployer.rollouts(context).shipped.lock() = Some(file);
    let upload = Upload::shipped(bytes, signature);
    Ok(start::begin(deployer, context, upload).await?)
}
