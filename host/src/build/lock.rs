//! Files that two builds would write at once: each holds a lock meanwhile, as cargo does. One that ends, however it does, holds none.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::Error;

/// How long another build is waited for.
const LONGEST: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(50);
/// Who holds the lock of a context.
pub(super) const OF_THE_CONTEXT: &str = "another build of the same context";

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock of a file, which is made where it is missing. That somebody has to be waited for is told, with `whom`.
    pub(super) async fn of(path: PathBuf, whom: &str, line: impl Fn(&str)) -> Result<Self, Error> {
        Self::within(path, LONGEST, whom, line).await
    }

    async fn within(
        path: PathBuf,
        longest: Duration,
        whom: &str,
        line: impl Fn(&str),
    ) -> Result<Self, Error> {
        let deadline = Instant::now() + longest;
        let mut is_said = false;
        loop {
            if let Some(file) = try_lock(path.clone()).await? {
                return Ok(Self { _file: file });
            }
            if Instant::now() >= deadline {
                return Err(Error::Busy { path });
            }
            if !is_said {
                line(&format!("waiting for {whom}"));
                is_said = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The file, locked; none while somebody else has locked it.
async fn try_lock(path: PathBuf) -> Result<Option<File>, Error> {
    let locked = path.clone();
    let trying = tokio::task::spawn_blocking(move || try_lock_blocking(&locked));
    let tried = trying
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)));
    tried.map_err(Error::file(&path))
}

fn try_lock_blocking(path: &Path) -> std::io::Result<Option<File>> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = File::options();
    let file = options
        .create(true)
        .write(true)
        .truncate(false)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn one_build_waits_for_the_other_and_says_so() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("made/for/it/lock");
        let lines = Mutex::new(Vec::new());
        let line = |text: &str| lines.lock().unwrap().push(text.to_owned());
        let first = Lock::of(path.clone(), OF_THE_CONTEXT, line).await.unwrap();
        let busy = Lock::within(path.clone(), Duration::ZERO, OF_THE_CONTEXT, line).await;
        assert!(matches!(busy, Err(Error::Busy { .. })), "{busy:?}");
        assert!(lines.lock().unwrap().is_empty());
        let (second, ()) = tokio::join!(Lock::of(path, "somebody else", line), async {
            while lines.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            drop(first);
        });
        second.unwrap();
        assert_eq!(lines.into_inner().unwrap(), ["waiting for somebody else"]);
    }
}
