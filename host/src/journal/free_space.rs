//! The free space where the journals are. When it runs short, whatever adds something is refused, and there is room left for what has to go on: otherwise the disk
//! would be full in the middle of a write, and nobody could tell what is on it.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::usage::Growth;
use super::{Error, Journal, Unit};
use crate::core::Volume;

/// How often the committer asks the system. What it writes meanwhile is little beside what stays free.
const EVERY: Duration = Duration::from_millis(100);
/// What is to be free above the limit before a shortage has ended, a part of the limit of so many.
const MARGIN: u64 = 16;

/// How much stays free on the volume of a directory.
#[derive(Debug)]
pub struct FreeSpace {
    directory: PathBuf,
    limit: u64,
    is_short: AtomicBool,
}

/// Less is free than is to stay so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "only {free} bytes are free where the journal is, and {limit} are to stay free (journal.disk_free_limit): whatever adds something is refused until a sixteenth more is free, reads go on; make room on the volume, or enlarge it"
)]
pub struct Shortage {
    /// How many bytes are free.
    pub free: u64,
    /// How many are to stay free.
    pub limit: u64,
}

impl FreeSpace {
    /// So many bytes are to stay free where a directory is.
    pub fn new(directory: &Path, limit: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            limit,
            is_short: AtomicBool::new(false),
        }
    }

    /// How many bytes are to stay free.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How many bytes are free. Asks the system.
    ///
    /// # Errors
    ///
    /// When it does not tell.
    pub fn free(&self) -> io::Result<u64> {
        Ok(Volume::of(&self.directory)?.free)
    }

    /// The shortage that there is; none where the system does not tell, for a disk that has failed says so when it is written. Asks the system.
    pub fn shortage(&self) -> Option<Shortage> {
        let free = self.free().ok()?;
        // Once it was short, a little more is to be free before it is not: what goes to and fro at the limit is no news each time.
        let margin = match self.is_short.load(Ordering::Relaxed) {
            true => self.limit / MARGIN,
            false => 0,
        };
        let is_short = free < self.limit.saturating_add(margin);
        self.is_short.store(is_short, Ordering::Relaxed);
        let limit = self.limit;
        is_short.then_some(Shortage { free, limit })
    }
}

impl Shortage {
    /// Lets a unit of work of a guest pass that adds nothing; what it takes for its record is there, until there is less than half of what was to stay free.
    ///
    /// # Errors
    ///
    /// When it may not pass.
    pub(super) fn admit(self, journal: &dyn Journal, unit: &Unit) -> Result<(), Error> {
        let growth = Growth::exact(unit, journal)?;
        let is_dire = self.free < self.limit / 2;
        match growth.is_of_guest() || is_dire && growth.takes_room() {
            true => Err(Error::NoSpace(self)),
            false => Ok(()),
        }
    }
}

/// What the committer knows of it.
pub(super) struct Lookout {
    space: Option<Arc<FreeSpace>>,
    looked: Option<Instant>,
    shortage: Option<Shortage>,
}

impl Lookout {
    pub fn new(space: Option<Arc<FreeSpace>>) -> Self {
        Self {
            space,
            looked: None,
            shortage: None,
        }
    }

    /// The shortage that there is, or was a moment ago.
    pub fn shortage(&mut self) -> Option<Shortage> {
        let space = self.space.as_ref()?;
        if self.looked.is_none_or(|looked| looked.elapsed() >= EVERY) {
            self.looked = Some(Instant::now());
            let before = mem::replace(&mut self.shortage, space.shortage());
            match (before, self.shortage) {
                (None, Some(shortage)) => tracing::error!("{shortage}"),
                (Some(_), None) => {
                    tracing::info!("there is room on the volume again: nothing is refused for it");
                }
                _ => {}
            }
        }
        self.shortage
    }
}
