//! A process that looks at one component and then ends: `innkeeper compile` and `innkeeper wrap`.
//!
//! It has what it is given, and nothing else of the host: no settings, no files, no secrets; and where the host may choose, it is another user.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::geteuid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::{CompileError, CompileLimits, CompilePriority, work};
use crate::core::VersionDigest;
use crate::rollout::refusal::{Gate, Refusal};

/// How much is read of what the process says.
const SAID: u64 = 16 << 10;
/// How Rust begins what it says when it ends a process for want of memory.
const NO_MEMORY: &str = "memory allocation of ";
/// The exit code of a process that panicked.
const PANICKED: u8 = 101;
/// The user that has nothing, by convention.
const NOBODY: u32 = 65_534;
/// The signals that tell what happened.
const ABORTED: i32 = 6;
const KILLED: i32 = 9;
const OUT_OF_TIME: i32 = 24;
const OUT_OF_ROOM: i32 = 25;

/// How a process has ended, and what it has said.
type Ended = (ExitStatus, String);

/// What is run, and within which limits.
pub(super) struct Apart<'a> {
    pub program: &'a Path,
    pub limits: CompileLimits,
}

impl Apart<'_> {
    /// Compiles the component in a file into another one.
    pub(super) async fn compile(
        &self,
        digest: VersionDigest,
        from: File,
        to: File,
    ) -> Result<(), CompileError> {
        let guest = self.limits.guest.to_string();
        let arguments = [
            "compile",
            "--digest",
            &digest.to_string(),
            "--guest-memory",
            &guest,
        ];
        let mut child = self.start(&arguments, || {
            Ok((Stdio::from(from.try_clone()?), Stdio::from(to.try_clone()?)))
        })?;
        let ended = timeout(self.limits.wall_time, end(&mut child)).await;
        let ended = ended.map(|ended| ended.map(|ended| (ended, ())));
        self.settle(child, ended).await
    }

    /// Makes a component of a module; it has no more than so many bytes.
    pub(super) async fn wrap(&self, module: &[u8], most: u64) -> Result<Vec<u8>, CompileError> {
        let mut child = self.start(&["wrap"], || Ok((Stdio::piped(), Stdio::piped())))?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let giving = async move {
            if let Some(mut to) = to {
                // Whoever does not read to the end says why.
                let _ = to.write_all(module).await;
            }
        };
        let taking = async move {
            let mut component = Vec::new();
            if let Some(from) = from {
                let mut from = from.take(most.saturating_add(1));
                from.read_to_end(&mut component).await?;
            }
            Ok::<_, io::Error>(component)
        };
        let ended = timeout(self.limits.wall_time, async {
            let ((), taken, ended) = tokio::join!(giving, taking, end(&mut child));
            Ok((ended?, taken?))
        });
        let ended = ended.await;
        self.settle(child, ended).await
    }

    /// What a process has come to, within its time or not. Whoever does not come so far ends it, too.
    async fn settle<T>(
        &self,
        mut child: Child,
        ended: Result<io::Result<(Ended, T)>, Elapsed>,
    ) -> Result<T, CompileError> {
        match ended {
            Ok(Ok(((status, said), result))) => self.analyze(status, &said).map(|()| result),
            Ok(Err(error)) => Err(CompileError::Failed {
                reason: error.to_string(),
            }),
            Err(_) => {
                // It may have ended just now, which is well, too.
                let _ = child.kill().await;
                Err(CompileError::Starved {
                    limit: self.limits.wall_time,
                })
            }
        }
    }

    fn start(
        &self,
        arguments: &[&str],
        ends: impl Fn() -> io::Result<(Stdio, Stdio)>,
    ) -> Result<Child, CompileError> {
        let seconds = self.limits.cpu_time.as_secs();
        let is_behind = self.limits.priority == CompilePriority::Background;
        let start_as = |user: Option<u32>| {
            let (input, output) = ends()?;
            let mut command = Command::new(self.program);
            command
                .args(arguments)
                .args(["--memory", &self.limits.memory.to_string()])
                .args(["--seconds", &seconds.to_string()])
                .args(is_behind.then_some("--behind"))
                // It reads what others wrote: nothing of the host's settings is its business.
                .env_clear()
                .stdin(input)
                .stdout(output)
                .stderr(Stdio::piped())
                .kill_on_drop(true);
            if let Some(user) = user {
                command.uid(user).gid(user);
            }
            command.spawn()
        };
        let started = match geteuid().is_root() {
            // A program that only its owner may run is run by its owner.
            true => start_as(Some(NOBODY)).or_else(|_| start_as(None)),
            false => start_as(None),
        };
        started.map_err(CompileError::NotStarted)
    }

    fn analyze(&self, status: ExitStatus, said: &str) -> Result<(), CompileError> {
        let said = said.trim();
        let reason = said.strip_prefix("error: ").unwrap_or(said).to_owned();
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Err(match (code, status.signal()) {
            (Some(0), _) => return Ok(()),
            (Some(work::REFUSED), _) => refused(&reason),
            (Some(work::NO_MEMORY), _) => self.too_much_memory(),
            (_, Some(ABORTED)) if said.contains(NO_MEMORY) => self.too_much_memory(),
            (_, Some(OUT_OF_TIME)) => self.too_long(),
            (_, Some(OUT_OF_ROOM)) => self.too_much_memory(),
            (_, Some(KILLED)) => CompileError::Failed {
                reason: "its process was killed, as the system does when the machine or the container is out of memory".to_owned(),
            },
            (Some(PANICKED | work::BROKEN), _) | (_, Some(_)) => CompileError::Broken {
                reason: format!("its process ended with {status}: {reason}"),
            },
            _ => CompileError::Failed {
                reason: format!("its process ended with {status}: {reason}"),
            },
        })
    }

    fn too_long(&self) -> CompileError {
        CompileError::TooLong {
            limit: self.limits.cpu_time,
        }
    }

    fn too_much_memory(&self) -> CompileError {
        CompileError::TooMuchMemory {
            limit: self.limits.memory,
        }
    }
}

/// What a process says that refuses a component: the gate, and why.
fn refused(said: &str) -> CompileError {
    let found = said.split_once(": ");
    let gate = found.and_then(|(gate, reason)| Some((Gate::apart(gate)?, reason)));
    match gate {
        Some((gate, reason)) => CompileError::Refused(Refusal::at(gate, reason)),
        None => CompileError::Refused(Refusal::at(Gate::Component, said)),
    }
}

/// Waits for a process, and reads what it says.
async fn end(child: &mut Child) -> io::Result<Ended> {
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(SAID).read_to_end(&mut said).await?;
    }
    let status = child.wait().await?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}
