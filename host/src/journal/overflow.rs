//! Long values in sled, kept in pieces of their own.
//!
//! sled moves what does not fit in its log to files that it does not sync. A leaf holds up to 17 entries, so none of these may be long.
//! A value that fills a piece goes on in the next one, which is shorter, or full again: so nothing else has to tell how many there are.

use std::sync::atomic::{AtomicBool, Ordering};

use ::sled::{Batch, IVec, Tree};

use super::{Error, key};

/// A value of this length or more is kept in pieces of this length.
const PIECE: usize = 64 << 10;

/// How often a value that is replaced while it is read is read again.
const ATTEMPTS: usize = 64;

/// Whether a value is kept in pieces.
pub(super) fn is_long(value: &[u8]) -> bool {
    value.len() >= PIECE
}

/// The pieces of a tree.
pub(super) struct Overflow {
    /// Whether there may be any: most trees never have one.
    exist: AtomicBool,
}

impl Overflow {
    pub fn of(tree: &Tree) -> Result<Overflow, Error> {
        let span = key::overflow();
        let first = tree.range(span.start..span.end).next().transpose()?;
        Ok(Overflow {
            exist: AtomicBool::new(first.is_some()),
        })
    }

    /// The whole value of a key.
    pub fn get(&self, tree: &Tree, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        for _ in 0..ATTEMPTS {
            let Some(first) = tree.get(key)? else {
                return Ok(None);
            };
            if let Some(value) = join(tree, key, &first)? {
                return Ok(Some(value));
            }
        }
        Err(Error::Damaged {
            what: format!(
                "the value of {}, which has lost its end",
                key.escape_ascii()
            ),
        })
    }

    /// How long the whole value of a key is.
    pub fn size(&self, tree: &Tree, key: &[u8]) -> Result<Option<u64>, Error> {
        let Some(first) = tree.get(key)? else {
            return Ok(None);
        };
        let (mut size, mut last, mut index) = (first.len(), first.len(), 0);
        while last == PIECE
            && let Some(piece) = tree.get(key::piece(key, index))?
        {
            size += piece.len();
            last = piece.len();
            index += 1;
        }
        Ok(Some(size as u64))
    }

    /// The whole value of a key that a scan has found, unless it is gone by now.
    pub fn complete(
        &self,
        tree: &Tree,
        key: &[u8],
        first: &IVec,
    ) -> Result<Option<Vec<u8>>, Error> {
        match join(tree, key, first)? {
            Some(value) => Ok(Some(value)),
            None => self.get(tree, key),
        }
    }

    /// Adds a change to a batch, with what it does to the pieces.
    pub fn stage(
        &self,
        tree: &Tree,
        batch: &mut Batch,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), Error> {
        let mut overflow = 0;
        match value {
            Some(value) if !is_long(value) => batch.insert(key, value),
            Some(value) => {
                self.exist.store(true, Ordering::Release);
                let (first, rest) = value.split_at(PIECE);
                batch.insert(key, first);
                // An empty piece ends a value that fills its last one.
                for piece in rest
                    .chunks(PIECE)
                    .chain(rest.len().is_multiple_of(PIECE).then_some(&[][..]))
                {
                    batch.insert(key::piece(key, overflow), piece);
                    overflow += 1;
                }
            }
            None => batch.remove(key),
        }
        if self.exist.load(Ordering::Acquire) {
            // What an earlier, longer value has left.
            while tree.contains_key(key::piece(key, overflow))? {
                batch.remove(key::piece(key, overflow));
                overflow += 1;
            }
        }
        Ok(())
    }

    /// Removes what a value that is gone by now has left, from its end: so whoever writes the key once more finds what a crash has left of that.
    pub fn forget(&self, tree: &Tree, key: &[u8], first: &IVec) -> Result<(), Error> {
        let mut pieces = 0;
        while first.len() == PIECE && tree.contains_key(key::piece(key, pieces))? {
            pieces += 1;
        }
        for index in (0..pieces).rev() {
            tree.remove(key::piece(key, index))?;
        }
        Ok(())
    }
}

/// The whole value that begins with `first`; none when the value has been replaced meanwhile: each piece is read by itself, and may be of the next one.
fn join(tree: &Tree, key: &[u8], first: &IVec) -> Result<Option<Vec<u8>>, Error> {
    let mut value = first.to_vec();
    let mut last = first.len();
    let mut index = 0;
    while last == PIECE {
        let Some(piece) = tree.get(key::piece(key, index))? else {
            return Ok(None);
        };
        value.extend_from_slice(&piece);
        last = piece.len();
        index += 1;
    }
    // No two values of a key begin alike: the commit is in front.
    let is_whole = index == 0 || tree.get(key)?.as_ref() == Some(first);
    Ok(is_whole.then_some(value))
}
