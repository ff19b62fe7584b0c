//! The bytes of versions, by digest, on disk.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A directory of components; each file is named by the sha-256 of what is in it.
#[derive(Clone, Debug)]
pub struct ComponentStore {
    directory: PathBuf,
}

impl ComponentStore {
    /// A store in `directory`, which is made when something is put there.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The digest that a component is known by.
    pub fn digest(bytes: &[u8]) -> String {
        hex::encode(Sha256::digest(bytes))
    }

    /// Where a component is, or would be.
    pub fn path(&self, digest: &str) -> PathBuf {
        self.directory.join(digest).with_added_extension("wasm")
    }

    /// Whether a component is there.
    pub fn holds(&self, digest: &str) -> bool {
        self.path(digest).is_file()
    }

    /// Keeps a component: whole and on disk when this returns. Blocks.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written.
    pub fn put(&self, digest: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(digest);
        if path.is_file() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.directory)?;
        let mut draft = draft_in(&self.directory, digest)?;
        draft.1.write_all(bytes)?;
        draft.1.sync_all()?;
        std::fs::rename(&draft.0, &path)?;
        // The name is on disk when the directory is.
        std::fs::File::open(&self.directory)?.sync_all()
    }

    /// A component. Blocks.
    ///
    /// # Errors
    ///
    /// When it is not there, cannot be read, or is not what its name says.
    pub fn get(&self, digest: &str) -> io::Result<Vec<u8>> {
        let path = self.path(digest);
        let bytes = std::fs::read(&path)?;
        match Self::digest(&bytes) == digest {
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
    pub fn remove(&self, digest: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A file beside the others that nobody else writes to.
fn draft_in(directory: &Path, digest: &str) -> io::Result<(PathBuf, std::fs::File)> {
    let unique: u64 = rand::random();
    let path = directory.join(format!("{digest}.{unique:016x}.part"));
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    Ok((path, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_got_and_damage_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let store = ComponentStore::new(directory.path().join("components"));
        let digest = ComponentStore::digest(b"component");
        assert!(!store.holds(&digest));
        store.put(&digest, b"component").unwrap();
        store.put(&digest, b"component").unwrap();
        assert!(store.holds(&digest));
        assert_eq!(store.get(&digest).unwrap(), b"component");
        std::fs::write(store.path(&digest), b"componen").unwrap();
        assert!(
            store
                .get(&digest)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
        store.remove(&digest).unwrap();
        store.remove(&digest).unwrap();
        assert_eq!(
            store.get(&digest).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
