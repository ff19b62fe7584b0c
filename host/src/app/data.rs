//! The data directory: one process at a time has it, and what is in it is for its owner only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

/// What is locked. It stays: a file that is removed could be locked twice.
const LOCK: &str = "lock";
/// What nobody but the owner may do.
const OTHERS: u32 = 0o077;
/// How deep below the data directory files lie.
const DEPTH: usize = 3;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another process has it.
    #[error("the data directory {} is in use by another process: stop the Innkeeper that runs there, or choose another directory with --data", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error("the data directory {} cannot be used: {source}. Check that it is writable, or choose another with --data", directory.display())]
    Unusable {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A data directory that this process has until this is dropped.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Takes a directory, made when it is not there, before anything in it is written. From now on what this process makes is for its owner only, and what is
    /// there already is made so. Blocks.
    ///
    /// # Errors
    ///
    /// See [`DataError`].
    pub fn take(path: &Path) -> Result<Self, DataError> {
        rustix::process::umask(Mode::from_raw_mode(OTHERS));
        let unusable = |source| DataError::Unusable {
            directory: path.to_owned(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unusable)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataError::InUse {
                    directory: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        if let Err(error) = keep_others_out(path, DEPTH) {
            tracing::warn!(directory = %path.display(), %error, "other users can read files in the data directory, and their permissions could not be changed");
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Whether another process has a directory; nothing is changed there. Blocks.
    ///
    /// # Errors
    ///
    /// When its lock cannot be looked at.
    pub fn is_in_use(path: &Path) -> io::Result<bool> {
        let lock = match File::open(path.join(LOCK)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        // Shared: whoever else only looks is no other process that has it.
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(source),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes from others what they may do with a file, or a directory and what is in it. Links are left alone: what they lead to is somebody else's.
fn keep_others_out(path: &Path, depth: usize) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if found.is_symlink() {
        return Ok(());
    }
    let mode = found.permissions().mode();
    if mode & OTHERS != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(mode & !OTHERS & 0o7777))?;
    }
    if found.is_dir() && depth > 0 {
        for entry in fs::read_dir(path)? {
            keep_others_out(&entry?.path(), depth - 1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_had_once_and_others_are_kept_out() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        fs::create_dir_all(path.join("journal")).unwrap();
        fs::write(path.join("journal/db"), b"").unwrap();
        let outside = home.path().join("outside");
        fs::write(&outside, b"").unwrap();
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&outside, path.join("link")).unwrap();
        for loose in ["journal", "journal/db"] {
            fs::set_permissions(path.join(loose), fs::Permissions::from_mode(0o755)).unwrap();
        }

        let taken = DataDirectory::take(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for private in ["", "journal", "journal/db", "lock"] {
            assert_eq!(mode(&taken.path().join(private)) & OTHERS, 0, "{private}");
        }
        assert_eq!(mode(&outside), 0o644);
        let refused = DataDirectory::take(&path).unwrap_err();
        assert!(matches!(refused, DataError::InUse { .. }));
        assert!(refused.to_string().contains("--data"), "{refused}");
        assert!(DataDirectory::is_in_use(&path).unwrap());
        drop(taken);
        assert!(!DataDirectory::is_in_use(&path).unwrap());
        DataDirectory::take(&path).unwrap();
    }
}
