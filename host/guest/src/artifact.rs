//! Components compiled ahead of time, kept on disk.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use wasmtime::component::Component;

use crate::engine::{CompileEngine, Engine};
use crate::load::LoadError;

/// A directory of compiled components, keyed by the engine's settings and the component's digest.
///
/// Its files are machine code that the host runs: the directory is made for the owner alone, and whoever can write to it is trusted.
#[derive(Clone, Debug)]
pub struct ArtifactCache {
    directory: PathBuf,
}

impl ArtifactCache {
    /// A cache in `directory`, which is made when it is first written to.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether the component is there and fit for use, so that loading it takes a millisecond instead of a compilation. Blocks: call it from a
    /// blocking thread.
    pub fn holds(&self, engine: &Engine, digest: &str) -> bool {
        self.find(engine, digest).is_some()
    }

    /// Compiles a component and keeps it, so that every [`Engine`] finds it. Blocks.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] when the bytes are not a component, [`LoadError::Cache`] when the directory cannot be written.
    pub fn compile(
        &self,
        engine: &CompileEngine,
        digest: &str,
        bytes: &[u8],
    ) -> Result<(), LoadError> {
        self.make(engine.wasmtime(), digest, bytes)
    }

    /// Removes what a process left behind that was ended while it wrote.
    pub fn discard_unfinished(&self, engine: &Engine, digest: &str, process: u32) {
        let path = self.path(engine.wasmtime(), digest);
        // Most often there is nothing.
        let _ = std::fs::remove_file(unfinished(&path, process));
    }

    /// The compiled component, when it is there.
    pub(super) fn find(&self, engine: &Engine, digest: &str) -> Option<Component> {
        read(engine, &self.path(engine.wasmtime(), digest))
    }

    /// The compiled component; compiles and keeps it when it is not there yet. Blocks: call it from a blocking thread.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] when the bytes are not a component, [`LoadError::Cache`] when the directory cannot be written.
    pub(super) fn component(
        &self,
        engine: &Engine,
        digest: &str,
        bytes: &[u8],
    ) -> Result<Component, LoadError> {
        if let Some(component) = self.find(engine, digest) {
            return Ok(component);
        }
        self.make(engine.wasmtime(), digest, bytes)?;
        match self.find(engine, digest) {
            Some(component) => Ok(component),
            None => Component::from_binary(engine.wasmtime(), bytes).map_err(LoadError::Invalid),
        }
    }

    /// Forgets a compiled component; it is compiled again when it is needed. Blocks.
    pub fn remove(&self, engine: &Engine, digest: &str) {
        // What cannot be removed does no harm.
        let _ = std::fs::remove_file(self.path(engine.wasmtime(), digest));
    }

    fn make(&self, engine: &wasmtime::Engine, digest: &str, bytes: &[u8]) -> Result<(), LoadError> {
        let compiled = engine
            .precompile_component(bytes)
            .map_err(LoadError::Invalid)?;
        write(&self.path(engine, digest), &compiled).map_err(|source| LoadError::Cache {
            directory: self.directory.clone(),
            source,
        })
    }

    fn path(&self, engine: &wasmtime::Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.directory
            .join(format!("{:016x}", hasher.finish()))
            .join(format!("{digest}.cwasm"))
    }
}

fn read(engine: &Engine, path: &Path) -> Option<Component> {
    if !path.is_file() {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "the file was written whole by `write` below, into a directory of the owner's, by an engine of equal settings"
    )]
    let component = unsafe { Component::deserialize_file(engine.wasmtime(), path) };
    component
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "a compiled component is unusable; compiling it again"))
        .ok()
}

fn write(path: &Path, compiled: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    make_private(directory)?;
    // Two processes may compile the same component at once: each writes its own file, and the rename is atomic.
    let unfinished = unfinished(path, std::process::id());
    let written = write_whole(&unfinished, compiled);
    let kept = written.and_then(|()| std::fs::rename(&unfinished, path));
    if kept.is_err() {
        // A disk that is full is not filled up further.
        let _ = std::fs::remove_file(&unfinished);
    }
    kept
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Where a process writes what is not whole yet.
fn unfinished(path: &Path, process: u32) -> PathBuf {
    path.with_extension(format!("{process}.part"))
}

#[cfg(unix)]
fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EngineOptions, Instances};

    #[test]
    fn what_is_compiled_apart_is_found_by_every_engine() {
        let apart = CompileEngine::new().unwrap();
        let cache = ArtifactCache::new("artifacts");
        for allocation in [Instances::PooledWarm, Instances::PooledDefault] {
            for memory in [1 << 24, 1 << 32] {
                let engine = Engine::new(EngineOptions {
                    instances: 10,
                    memory,
                    allocation,
                })
                .unwrap();
                assert_eq!(
                    cache.path(apart.wasmtime(), "digest"),
                    cache.path(engine.wasmtime(), "digest")
                );
                let bytes = wat::parse_str("(component)").unwrap();
                let compiled = apart.wasmtime().precompile_component(&bytes).unwrap();
                #[expect(unsafe_code, reason = "these bytes were made a line above")]
                let component = unsafe { Component::deserialize(engine.wasmtime(), &compiled) };
                component.unwrap();
            }
        }
    }
}
