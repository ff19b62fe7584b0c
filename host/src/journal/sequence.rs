//! Sequences: numbers that are never given out twice, from blocks that are reserved ahead.
//!
//! The mark in the journal is raised before the first number of a block is given out, in the same log as the commits. So a commit that uses a number
//! and is on disk has the mark on disk with it. A number that no commit used may come again after a crash.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::{Error, Journal};

const FIRST_BLOCK: u64 = 32;
const LARGEST_BLOCK: u64 = 8_192;
const CLOSED: u64 = u64::MAX;

/// The sequences of a context.
#[derive(Default)]
pub(super) struct Sequences {
    open: RwLock<HashMap<String, Arc<Sequence>>>,
}

struct Sequence {
    /// The newest number given out.
    current: AtomicU64,
    /// The mark in the journal.
    reserved: AtomicU64,
    /// The size of the next block.
    block: Mutex<u64>,
}

impl Sequences {
    /// The next number of a sequence, from 1.
    pub fn next(&self, journal: &dyn Journal, name: &str) -> Result<u64, Error> {
        let open = self.open.read().get(name).cloned();
        match open {
            Some(sequence) => sequence.next(journal, name),
            None => self.open(journal, name)?.next(journal, name),
        }
    }

    fn open(&self, journal: &dyn Journal, name: &str) -> Result<Arc<Sequence>, Error> {
        let mut open = self.open.write();
        if let Some(sequence) = open.get(name) {
            return Ok(sequence.clone());
        }
        let mark = journal.sequence(name)?;
        let sequence = Arc::new(Sequence {
            current: AtomicU64::new(mark),
            reserved: AtomicU64::new(mark),
            block: Mutex::new(FIRST_BLOCK),
        });
        open.insert(name.to_owned(), sequence.clone());
        Ok(sequence)
    }

    /// Gives back what was reserved and not given out. No number is given out afterwards.
    pub fn close(&self, journal: &dyn Journal) -> Result<(), Error> {
        for (name, sequence) in self.open.write().iter() {
            let _no_new_block = sequence.block.lock();
            let current = sequence.current.swap(CLOSED, Ordering::AcqRel);
            if current != CLOSED && current < sequence.reserved.load(Ordering::Acquire) {
                journal.reserve(name, current)?;
            }
        }
        Ok(())
    }
}

impl Sequence {
    fn next(&self, journal: &dyn Journal, name: &str) -> Result<u64, Error> {
        loop {
            let current = self.current.load(Ordering::Acquire);
            if current == CLOSED {
                return Err(Error::Closed);
            }
            if current < self.reserved.load(Ordering::Acquire) {
                if self
                    .current
                    .compare_exchange(current, current + 1, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
                {
                    return Ok(current + 1);
                }
            } else {
                self.reserve(journal, name)?;
            }
        }
    }

    fn reserve(&self, journal: &dyn Journal, name: &str) -> Result<(), Error> {
        let mut block = self.block.lock();
        let current = self.current.load(Ordering::Acquire);
        // Another may have reserved while this one waited for the lock.
        if current >= self.reserved.load(Ordering::Acquire) && current != CLOSED {
            let mark = current + *block;
            journal.reserve(name, mark)?;
            self.reserved.store(mark, Ordering::Release);
            *block = (*block * 2).min(LARGEST_BLOCK);
        }
        Ok(())
    }
}
