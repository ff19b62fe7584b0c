//! Looking at components apart from what serves: each is wrapped, compiled and asked what it is in a process of its own, with limits, one at a time for whom others come first, and one at a time for whom they do not.
//! What a component's author can do to a parser, a compiler or a list of types happens there, and the host loads only what has passed.

mod child;
mod confine;
pub(crate) mod work;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use super::refusal::Refusal;
use crate::core::{VersionDigest, human_duration};
use crate::guest::{ArtifactCache, CompileEngine, Draft, Engine};

use self::work::WorkError;

/// What a compilation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// How much processor time it may take, in whole seconds.
    pub cpu_time: Duration,
    /// How long it may take altogether, waiting for its turn not counted: how much of the processors it gets is for others to say.
    pub wall_time: Duration,
    /// How much memory it may have, in bytes.
    pub memory: u64,
    /// How much memory the component itself may have while it is asked what it is, in bytes.
    pub guest: u64,
    /// Whether it comes after what serves.
    pub priority: CompilePriority,
}

/// Whether a compilation comes after what serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompilePriority {
    /// It does.
    Background,
    /// It does not: somebody waits for it, or nobody is served until it has ended.
    Foreground,
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It took too much processor time.
    #[error(
        "the component did not compile within {} of processor time; raise `rollout.compile_time`, or make the component smaller",
        human_duration(*.limit)
    )]
    TooLong {
        /// How much it may take.
        limit: Duration,
    },
    /// It took too long without taking much processor time, which is no fault of the component.
    #[error(
        "the component did not compile within {}, probably since other work left it too little processor time; try again when the machine is less busy, or raise `rollout.compile_time`",
        human_duration(*.limit)
    )]
    Starved {
        /// How long it may take altogether.
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
    /// It does not pass a gate.
    #[error(transparent)]
    Refused(Refusal),
    /// Whoever looked at it made a mistake.
    #[error("the compiler failed on the component: {reason}")]
    Broken {
        /// What is known of it.
        reason: String,
    },
    /// There is no process to compile it.
    #[error(
        "the compiler's process could not be started: {0}; check that the host's program was not moved, and that `ulimit -u` allows another process"
    )]
    NotStarted(io::Error),
    /// Something that is no fault of the component.
    #[error("the component was not compiled: {reason}")]
    Failed {
        /// What happened.
        reason: String,
    },
}

/// Compiles components for a host, one of each priority at a time: whatever waits does not take the processors of what serves, and what is compiled behind it,
/// which may last, holds up nothing that is not.
#[derive(Clone, Debug)]
pub struct Compiler {
    program: Option<PathBuf>,
    background: Arc<Semaphore>,
    foreground: Arc<Semaphore>,
}

