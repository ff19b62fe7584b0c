//! The window of recent writes, which tells whether what a unit of work read has been written since it began.
//!
//! Each context has one, and what they may hold is bounded for all of them together: a context that nobody writes to costs nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::{ReadSet, Write, key};

/// About what a write takes in a window besides its key, in bytes.
const WRITE: usize = 96;
/// Room for fewer writes than this is not given back.
const SPARE: usize = 64;

/// The newest write among what was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    /// The commit that wrote it.
    pub position: u64,
    /// The encoded key.
    pub key: Vec<u8>,
}

/// A context's recent writes.
pub(super) struct Recent {
    /// The position of the newest commit in the window, for a look without the lock.
    newest: AtomicU64,
    window: Mutex<Window>,
}

struct Window {
    newest: u64,
    /// Where each key was last written.
    keys: HashMap<Arc<[u8]>, u64>,
    /// Every write, oldest first.
    log: VecDeque<(u64, Arc<[u8]>)>,
    /// What was written here or before has left the window.
    horizon: u64,
}

/// What the windows of all contexts hold. When it is too much, the oldest commit leaves its window, whosever it is.
pub(super) struct Windows {
    bound: usize,
    bytes: usize,
    /// The commits that are in a window, oldest first.
    commits: VecDeque<Remembered>,
}

struct Remembered {
    window: Arc<Recent>,
    position: u64,
    bytes: usize,
}

impl Recent {
    /// An empty window after the commit at `newest`.
    pub fn new(newest: u64) -> Recent {
        let window = Window {
            newest,
            keys: HashMap::new(),
            log: VecDeque::new(),
            horizon: newest,
        };
        Recent {
            newest: AtomicU64::new(newest),
            window: Mutex::new(window),
        }
    }

    /// The position of the newest commit that may be visible to someone.
    pub fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// The newest write after `since` among what was read.
    pub fn overlap(&self, reads: &ReadSet, since: u64) -> Option<Overlap> {
        self.window.lock().overlap(reads, since)
    }

    /// Gives a unit of work the next position and notes its writes, unless another commit has written what it read since it began.
    pub fn admit(&self, began: u64, reads: &ReadSet, writes: &[Write]) -> Result<u64, Overlap> {
        let mut window = self.window.lock();
        if let Some(overlap) = window.overlap(reads, began) {
            return Err(overlap);
        }
        let position = window.newest + 1;
        window.newest = position;
        self.newest.store(position, Ordering::Release);
        window.note(position, writes);
        Ok(position)
    }

    /// Forgets the commits up to a position.
    fn forget(&self, position: u64) {
        self.window.lock().forget(position);
    }
}

impl Windows {
    /// They may hold so many bytes.
    pub fn new(bound: usize) -> Windows {
        Windows {
            bound,
            bytes: 0,
            commits: VecDeque::new(),
        }
    }

    /// Counts a commit that a window holds, and has the oldest ones leave when there are too many.
    pub fn note(&mut self, window: &Arc<Recent>, position: u64, writes: &[Write]) {
        if writes.is_empty() {
            return;
        }
        let bytes = bytes(writes);
        self.bytes += bytes;
        self.commits.push_back(Remembered {
            window: window.clone(),
            position,
            bytes,
        });
        while self.bytes > self.bound {
            let Some(oldest) = self.commits.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes;
            oldest.window.forget(oldest.position);
        }
    }
}

/// About what the writes of a commit take in a window.
pub(super) fn bytes(writes: &[Write]) -> usize {
    let writes = writes.iter().map(|write| write.key.len() + WRITE);
    writes.sum::<usize>() + size_of::<Remembered>()
}

impl Window {
    fn overlap(&self, reads: &ReadSet, since: u64) -> Option<Overlap> {
        if since >= self.newest {
            return None;
        }
        if since < self.horizon {
            // Too long ago to tell: it counts as written by the newest commit that has left the window.
            return reads.any().map(|key| Overlap {
                position: self.horizon,
                key: key.to_vec(),
            });
        }
        let mut newest = since;
        let mut found: Option<&[u8]> = None;
        for key in reads.keys() {
            match self.keys.get(key) {
                Some(position) if *position > newest => (newest, found) = (*position, Some(key)),
                _ => {}
            }
        }
        if reads.has_ranges() {
            // Far fewer writes came after `since` than lie in the window, so these are searched, newest first.
            let mut after = self
                .log
                .iter()
                .rev()
                .take_while(|(position, _)| *position > newest);
            if let Some((position, key)) = after.find(|(_, key)| reads.covers(key)) {
                (newest, found) = (*position, Some(&**key));
            }
        }
        found.map(|key| Overlap {
            position: newest,
            key: key.to_vec(),
        })
    }

    fn note(&mut self, position: u64, writes: &[Write]) {
        for write in writes {
            let key: Arc<[u8]> = key::encode(write.space, &write.key).into();
            self.log.push_back((position, key.clone()));
            self.keys.insert(key, position);
        }
    }

    fn forget(&mut self, upto: u64) {
        while let Some((position, key)) = self.log.pop_front_if(|(position, _)| *position <= upto) {
            if self.keys.get(&key) == Some(&position) {
                self.keys.remove(&key);
            }
        }
        self.horizon = self.horizon.max(upto);
        // A context that was busy once does not keep the room for it.
        if self.log.capacity() > SPARE.max(4 * self.log.len()) {
            self.log.shrink_to(2 * self.log.len());
            self.keys.shrink_to(2 * self.keys.len());
        }
    }
}
