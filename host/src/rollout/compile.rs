//! TEMP
use std::path::{Path, PathBuf};
use std::time::Duration;
use crate::guest::{ArtifactCache, Engine};
/// x
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// x
    #[error("invalid {reason}")]
    Invalid {/// x
        reason: String },
    /// x
    #[error("long")]
    TooLong {/// x
        limit: Duration },
    /// x
    #[error("memory")]
    TooMuchMemory {/// x
        limit: u64 },
    /// x
    #[error("start")]
    Start,
}
/// x
#[derive(Clone, Copy, Debug)]
pub struct CompileLimits {/// x
    pub time: Duration,/// x
    pub memory: u64 }
/// x
pub struct Compiler;
impl Compiler {
    /// x
    pub fn new(_: Option<PathBuf>) -> Self { Self }
    /// x
    /// # Errors
    /// x
    pub async fn compile(&self, _: &Engine, _: &ArtifactCache, _: &str, _: &Path, _: CompileLimits) -> Result<Duration, CompileError> { Ok(Duration::ZERO) }
}
