//! Sequences: numbers that are never given out twice, once something that was kept has used one.
//!
//! A number is given out from memory alone. Before anything is told or committed that may have used it, the mark in the journal is raised to it and beyond, in
//! the same log as the commits: so a commit that is on disk has the mark on disk with it. A number that only an invocation drew which failed leaves nothing, and
//! may come again after a restart. The marks of a sequence are raised in blocks, which grow.
//!
//! A sequence whose mark was never raised is forgotten when there are too many names. Those that come after it begin beyond what it gave out.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

use super::{Error, Journal, Resource};

const FIRST_BLOCK: u64 = 32;
const LARGEST_BLOCK: u64 = 8_192;
const CLOSED: u64 = u64::MAX;

/// The sequences of a context.
pub(super) struct Sequences {
    names: RwLock<Names>,
    /// How many names there may be.
    most: AtomicUsize,
}

#[derive(Default)]
struct Names {
    open: HashMap<String, Arc<Sequence>>,
    /// How many have a mark in the journal; none before that was looked up.
    kept: Option<usize>,
    /// What sequences that were forgotten have given out.
    floor: u64,
    is_closed: bool,
}

struct Sequence {
    /// The newest number given out.
    current: AtomicU64,
    /// The mark in the journal; 0 when there is none.
    reserved: AtomicU64,
    /// The size of the next block.
    block: Mutex<u64>,
}

impl Default for Sequences {
    fn default() -> Self {
        Self {
            names: RwLock::default(),
            most: AtomicUsize::new(usize::MAX),
        }
    }
}

impl Sequences {
    /// Says how many names there may be from now on; those that are there stay.
    pub fn limit(&self, names: usize) {
        self.most.store(names, Ordering::Relaxed);
    }

    /// How many names are kept in the journal.
    pub fn count(&self, journal: &dyn Journal) -> Result<u64, Error> {
        match self.names.read().kept {
            Some(kept) => Ok(kept as u64),
            None => journal.sequence_count(),
        }
    }

    /// The next number of a sequence, from 1.
    pub fn next(&self, journal: &dyn Journal, name: &str) -> Result<u64, Error> {
        // Under the lock, so that nobody forgets it meanwhile.
        if let Some(sequence) = self.names.read().open.get(name) {
            return sequence.next();
        }
        let mut names = self.names.write();
        self.open(&mut names, journal, name)?.next()
    }

    /// Sees to it that numbers which were given out, one of each sequence, do not come again, whatever is lost but what is committed from now on. Where there is
    /// no room for all of the names, none is kept.
    pub fn secure(&self, journal: &dyn Journal, drawn: &[(String, u64)]) -> Result<(), Error> {
        {
            let names = self.names.read();
            let all_kept = drawn.iter().all(|(name, _)| names.keep(name));
            if all_kept {
                return drawn.iter().try_for_each(|(name, number)| {
                    // All of them are there, as was seen under this lock.
                    let sequence = names.open.get(name).ok_or(Error::Closed)?;
                    sequence.secure(journal, name, *number)
                });
            }
        }
        let mut names = self.names.write();
        let mut kept = names.kept(journal)?;
        let mut new = 0;
        for (name, _) in drawn {
            new += usize::from(!names.keep(name) && journal.sequence(name)? == 0);
        }
        if new > 0 {
            self.check_room(kept, new)?;
        }
        for (name, number) in drawn {
            let sequence = self.open(&mut names, journal, name)?.clone();
            let is_new = !sequence.is_kept();
            sequence.secure(journal, name, *number)?;
            kept += usize::from(is_new);
            names.kept = Some(kept);
        }
        Ok(())
    }

