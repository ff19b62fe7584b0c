//! The work itself, where it is done: in a process that does nothing else, or, where there is no such, in this one.

use std::io::{self, Read, Write};
use std::sync::mpsc;
use std::thread;

use rustix::io::Errno;
use rustix::process::nice;

use super::{CompileError, CompileLimits, CompilePriority, confine};
use crate::build;
use crate::core::VersionDigest;
use crate::guest::{CompileEngine, Compiled, LoadError};
use crate::rollout::load;
use crate::rollout::refusal::{Gate, Refusal};

/// The exit code of a process whose component is refused.
pub(super) const REFUSED: u8 = 3;
/// The exit code of a process that was refused memory and could say so.
pub(super) const NO_MEMORY: u8 = 4;
/// The exit code of a process in which something went wrong that should not.
pub(super) const BROKEN: u8 = 5;
/// How far behind what serves a compilation comes: it has a tenth of the processor time where that wants all of it. At the lowest priority it might never end then.
const BEHIND: i32 = 10;
/// The stack of the thread that compiles, as large as that of a process.
const STACK: usize = 8 << 20;

/// Why a component was not compiled, where it is compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// The process cannot limit itself.
    #[error("the limits of the process cannot be set: {0}")]
    Limits(io::Error),
    /// What is to be looked at cannot be read.
    #[error("the component cannot be read from standard input: {0}")]
    Unreadable(io::Error),
    /// What came of it cannot be written.
    #[error("the result cannot be written: {0}; make room in the data directory")]
    Unwritable(io::Error),
    /// It has other bytes than it should.
    #[error("the component has changed: its sha-256 is {found}")]
    Changed { found: VersionDigest },
    /// There is no compiler.
    #[error("there is no compiler for this machine: {0:#}")]
    NoCompiler(wasmtime::Error),
    /// The system refused memory.
    #[error("the limit of memory is reached")]
    NoMemory,
    /// The compiler made a mistake.
    #[error("the compiler failed on it")]
    Broken,
    /// It does not pass a gate.
    #[error("{gate}: {reason}", gate = .0.gate.name(), reason = .0.reason)]
    Refused(#[from] Refusal),
}

impl WorkError {
    /// What a process that fails with this exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::NoMemory => NO_MEMORY,
            Self::Broken => BROKEN,
            Self::Refused(_) => REFUSED,
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
            Self::Broken => CompileError::Broken { reason },
            Self::Refused(refusal) => CompileError::Refused(refusal),
            _ => CompileError::Failed { reason },
        }
    }
}

impl From<LoadError> for WorkError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Invalid(error) | LoadError::OverLimits(error) if wants_memory(&error) => {
                Self::NoMemory
            }
            error => Self::Refused(load::of_load(&error)),
        }
    }
}

/// What a process that only looks at a component may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of memory.
    pub memory: u64,
    /// Seconds of processor time.
    pub seconds: Option<u64>,
    /// Whether it comes after what serves.
    pub priority: CompilePriority,
}

/// Compiles the component that standard input brings, asks it what it is, and writes its machine code to standard output. Nothing else runs in this process.
pub(crate) async fn compile_apart(
    bounds: Bounds,
    digest: VersionDigest,
    guest_memory: u64,
) -> Result<(), WorkError> {
    let engine = CompileEngine::new().map_err(WorkError::NoCompiler)?;
    let coding = Coding::start(engine.clone(), bounds.priority).map_err(WorkError::Limits)?;
    confine::confine(bounds.memory, bounds.seconds).map_err(WorkError::Limits)?;
    let bytes = read()?;
    let found = VersionDigest::of(&bytes);
    if found != digest {
        return Err(WorkError::Changed { found });
    }
    let compiled = coding.compile(bytes)?;
    try_out(&engine, &compiled, guest_memory).await?;
    write(compiled.bytes())
}

/// Makes a component of the module that standard input brings, and writes it to standard output.
pub(crate) fn wrap_apart(bounds: Bounds) -> Result<(), WorkError> {
    confine::confine(bounds.memory, bounds.seconds).map_err(WorkError::Limits)?;
    write(&wrap(read()?)?)
}

/// A component of a module.
pub(super) fn wrap(module: Vec<u8>) -> Result<Vec<u8>, WorkError> {
    let wrapped = build::componentize("the module", module);
    wrapped.map_err(|error| Refusal::at(Gate::Component, error).into())
}

/// Whether a compiled component passes the gates at which it is looked at alone.
pub(super) async fn try_out(
    engine: &CompileEngine,
    compiled: &Compiled,
    guest_memory: u64,
) -> Result<(), WorkError> {
    let guest = engine.load(compiled)?;
    load::examine(&guest, guest_memory, None).await?;
    Ok(())
}

fn read() -> Result<Vec<u8>, WorkError> {
    let mut bytes = Vec::new();
    match io::stdin().lock().read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => Err(WorkError::NoMemory),
        Err(error) => Err(WorkError::Unreadable(error)),
    }
}

fn write(bytes: &[u8]) -> Result<(), WorkError> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(WorkError::Unwritable)
}

/// A thread that compiles, and may come after others: the priority is a thread's own, and what a component is asked has only so much time to answer.
struct Coding {
    bytes: mpsc::Sender<Vec<u8>>,
    compiled: mpsc::Receiver<Result<Compiled, LoadError>>,
}

impl Coding {
    fn start(engine: CompileEngine, priority: CompilePriority) -> io::Result<Self> {
        let (bytes, coming) = mpsc::channel::<Vec<u8>>();
        let (done, compiled) = mpsc::channel();
        thread::Builder::new()
            .name("innkeeper-compile".into())
            .stack_size(STACK)
            .spawn(move || {
                if priority == CompilePriority::Background {
                    // What cannot come behind comes with the others.
                    let _ = nice(BEHIND);
                }
                for bytes in coming {
                    // Whoever does not wait for it is gone.
                    let _ = done.send(engine.compile(&bytes));
                }
            })?;
        Ok(Self { bytes, compiled })
    }

    /// Waits for the thread. It has ended when the compiler made a mistake.
    fn compile(self, bytes: Vec<u8>) -> Result<Compiled, WorkError> {
        self.bytes.send(bytes).map_err(|_| WorkError::Broken)?;
        let compiled = self.compiled.recv().map_err(|_| WorkError::Broken)?;
        Ok(compiled?)
    }
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
