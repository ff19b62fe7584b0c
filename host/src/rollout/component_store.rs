//! The bytes of versions, by digest, on disk.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::core::VersionDigest;

/// How the names of drafts end.
const PART: &str = "part";

/// A directory of components; each file is named by the sha-256 of what is in it.
#[derive(Clone, Debug)]
pub struct ComponentStore {
    directory: PathBuf,
    /// Shared by those who keep something and enter it into a history; alone has it who removes what no history has.
    entering: Arc<RwLock<()>>,
}

impl ComponentStore {
    /// A store in `directory`, which is made when something is put there.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            entering: Arc::default(),
        }
    }

    /// While this is held nothing is removed: what was found there, or put there, is there still when it is entered into a history.
    pub(super) async fn entering(&self) -> RwLockReadGuard<'_, ()> {
        self.entering.read().await
    }

    /// While this is held nobody puts anything there: what no history has is needed by nobody.
    pub(super) async fn removing(&self) -> RwLockWriteGuard<'_, ()> {
        self.entering.write().await
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a component is, or would be.
    pub fn path(&self, digest: VersionDigest) -> PathBuf {
        self.directory.join(format!("{digest}.wasm"))
    }

    /// Whether a component is there.
    pub fn holds(&self, digest: VersionDigest) -> bool {
        self.path(digest).is_file()
    }

    /// Keeps a component: whole and on disk when this returns, also where there was one that had been damaged. Blocks.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written.
    pub fn put(&self, digest: VersionDigest, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(digest);
        if self.get(digest).is_ok() {
            return Ok(());
        }
        let draft = self.draft(digest, bytes)?;
        std::fs::File::open(&draft.path)?.sync_all()?;
        std::fs::rename(&draft.path, &path)?;
        // The name is on disk when the directory is.
        std::fs::File::open(&self.directory)?.sync_all()
    }

    /// Has a component in a file for a while. Blocks.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written.
    pub fn draft(&self, digest: VersionDigest, bytes: &[u8]) -> io::Result<Draft> {
        std::fs::create_dir_all(&self.directory)?;
        let unique: u64 = rand::random();
        let name = format!("{digest}.{unique:016x}.{PART}");
        let draft = Draft {
            path: self.directory.join(name),
        };
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).open(&draft.path);
        file?.write_all(bytes)?;
        Ok(draft)
    }

    /// Removes the drafts that an earlier process has left. Blocks.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read or written.
    pub fn remove_drafts(&self) -> io::Result<()> {
        let entries = match std::fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == PART) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// A component. Blocks.
    ///
    /// # Errors
    ///
    /// When it is not there, cannot be read, or is not what its name says.
    pub fn get(&self, digest: VersionDigest) -> io::Result<Vec<u8>> {
        let path = self.path(digest);
        let bytes = std::fs::read(&path)?;
        match VersionDigest::of(&bytes) == digest {
            true => Ok(bytes),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is damaged; upload the version again", path.display()),
            )),
        }
    }

    /// Forgets a component. Blocks.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn remove(&self, digest: VersionDigest) -> io::Result<()> {
        match std::fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A component in a file that nobody else writes to, and that goes with this.
pub struct Draft {
    path: PathBuf,
}

impl Draft {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It may have got another name. What stays behind is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_got_and_damage_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let store = ComponentStore::new(directory.path().join("components"));
        let digest = VersionDigest::of(b"component");
        assert!(!store.holds(digest));
        store.put(digest, b"component").unwrap();
        store.put(digest, b"component").unwrap();
        assert!(store.holds(digest));
        assert_eq!(store.get(digest).unwrap(), b"component");
        std::fs::write(store.path(digest), b"componen").unwrap();
        assert!(
            store
                .get(digest)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
        store.put(digest, b"component").unwrap();
        assert_eq!(store.get(digest).unwrap(), b"component", "it is mended");
        let draft = store.draft(digest, b"component").unwrap();
        assert_eq!(std::fs::read(draft.path()).unwrap(), b"component");
        let path = draft.path().to_owned();
        drop(draft);
        assert!(!path.exists());
        std::fs::write(&path, b"com").unwrap();
        store.remove_drafts().unwrap();
        assert!(!path.exists() && store.holds(digest));
        store.remove(digest).unwrap();
        store.remove(digest).unwrap();
        assert_eq!(
            store.get(digest).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
