//! Components compiled ahead of time, kept on disk.
//!
//! A file is named by the component's digest and a checksum of what is in it. It is machine code that will be mapped and run: it is read through and compared with its name
//! first, and what does not fit is compiled again. What was just read is in the system's cache of pages, and that is what is mapped.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use twox_hash::XxHash64;

use wasmtime::component::Component;

use crate::code::Code;
use crate::engine::Engine;
use crate::guest::Guest;
use crate::load_error::LoadError;
use crate::runtime::Runtime;

const SEED: u64 = 0;
const EXTENSION: &str = "cwasm";
const PART: &str = "part";

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

    /// A file for what a component is compiled to. Blocks.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written.
    pub fn draft(&self, engine: &Engine, digest: &str) -> io::Result<Draft> {
        Draft::new(&self.of_engine(engine.runtime()), digest)
    }

    /// Removes what other engines compiled, which this one cannot run: those of other versions of the host, or with other settings. Blocks.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read or written.
    pub fn remove_foreign(&self, engine: &Engine) -> io::Result<()> {
        let ours = self.of_engine(engine.runtime());
        for path in entries(&self.directory)? {
            if path != ours && is_of_an_engine(&path) {
                std::fs::remove_dir_all(&path)?;
            }
        }
        for path in entries(&ours)? {
            let is_ours = path.extension().is_some_and(|extension| extension == PART)
                || checksum_in_name(&path).is_some();
            if !is_ours && path.is_file() {
                std::fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// The compiled component, when it is there and sound.
    pub(super) fn find(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let files = self.files(engine.runtime(), digest);
        files.iter().find_map(|path| read(engine, path))
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
        self.make(engine.runtime(), digest, bytes)?;
        match self.find(engine, digest) {
            Some(component) => Ok(component),
            None => Component::from_binary(engine.wasmtime(), bytes).map_err(LoadError::Invalid),
        }
    }

    /// Forgets a compiled component; it is compiled again when it is needed. Blocks.
    pub fn remove(&self, engine: &Engine, digest: &str) {
        for path in self.files(engine.runtime(), digest) {
            // What cannot be removed does no harm.
            let _ = std::fs::remove_file(path);
        }
    }

    fn make(&self, runtime: &Runtime, digest: &str, bytes: &[u8]) -> Result<(), LoadError> {
        let compiled = runtime
            .wasmtime()
            .precompile_component(bytes)
            .map_err(LoadError::Invalid)?;
        let kept = Draft::new(&self.of_engine(runtime), digest).and_then(|mut draft| {
            draft.file.write_all(&compiled)?;
            draft.keep()
        });
        kept.map_err(|source| LoadError::Cache {
            directory: self.directory.clone(),
            source,
        })
    }

    /// Where what an engine compiles is kept.
    fn of_engine(&self, runtime: &Runtime) -> PathBuf {
        self.directory.join(format!("{:016x}", runtime.code_hash()))
    }

    /// The files of a component: one, unless two processes have compiled it differently.
    fn files(&self, runtime: &Runtime, digest: &str) -> Vec<PathBuf> {
        let beginning = format!("{digest}-");
        // What cannot be listed is compiled again, which says why.
        let mut files = entries(&self.of_engine(runtime)).unwrap_or_default();
        files.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(&beginning))
                && checksum_in_name(path).is_some()
        });
        files
    }
}

impl Guest {
    /// Compiles (or finds in the cache), checks and links a component, unless it is loaded already. Blocks: call it from a blocking thread.
    ///
    /// # Errors
    ///
    /// See [`LoadError`]: each says what its author can do.
    pub fn load(
        engine: &Engine,
        cache: &ArtifactCache,
        digest: &str,
        bytes: &[u8],
    ) -> Result<Arc<Self>, LoadError> {
        let code = engine.code_cache().find_or_load(digest, || {
            Code::of_component(engine.runtime(), cache.component(engine, digest, bytes)?)
        })?;
        Ok(Arc::new(Self::of_code(engine.runtime(), code)))
    }

    /// The same for a component that was compiled before: never compiles. Blocks for milliseconds.
    ///
    /// # Errors
    ///
    /// [`LoadError::NotCompiled`] when it is not in the cache, and all that [`Guest::load`] has but for what compiling has.
    pub fn load_compiled(
        engine: &Engine,
        cache: &ArtifactCache,
        digest: &str,
    ) -> Result<Arc<Self>, LoadError> {
        let read = || Self::read_compiled(engine, cache, digest);
        let code = engine.code_cache().find_or_load(digest, read)?;
        Ok(Arc::new(Self::of_code(engine.runtime(), code)))
    }

    /// The same, read from disk anew although it is loaded already: its machine code is compared with its checksum again. Blocks for milliseconds.
    ///
    /// # Errors
    ///
    /// What [`Guest::load_compiled`] has.
    pub fn reload_compiled(
        engine: &Engine,
        cache: &ArtifactCache,
        digest: &str,
    ) -> Result<Arc<Self>, LoadError> {
        let read = || Self::read_compiled(engine, cache, digest);
        let code = engine.code_cache().reload(digest, read)?;
        Ok(Arc::new(Self::of_code(engine.runtime(), code)))
    }

    fn read_compiled(
        engine: &Engine,
        cache: &ArtifactCache,
        digest: &str,
    ) -> Result<Code, LoadError> {
        match cache.find(engine, digest) {
            Some(component) => Code::of_component(engine.runtime(), component),
            None => Err(LoadError::NotCompiled {
                directory: cache.directory().to_owned(),
            }),
        }
    }
}

