//! `innkeeper compile`

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use crate::guest::ArtifactCache;
use crate::rollout::ComponentStore;
use crate::rollout::compile::work;

/// Compile a component into a cache: what the host runs for each component that is brought to it, so that it can be limited and ended
#[derive(Args, Debug)]
pub(super) struct Compile {
    /// The component
    #[arg(long, value_name = "FILE")]
    component: PathBuf,
    /// The directory of compiled components
    #[arg(long, value_name = "DIR")]
    cache: PathBuf,
    /// The component's sha-256
    #[arg(long, value_name = "HEX", value_parser = digest)]
    digest: String,
    /// The most memory that it may take
    #[arg(long, value_name = "BYTES")]
    memory: u64,
    /// The most processor time that it may take
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

impl Compile {
    pub async fn run(self) -> Result<(), Failure> {
        // Nothing else runs in this process, so this thread may be blocked; and the priority is this thread's.
        work::restrict(self.memory, self.seconds)?;
        let cache = ArtifactCache::new(self.cache);
        Ok(work::compile(&cache, &self.digest, &self.component)?)
    }
}

/// A digest names a file.
fn digest(text: &str) -> Result<String, String> {
    match ComponentStore::is_digest(text) {
        true => Ok(text.to_owned()),
        false => Err("a digest has 64 hexadecimal digits, in lower case".into()),
    }
}
