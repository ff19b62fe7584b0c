//! A compilation in a process of its own: `innkeeper compile`.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::{CompileError, CompileLimits, work};
use crate::guest::{ArtifactCache, Engine};

/// How much is read of what the process says.
const SAID: u64 = 16 << 10;
/// How Rust begins what it says when it ends a process for want of memory.
const NO_MEMORY: &str = "memory allocation of ";
/// The signals that tell what happened.
const ABORTED: i32 = 6;
const KILLED: i32 = 9;
const OUT_OF_TIME: i32 = 24;

/// What is to be compiled, and how.
pub(super) struct Compilation<'a> {
    pub program: &'a Path,
    pub engine: &'a Engine,
    pub cache: &'a ArtifactCache,
    pub digest: &'a str,
    pub file: &'a Path,
    pub limits: CompileLimits,
}

impl Compilation<'_> {
    /// Runs the process to its end, or to the end of its time. Dropping this ends it, too.
    pub(super) async fn run(self) -> Result<(), CompileError> {
        let mut child = self.start().map_err(CompileError::NotStarted)?;
        let process = child.id();
        let ended = tokio::time::timeout(self.limits.time, end(&mut child)).await;
        let result = match ended {
            Ok(Ok((status, said))) => self.judge(status, &said),
            Ok(Err(error)) => Err(CompileError::Failed {
                reason: error.to_string(),
            }),
            Err(_) => {
                // It may have ended just now, which is well, too.
                let _ = child.kill().await;
                Err(self.too_long())
            }
        };
        if let (Err(_), Some(process)) = (&result, process) {
            self.cache
                .discard_unfinished(self.engine, self.digest, process);
        }
        result
    }

    fn start(&self) -> std::io::Result<Child> {
        // A process that is ended by its host ends by that; the margin is for one whose host is gone.
        let seconds = self.limits.time.as_secs().saturating_add(2);
        Command::new(self.program)
            .arg("compile")
            .arg("--component")
            .arg(self.file)
            .arg("--cache")
            .arg(self.cache.directory())
            .args(["--digest", self.digest])
            .args(["--memory", &self.limits.memory.to_string()])
            .args(["--seconds", &seconds.to_string()])
            // It reads what others wrote: nothing of the host's settings is its business.
            .env_clear()
            .envs([work::RESERVE_LITTLE])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    fn judge(&self, status: ExitStatus, said: &str) -> Result<(), CompileError> {
        let said = said.trim();
        let reason = said.strip_prefix("error: ").unwrap_or(said).to_owned();
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Err(match (code, status.signal()) {
            (Some(0), _) => return Ok(()),
            (Some(work::INVALID), _) => CompileError::Invalid { reason },
            (Some(work::NO_MEMORY), _) => self.too_much_memory(),
            (_, Some(ABORTED)) if said.contains(NO_MEMORY) => self.too_much_memory(),
            (_, Some(OUT_OF_TIME)) => self.too_long(),
            (_, Some(KILLED)) => CompileError::Failed {
                reason: "its process was killed, as the system does when the machine or the container is out of memory".to_owned(),
            },
            _ => CompileError::Failed {
                reason: format!("its process ended with {status}: {reason}"),
            },
        })
    }

    fn too_long(&self) -> CompileError {
        CompileError::TooLong {
            limit: self.limits.time,
        }
    }

    fn too_much_memory(&self) -> CompileError {
        CompileError::TooMuchMemory {
            limit: self.limits.memory,
        }
    }
}

/// Waits for a process, and reads what it says.
async fn end(child: &mut Child) -> std::io::Result<(ExitStatus, String)> {
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(SAID).read_to_end(&mut said).await?;
    }
    let status = child.wait().await?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}