/// What a directory holds; nothing when it is not there.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

/// Whether a directory is named as those of engines are.
fn is_of_an_engine(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.len() == 16 && u64::from_str_radix(name, 16).is_ok())
        && path.is_dir()
}

/// What the content of a file should come to.
fn checksum_in_name(path: &Path) -> Option<u64> {
    let is_compiled = path
        .extension()
        .is_some_and(|extension| extension == EXTENSION);
    let (_, checksum) = path.file_stem()?.to_str()?.rsplit_once('-')?;
    (is_compiled && checksum.len() == 16).then_some(())?;
    u64::from_str_radix(checksum, 16).ok()
}

/// What the content of a file comes to.
fn checksum(path: &Path) -> io::Result<u64> {
    const STEP: usize = 32 << 10;
    let mut file = File::open(path)?;
    let mut hasher = XxHash64::with_seed(SEED);
    // Large enough that reading costs little, and small enough for the stack: memory from the system would have to be zeroed first.
    let mut step = [0; STEP];
    loop {
        match file.read(&mut step)? {
            0 => return Ok(hasher.finish()),
            length => hasher.write(step.get(..length).unwrap_or_default()),
        }
    }
}

fn read(engine: &Engine, path: &Path) -> Option<Component> {
    let found = checksum(path);
    if !found
        .as_ref()
        .is_ok_and(|found| checksum_in_name(path) == Some(*found))
    {
        tracing::warn!(path = %path.display(), "a compiled component is damaged; compiling it again");
        // It would be read again at each start.
        let _ = std::fs::remove_file(path);
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "the file was written as a `Draft`, into a directory of the owner's, by an engine of equal settings, and its bytes are those that were written: its checksum was compared just now"
    )]
    let component = unsafe { Component::deserialize_file(engine.wasmtime(), path) };
    component
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "a compiled component is unusable; compiling it again"))
        .ok()
}

/// What a component is compiled to, on its way into the cache: a file that nobody else writes to, and that goes with this unless it is kept.
#[derive(Debug)]
pub struct Draft {
    directory: PathBuf,
    digest: String,
    path: PathBuf,
    file: File,
}

impl Draft {
    fn new(directory: &Path, digest: &str) -> io::Result<Self> {
        make_private(directory)?;
        // Several may be made of one component at once, by one process or by two.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = directory.join(format!("{digest}.{process}.{number}.{PART}"));
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok(Self {
            directory: directory.to_owned(),
            digest: digest.to_owned(),
            path,
            file,
        })
    }

    /// The file, for whoever writes it.
    ///
    /// # Errors
    ///
    /// When the process has too many files open.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Keeps what was written: it is what the component is compiled to. Blocks.
    ///
    /// # Errors
    ///
    /// When it cannot be made durable.
    pub fn keep(self) -> io::Result<()> {
        self.file.sync_all()?;
        let checksum = checksum(&self.path)?;
        let name = format!("{}-{checksum:016x}.{EXTENSION}", self.digest);
        std::fs::rename(&self.path, self.directory.join(name))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It may have got another name.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompileEngine, EngineOptions, Instances};

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
                    ..EngineOptions::default()
                })
                .unwrap();
                assert_eq!(
                    cache.of_engine(apart.runtime()),
                    cache.of_engine(engine.runtime())
                );
                let bytes = wat::parse_str("(component)").unwrap();
                let compiled = apart.wasmtime().precompile_component(&bytes).unwrap();
                #[expect(unsafe_code, reason = "these bytes were made a line above")]
                let component = unsafe { Component::deserialize(engine.wasmtime(), &compiled) };
                component.unwrap();
            }
        }
    }

    #[test]
    fn what_is_damaged_is_compiled_again_and_what_is_foreign_goes() {
        let home = tempfile::tempdir().unwrap();
        let cache = ArtifactCache::new(home.path().join("artifacts"));
        let engine = Engine::new(EngineOptions {
            instances: 10,
            memory: 1 << 24,
            allocation: Instances::PooledDefault,
            ..EngineOptions::default()
        })
        .unwrap();
        let bytes = wat::parse_str(
            "(component (core module $m (func (export \"f\") (result i32) i32.const 7)) (core instance (instantiate $m)))",
        )
        .unwrap();
        let digest = "0".repeat(64);
        cache.component(&engine, &digest, &bytes).unwrap();
        let files = cache.files(engine.runtime(), &digest);
        let whole = std::fs::read(&files[0]).unwrap();
        let (start, third) = (whole.len() / 3, whole.len() / 3);
        let mut zeroed = whole.clone();
        zeroed[start..start + third].fill(0);
        for damaged in [zeroed, whole[..start].to_vec(), Vec::new()] {
            std::fs::write(&files[0], damaged).unwrap();
            assert!(cache.find(&engine, &digest).is_none());
            cache.component(&engine, &digest, &bytes).unwrap();
            assert!(cache.holds(&engine, &digest));
        }
        let foreign = cache.directory().join("0123456789abcdef");
        std::fs::create_dir(&foreign).unwrap();
        std::fs::write(foreign.join("a.cwasm"), b"").unwrap();
        let unchecked = cache
            .of_engine(engine.runtime())
            .join(format!("{digest}.cwasm"));
        std::fs::write(&unchecked, b"").unwrap();
        cache.remove_foreign(&engine).unwrap();
        assert!(!foreign.exists() && !unchecked.exists());
        assert!(cache.holds(&engine, &digest));
        cache.remove(&engine, &digest);
        assert!(!cache.holds(&engine, &digest));
    }
}
