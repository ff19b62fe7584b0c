//! Bringing a component into the host.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::describe::describe;
use super::version::{Description, Version};
use crate::guest::{ArtifactCache, Engine, Fault, Guest, LoadError};
use crate::invocation::reuse::Answers;
use crate::manifest::ContextSettings;

/// Why a component does not become a version.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
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
    /// It cannot be loaded.
    #[error("context {context}: {}: {source}", file.display())]
    Load {
        /// The context.
        context: String,
        /// The component's file.
        file: PathBuf,
        /// What is wrong with it.
        source: LoadError,
    },
    /// It cannot say what it is.
    #[error("context {context}: {}: `describe` failed: {source}", file.display())]
    Describe {
        /// The context.
        context: String,
        /// The component's file.
        file: PathBuf,
        /// What it did instead.
        source: Fault,
    },
    /// What it says does not fit what it exports.
    #[error(
        "context {context}: it describes {what}, but does not export `{export}`; export it, or describe less"
    )]
    Promise {
        /// The context.
        context: String,
        /// What is described.
        what: &'static str,
        /// What is missing for it.
        export: String,
    },
    /// It is not ready.
    #[error("context {context}: not ready: {reason}")]
    NotReady {
        /// The context.
        context: String,
        /// What it says.
        reason: String,
    },
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

/// Loads a component file as a version of a context: compiled (or found in the cache), linked, described.
///
/// # Errors
///
/// See [`RolloutError`].
pub async fn load(
    engine: &Engine,
    cache: &ArtifactCache,
    context: &str,
    settings: &ContextSettings,
    file: &Path,
) -> Result<Version, RolloutError> {
    let loading = {
        let (engine, cache) = (engine.clone(), cache.clone());
        let (context, file) = (context.to_owned(), file.to_owned());
        // Reading and compiling block.
        tokio::task::spawn_blocking(move || read_and_compile(&engine, &cache, context, file))
    };
    let (digest, guest) = loading.await.map_err(|_| RolloutError::Stopping)??;
    let memory = usize::try_from(settings.limits.memory).unwrap_or(usize::MAX);
    let said = describe(&guest, memory)
        .await
        .map_err(|source| RolloutError::Describe {
            context: context.to_owned(),
            file: file.to_owned(),
            source,
        })?;
    let description = Description::new(said, &guest);
    check_promises(context, &description, &guest)?;
    Ok(Version {
        digest,
        number: 1,
        label: None,
        loaded_at: SystemTime::now(),
        description,
        guest,
        answers: Answers::new(settings.limits.answers),
    })
}

fn read_and_compile(
    engine: &Engine,
    cache: &ArtifactCache,
    context: String,
    file: PathBuf,
) -> Result<(String, Guest), RolloutError> {
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(source) => {
            return Err(RolloutError::Unreadable {
                context,
                file,
                source,
            });
        }
    };
    let digest = hex::encode(Sha256::digest(&bytes));
    match Guest::load(engine, cache, &digest, &bytes) {
        Ok(guest) => Ok((digest, guest)),
        Err(source) => Err(RolloutError::Load {
            context,
            file,
            source,
        }),
    }
}

fn check_promises(
    context: &str,
    description: &Description,
    guest: &Guest,
) -> Result<(), RolloutError> {
    let promise = |what, export: &str| {
        Err(RolloutError::Promise {
            context: context.to_owned(),
            what,
            export: export.to_owned(),
        })
    };
    if !description.routes.is_empty() && !description.web {
        return promise("routes", "innkeeper:context/web@0.1.0");
    }
    if !description.follows.is_empty() && !description.policies {
        return promise("events to follow", "innkeeper:context/policies@0.1.0");
    }
    for compensation in &description.compensations {
        for function in [&compensation.function, &compensation.undo] {
            let offered = function
                .split_once('#')
                .and_then(|(interface, name)| guest.offers().get(interface)?.operations.get(name));
            if offered.is_none() {
                return promise("a compensation", function);
            }
        }
    }
    Ok(())
}
