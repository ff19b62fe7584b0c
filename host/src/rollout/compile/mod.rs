//! Compiling components apart from what serves: in a process of its own, with limits, one at a time.

mod child;
pub(crate) mod work;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::guest::{ArtifactCache, Engine};

/// What a compilation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// How long it may take, waiting for its turn not counted.
    pub time: Duration,
    /// How much memory it may have, in bytes.
    pub memory: u64,
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It took too long.
    #[error(
        "the component did not compile within {limit:?}; raise `rollout.compile_time`, or make the component smaller"
    )]
    TooLong {
        /// How long it may take.
        limit: Duration,
    },
    /// It wanted too much memory.
    #[error(
        "compiling the component needs more than {limit} bytes of memory; raise `rollout.compile_memory`, or make the component smaller"
    )]
    TooMuchMemory {
        /// How much it may have.
        limit: u64,
    },
    /// It is no component, or uses features that the host does not have.
    #[error("{reason}")]
    Invalid {
        /// What wasmtime says.
        reason: String,
    },
    /// There is no process to compile it.
    #[error(
        "the compiler's process cannot be started: {0}; is the host's program still in its place, and does `ulimit -u` allow another process?"
    )]
    NotStarted(io::Error),
    /// Something that is no fault of the component.
    #[error("the component was not compiled: {reason}")]
    Failed {
        /// What happened.
        reason: String,
    },
}

/// Compiles components for a host, one after the other: whatever waits does not take the processors of what serves.
#[derive(Clone, Debug)]
pub struct Compiler {
    program: Option<PathBuf>,
    turn: Arc<Semaphore>,
}

impl Compiler {
    /// A compiler that runs `program`, which is this binary. Without one it compiles in this process, where the memory is not limited, and what took
    /// too long goes on without anybody waiting for it.
    pub fn new(program: Option<PathBuf>) -> Self {
        Self {
            program,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Sees to it that `cache` holds the component in `file`, whose sha-256 is `digest`. Tells how long that took: no time when it was there already.
    ///
    /// When this is no longer waited for, the compilation ends. How many may wait for their turn is the caller's to bound.
    ///
    /// # Errors
    ///
    /// See [`CompileError`].
    pub async fn compile(
        &self,
        engine: &Engine,
        cache: &ArtifactCache,
        digest: &str,
        file: &Path,
        limits: CompileLimits,
    ) -> Result<Duration, CompileError> {
        // Nobody closes the semaphore.
        let Ok(turn) = self.turn.clone().acquire_owned().await else {
            return Ok(Duration::ZERO);
        };
        if holds(engine, cache, digest).await {
            return Ok(Duration::ZERO);
        }
        let begun = Instant::now();
        match &self.program {
            Some(program) => {
                let child = child::Compilation {
                    program,
                    engine,
                    cache,
                    digest,
                    file,
                    limits,
                };
                child.run().await?;
            }
            None => here(cache, digest, file, limits, turn).await?,
        }
        let took = begun.elapsed();
        match holds(engine, cache, digest).await {
            true => Ok(took),
            false => Err(CompileError::Failed {
                reason: "the compiler's program is of another version than the host; start the host again".to_owned(),
            }),
        }
    }
}

async fn holds(engine: &Engine, cache: &ArtifactCache, digest: &str) -> bool {
    let (engine, cache, digest) = (engine.clone(), cache.clone(), digest.to_owned());
    let looking = tokio::task::spawn_blocking(move || cache.holds(&engine, &digest));
    looking.await.unwrap_or(false)
}

/// Compiles in this process.
async fn here(
    cache: &ArtifactCache,
    digest: &str,
    file: &Path,
    limits: CompileLimits,
    turn: OwnedSemaphorePermit,
) -> Result<(), CompileError> {
    let (cache, digest, file) = (cache.clone(), digest.to_owned(), file.to_owned());
    let working = tokio::task::spawn_blocking(move || {
        // The next one waits for this thread, even when nobody else does.
        let _turn = turn;
        work::compile(&cache, &digest, &file)
    });
    match tokio::time::timeout(limits.time, working).await {
        Err(_) => Err(CompileError::TooLong { limit: limits.time }),
        Ok(Err(error)) => Err(CompileError::Failed {
            reason: error.to_string(),
        }),
        Ok(Ok(done)) => done.map_err(|error| error.of_limits(limits)),
    }
}
