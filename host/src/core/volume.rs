//! How large the volume is that a directory is on, and how much of it is free.

use std::io;
use std::path::Path;

/// A volume, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What it holds.
    pub size: u64,
    /// What is free for this process: less than what nobody has, where some is kept for the system.
    pub free: u64,
}

impl Volume {
    /// The volume of a directory, or of the one that it would be made in. Asks the system, which takes a moment where the volume is far away.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let mut known = Err(io::ErrorKind::NotFound.into());
        for directory in directory.ancestors() {
            let directory = match directory.as_os_str().is_empty() {
                true => Path::new("."),
                false => directory,
            };
            known = rustix::fs::statvfs(directory).map_err(io::Error::from);
            // Only what is not there yet is where it would be made.
            if !matches!(&known, Err(error) if error.kind() == io::ErrorKind::NotFound) {
                break;
            }
        }
        let known = known?;
        Ok(Self {
            size: known.f_blocks.saturating_mul(known.f_frsize),
            free: known.f_bavail.saturating_mul(known.f_frsize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_yet_is_on_the_volume_of_what_is_around_it() {
        let home = tempfile::tempdir().unwrap();
        let known = Volume::of(home.path()).unwrap();
        assert!(known.size > 0 && known.free <= known.size, "{known:?}");
        let coming = Volume::of(&home.path().join("data/journal")).unwrap();
        assert_eq!(coming.size, known.size);
        assert!(Volume::of(Path::new("data")).is_ok(), "where it is started");
    }
}
