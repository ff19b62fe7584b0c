//! Components compiled ahead of time, kept on disk.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use wasmtime::component::Component;

use crate::engine::Engine;
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

    /// Whether the component is there already, so that loading it takes a millisecond instead of a compilation.
    pub fn holds(&self, engine: &Engine, digest: &str) -> bool {
        self.path(engine, digest).is_file()
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
        let path = self.path(engine, digest);
        if let Some(component) = read(engine, &path) {
            return Ok(component);
        }
        let compiled = engine
            .wasmtime()
            .precompile_component(bytes)
            .map_err(LoadError::Invalid)?;
        write(&path, &compiled).map_err(|source| LoadError::Cache {
            directory: self.directory.clone(),
            source,
        })?;
        match read(engine, &path) {
            Some(component) => Ok(component),
            None => Component::from_binary(engine.wasmtime(), bytes).map_err(LoadError::Invalid),
        }
    }

    /// Forgets a compiled component; it is compiled again when it is needed. Blocks.
    pub fn remove(&self, engine: &Engine, digest: &str) {
        // What cannot be removed does no harm.
        let _ = std::fs::remove_file(self.path(engine, digest));
    }

    fn path(&self, engine: &Engine, digest: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine
            .wasmtime()
            .precompile_compatibility_hash()
            .hash(&mut hasher);
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
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(compiled)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)
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