    fn open<'a>(
        &self,
        names: &'a mut Names,
        journal: &dyn Journal,
        name: &str,
    ) -> Result<&'a Arc<Sequence>, Error> {
        if names.is_closed {
            return Err(Error::Closed);
        }
        if !names.open.contains_key(name) {
            let mark = journal.sequence(name)?;
            if mark == 0 {
                let kept = names.kept(journal)?;
                self.check_room(kept, 1)?;
                let most = self.most.load(Ordering::Relaxed);
                names.make_room(most.saturating_sub(kept));
            }
            let current = if mark == 0 { names.floor } else { mark };
            let sequence = Sequence {
                current: AtomicU64::new(current),
                reserved: AtomicU64::new(mark),
                block: Mutex::new(FIRST_BLOCK),
            };
            names.open.insert(name.to_owned(), Arc::new(sequence));
        }
        // It was put there just now.
        names.open.get(name).ok_or(Error::Closed)
    }

    fn check_room(&self, kept: usize, new: usize) -> Result<(), Error> {
        let most = self.most.load(Ordering::Relaxed);
        match kept.saturating_add(new) <= most {
            true => Ok(()),
            false => Err(Error::QuotaExceeded {
                resource: Resource::Sequences,
                limit: most as u64,
            }),
        }
    }

    /// Gives back what was reserved and not given out. No number is given out afterwards.
    pub fn close(&self, journal: &dyn Journal) -> Result<(), Error> {
        let mut names = self.names.write();
        names.is_closed = true;
        for (name, sequence) in &names.open {
            let _no_new_block = sequence.block.lock();
            let current = sequence.current.swap(CLOSED, Ordering::AcqRel);
            let reserved = sequence.reserved.load(Ordering::Acquire);
            if sequence.is_kept() && current != CLOSED && current != reserved {
                journal.reserve(name, current)?;
            }
        }
        Ok(())
    }
}

impl Names {
    /// Whether a sequence is open and has a mark in the journal.
    fn keep(&self, name: &str) -> bool {
        self.open
            .get(name)
            .is_some_and(|sequence| sequence.is_kept())
    }

    /// How many have a mark in the journal.
    fn kept(&mut self, journal: &dyn Journal) -> Result<usize, Error> {
        if let Some(kept) = self.kept {
            return Ok(kept);
        }
        let kept = usize::try_from(journal.sequence_count()?).unwrap_or(usize::MAX);
        self.kept = Some(kept);
        Ok(kept)
    }

    /// Forgets the sequences that have no mark, when they are as many as may be.
    fn make_room(&mut self, most: usize) {
        let unkept = self.open.values().filter(|sequence| !sequence.is_kept());
        if unkept.count() < most {
            return;
        }
        let floor = &mut self.floor;
        self.open.retain(|_, sequence| {
            if !sequence.is_kept() {
                *floor = (*floor).max(sequence.current.load(Ordering::Acquire));
            }
            sequence.is_kept()
        });
    }
}

impl Sequence {
    fn is_kept(&self) -> bool {
        self.reserved.load(Ordering::Acquire) > 0
    }

    fn next(&self) -> Result<u64, Error> {
        let next = |current| (current != CLOSED).then(|| current + 1);
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let before = self.current.fetch_update(success, failure, next);
        before.map(|before| before + 1).map_err(|_| Error::Closed)
    }

    fn secure(&self, journal: &dyn Journal, name: &str, number: u64) -> Result<(), Error> {
        if number <= self.reserved.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut block = self.block.lock();
        let current = self.current.load(Ordering::Acquire);
        if current == CLOSED {
            return Err(Error::Closed);
        }
        // Another may have done it while this one waited for the lock.
        if number > self.reserved.load(Ordering::Acquire) {
            let mark = current.max(number).saturating_add(*block);
            journal.reserve(name, mark)?;
            // One that was forgotten, and has been opened anew, goes on behind it.
            self.current.fetch_max(number, Ordering::AcqRel);
            self.reserved.store(mark, Ordering::Release);
            *block = (*block * 2).min(LARGEST_BLOCK);
        }
        Ok(())
    }
}
