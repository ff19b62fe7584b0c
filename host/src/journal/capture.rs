//! Captures: which keys of a space are written while somebody copies it.

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::{Space, Write};

/// The keys of a space that were written since it was last asked. Ends when it is dropped.
pub struct Capture {
    space: Space,
    keys: Mutex<BTreeSet<Vec<u8>>>,
}

/// The captures of one ledger.
#[derive(Default)]
pub(super) struct Captures(Mutex<Vec<Weak<Capture>>>);

impl Capture {
    /// The keys that were written, each once. A key that has been given a place in the journal is among them, also when its value is not visible yet.
    pub fn take(&self) -> BTreeSet<Vec<u8>> {
        mem::take(&mut self.keys.lock())
    }

    /// Whether a key was written since they were last taken.
    pub fn holds(&self, key: &[u8]) -> bool {
        self.keys.lock().contains(key)
    }
}

impl Captures {
    pub(super) fn begin(&self, space: Space) -> Arc<Capture> {
        let capture = Arc::new(Capture {
            space,
            keys: Mutex::default(),
        });
        self.0.lock().push(Arc::downgrade(&capture));
        capture
    }

    /// Notes what a commit writes, before it is visible.
    pub(super) fn note(&self, writes: &[Write]) {
        let mut captures = self.0.lock();
        if captures.is_empty() {
            return;
        }
        captures.retain(|capture| match capture.upgrade() {
            None => false,
            Some(capture) => {
                let written = writes.iter().filter(|write| write.space == capture.space);
                let mut keys = capture.keys.lock();
                keys.extend(written.map(|write| write.key.clone()));
                true
            }
        });
    }
}
