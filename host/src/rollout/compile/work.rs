//! The compilation itself, and what a process that does nothing else takes upon itself before.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use sha2::{Digest, Sha256};

use super::{CompileError, CompileLimits};
use crate::guest::{ArtifactCache, CompileEngine, LoadError};

/// The exit code of a process whose component is invalid.
pub(super) const INVALID: u8 = 3;
/// The exit code of a process that was refused memory and could say so.
pub(super) const NO_MEMORY: u8 = 4;
/// A variable, and its value, by which the allocator takes from the system what is used, not a gigabyte ahead of it: the limit counts what it took.
pub(super) const RESERVE_LITTLE: (&str, &str) = ("MIMALLOC_ARENA_EAGER_COMMIT", "0");
/// The lowest priority there is.
const LAST: i32 = 19;

/// Why a component was not compiled, where it is compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// The process cannot limit itself.
    #[error("the limits of the process cannot be set: {0}")]
    Limits(io::Error),
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    /// The file has other bytes than it should.
    #[error("{} has changed: its sha-256 is {found}", file.display())]
    Changed { file: PathBuf, found: String },
    /// There is no compiler.
    #[error("there is no compiler for this machine: {0:#}")]
    NoCompiler(wasmtime::Error),
    /// The system refused memory.
    #[error("the limit of memory is reached")]
    NoMemory,
    /// It is invalid, or cannot be kept.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl WorkError {
    /// What a process that fails with this exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::NoMemory => NO_MEMORY,
            Self::Load(LoadError::Invalid(_)) => INVALID,
            _ => 1,
        }
    }

    /// What is said of it, in one line: wasmtime may take some.
    pub(crate) fn line(&self) -> String {
        let text = self.to_string();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What it means to whoever wanted it compiled.
    pub(super) fn of_limits(self, limits: CompileLimits) -> CompileError {
        let reason = self.line();
        match self {
            Self::NoMemory => CompileError::TooMuchMemory {
                limit: limits.memory,
            },
            Self::Load(LoadError::Invalid(_)) => CompileError::Invalid { reason },
            _ => CompileError::Failed { reason },
        }
    }
}

/// From now on this process comes after all others and has no more than so much memory and processor time. Must be called by the thread that compiles:
/// the priority is a thread's own. Whoever starts the process sets [`RESERVE_LITTLE`], or there is a gigabyte before the limit is felt.
pub(crate) fn restrict(memory: u64, seconds: Option<u64>) -> Result<(), WorkError> {
    let failed = |error: Errno| WorkError::Limits(error.into());
    nice(LAST).map_err(failed)?;
    // Not address space: the allocator and wasmtime reserve much more of it than they use.
    limit(Resource::Data, memory).map_err(failed)?;
    if let Some(seconds) = seconds {
        // Should the host be gone that would end this process, then the system does.
        limit(Resource::Cpu, seconds).map_err(failed)?;
    }
    // To run into a limit is nothing to investigate.
    limit(Resource::Core, 0).map_err(failed)
}

fn limit(resource: Resource, most: u64) -> Result<(), Errno> {
    // A limit that is there already can only be lowered.
    let most = getrlimit(resource)
        .maximum
        .map_or(most, |maximum| maximum.min(most));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(resource, limit)
}

/// Compiles the component in `file`, whose sha-256 is `digest`, into `cache`. Blocks.
pub(crate) fn compile(cache: &ArtifactCache, digest: &str, file: &Path) -> Result<(), WorkError> {
    let bytes = std::fs::read(file).map_err(|source| match source.kind() {
        io::ErrorKind::OutOfMemory => WorkError::NoMemory,
        _ => WorkError::Unreadable {
            file: file.to_owned(),
            source,
        },
    })?;
    let found = hex::encode(Sha256::digest(&bytes));
    if found != digest {
        let file = file.to_owned();
        return Err(WorkError::Changed { file, found });
    }
    let engine = CompileEngine::new().map_err(WorkError::NoCompiler)?;
    cache
        .compile(&engine, digest, &bytes)
        .map_err(|error| match error {
            LoadError::Invalid(error) if wants_memory(&error) => WorkError::NoMemory,
            error => WorkError::Load(error),
        })
}

/// Most often the allocator ends the process when there is no memory; where wasmtime maps memory itself, it is an error.
fn wants_memory(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::OutOfMemory>()
        || error.chain().any(|cause| {
            let errno = cause.downcast_ref::<Errno>().copied();
            let of_io = cause.downcast_ref::<io::Error>();
            errno == Some(Errno::NOMEM)
                || of_io.is_some_and(|error| error.kind() == io::ErrorKind::OutOfMemory)
        })
}