impl Compiler {
    /// A compiler that runs `program`, which is this binary. Without one it compiles in this process, where the memory is not limited, time is only that of the
    /// clock, and what took too long goes on without anybody waiting for it.
    pub fn new(program: Option<PathBuf>) -> Self {
        Self {
            program,
            background: Arc::new(Semaphore::new(1)),
            foreground: Arc::new(Semaphore::new(1)),
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
        digest: VersionDigest,
        file: &Path,
        limits: CompileLimits,
    ) -> Result<Duration, CompileError> {
        // Nobody closes the semaphore.
        let Ok(turn) = self.turn(limits.priority).acquire_owned().await else {
            return Ok(Duration::ZERO);
        };
        if holds(engine, cache, digest).await {
            return Ok(Duration::ZERO);
        }
        let begun = Instant::now();
        match &self.program {
            Some(program) => {
                let apart = child::Apart { program, limits };
                let (from, draft) = opened(engine, cache, digest, file).await?;
                let to = draft.file().map_err(failed)?;
                apart.compile(digest, from, to).await?;
                blocking(move || draft.keep()).await?;
            }
            None => here(engine, cache, digest, file, limits, turn).await?,
        }
        let took = begun.elapsed();
        if holds(engine, cache, digest).await {
            return Ok(took);
        }
        let (engine, cache) = (engine.clone(), cache.clone());
        blocking(move || {
            cache.remove(&engine, &digest.to_string());
            Ok(())
        })
        .await?;
        Err(CompileError::Failed {
            reason: "the host's program was replaced by another version; restart the host"
                .to_owned(),
        })
    }

    /// Makes a component of a module that wit-bindgen made. It has no more than so many bytes.
    ///
    /// # Errors
    ///
    /// See [`CompileError`].
    pub async fn wrap(
        &self,
        module: Vec<u8>,
        most: u64,
        limits: CompileLimits,
    ) -> Result<Vec<u8>, CompileError> {
        // Nobody closes the semaphore.
        let _turn = self.turn(limits.priority).acquire_owned().await;
        match &self.program {
            Some(program) => child::Apart { program, limits }.wrap(&module, most).await,
            None => {
                let wrapping = tokio::task::spawn_blocking(move || work::wrap(module));
                let wrapped = wrapping.await.map_err(broken)?;
                wrapped.map_err(|error| error.of_limits(limits))
            }
        }
    }

    /// Whose turn it is among those of a priority.
    fn turn(&self, priority: CompilePriority) -> Arc<Semaphore> {
        let turn = match priority {
            CompilePriority::Background => &self.background,
            CompilePriority::Foreground => &self.foreground,
        };
        turn.clone()
    }
}

async fn holds(engine: &Engine, cache: &ArtifactCache, digest: VersionDigest) -> bool {
    let (engine, cache) = (engine.clone(), cache.clone());
    let looking = tokio::task::spawn_blocking(move || cache.holds(&engine, &digest.to_string()));
    looking.await.unwrap_or(false)
}

/// The component's file, and one for what it is compiled to.
async fn opened(
    engine: &Engine,
    cache: &ArtifactCache,
    digest: VersionDigest,
    file: &Path,
) -> Result<(File, Draft), CompileError> {
    let (engine, cache) = (engine.clone(), cache.clone());
    let file = file.to_owned();
    let name = digest.to_string();
    blocking(move || Ok((File::open(&file)?, cache.draft(&engine, &name)?))).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, CompileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(broken)?.map_err(failed)
}

fn failed(error: io::Error) -> CompileError {
    CompileError::Failed {
        reason: format!("{error}; make room in the data directory, and let the host write there"),
    }
}

fn broken(error: JoinError) -> CompileError {
    CompileError::Broken {
        reason: error.to_string(),
    }
}

/// Compiles in this process.
async fn here(
    engine: &Engine,
    cache: &ArtifactCache,
    digest: VersionDigest,
    file: &Path,
    limits: CompileLimits,
    turn: OwnedSemaphorePermit,
) -> Result<(), CompileError> {
    let (engine, cache) = (engine.clone(), cache.clone());
    let file = file.to_owned();
    let runtime = Handle::current();
    let working = tokio::task::spawn_blocking(move || {
        // The next one waits for this thread, even when nobody else does.
        let _turn = turn;
        let bytes = std::fs::read(&file).map_err(WorkError::Unreadable)?;
        let found = VersionDigest::of(&bytes);
        if found != digest {
            return Err(WorkError::Changed { found });
        }
        let compiler = CompileEngine::new().map_err(WorkError::NoCompiler)?;
        let compiled = compiler.compile(&bytes)?;
        runtime.block_on(work::try_out(&compiler, &compiled, limits.guest))?;
        let kept = cache.draft(&engine, &digest.to_string()).and_then(|draft| {
            draft.file()?.write_all(compiled.bytes())?;
            draft.keep()
        });
        kept.map_err(WorkError::Unwritable)
    });
    match tokio::time::timeout(limits.cpu_time, working).await {
        Err(_) => Err(CompileError::TooLong {
            limit: limits.cpu_time,
        }),
        Ok(Err(error)) => Err(broken(error)),
        Ok(Ok(done)) => done.map_err(|error| error.of_limits(limits)),
    }
}
