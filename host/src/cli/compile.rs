//! `innkeeper compile` and `innkeeper wrap`

use clap::Args;

use super::failure::Failure;
use crate::core::VersionDigest;
use crate::rollout::compile::CompilePriority;
use crate::rollout::compile::work::{self, Bounds};

/// Compile the component that standard input brings, and write its machine code to standard output: what the host runs for each component that is brought to it, so that
/// it can be limited and ended
#[derive(Args, Debug)]
pub(super) struct Compile {
    /// The component's sha-256
    #[arg(long, value_name = "HEX")]
    digest: VersionDigest,
    /// The most memory that the component may have while it is asked what it is
    #[arg(long, value_name = "BYTES")]
    guest_memory: u64,
    #[command(flatten)]
    limits: Limits,
}

/// Make a component of the module that standard input brings, and write it to standard output: what the host runs for each module that is brought to it
#[derive(Args, Debug)]
pub(super) struct Wrap {
    #[command(flatten)]
    limits: Limits,
}

#[derive(Args, Debug)]
struct Limits {
    /// The most memory that it may take
    #[arg(long, value_name = "BYTES")]
    memory: u64,
    /// The most processor time that it may take
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Come after whatever else wants the processor
    #[arg(long)]
    behind: bool,
}

impl Compile {
    pub async fn run(self) -> Result<(), Failure> {
        Ok(work::compile_apart(self.limits.bounds(), self.digest, self.guest_memory).await?)
    }
}

impl Wrap {
    pub fn run(&self) -> Result<(), Failure> {
        Ok(work::wrap_apart(self.limits.bounds())?)
    }
}

impl Limits {
    fn bounds(&self) -> Bounds {
        Bounds {
            memory: self.memory,
            seconds: self.seconds,
            priority: match self.behind {
                true => CompilePriority::Background,
                false => CompilePriority::Foreground,
            },
        }
    }
}
