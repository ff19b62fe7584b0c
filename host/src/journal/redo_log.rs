//! The redo log of large commits. What one changes is in it as a whole before the first change is made; so a crash while they are made leaves a commit that is completed at
//! the next start, and a crash before leaves none. The engine loses nothing but the end of what it was given, so neither has to wait for the disk.
//!
//! A context has at most one commit in it. Its keys are the context's name, with its length in front, and what follows of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem;
use std::slice;

use super::apply::Change;
use super::copy::Raw;
use super::sled::{Engine, SledTree};
use super::tree::Tree;
use super::{Error, Journal, format, guard, key, seal};

/// A part of the log: short enough for any page of the engine.
const PART: usize = 32 << 10;

/// What follows the name in the key of a part, before its number.
const PARTS: u8 = b'p';
/// The key of the note that all parts are there.
const WHOLE: u8 = b'w';

/// The redo log of one context.
pub(super) struct RedoLog {
    tree: ::sled::Tree,
    /// Its name, as its keys begin.
    prefix: Vec<u8>,
}

/// Writes a commit to the log, where there is one: what is in memory only needs none.
#[derive(Default)]
pub(super) struct RedoWriter {
    rest: Vec<u8>,
    parts: u32,
}

impl RedoWriter {
    /// Adds a change.
    pub fn add(
        &mut self,
        log: Option<&RedoLog>,
        position: u64,
        change: &Change<'_>,
    ) -> Result<(), Error> {
        let Some(log) = log else { return Ok(()) };
        let raw = (change.key.as_slice(), change.value.as_deref());
        self.rest = format::extend(mem::take(&mut self.rest), &raw)?;
        let full = self.rest.len() - self.rest.len() % PART;
        let rest = self.rest.split_off(full);
        for part in mem::replace(&mut self.rest, rest).chunks(PART) {
            self.put(log, position, part)?;
        }
        Ok(())
    }

    /// Adds what is left, and says that it is whole: from here on the commit is there, whatever comes.
    pub fn complete(mut self, log: Option<&RedoLog>, position: u64) -> Result<(), Error> {
        let Some(log) = log else { return Ok(()) };
        let rest = mem::take(&mut self.rest);
        self.put(log, position, &rest)?;
        let note = format::encode(&self.parts)?;
        log.put(&log.whole(), position, &note)
    }

    fn put(&mut self, log: &RedoLog, position: u64, part: &[u8]) -> Result<(), Error> {
        log.put(&log.part(self.parts), position, part)?;
        self.parts += 1;
        Ok(())
    }
}

impl RedoLog {
    /// Of a context, in a tree that all contexts share.
    pub fn new(tree: ::sled::Tree, context: &str) -> Self {
        let length = (context.len() as u64).to_be_bytes();
        let prefix = [length.as_slice(), context.as_bytes()].concat();
        Self { tree, prefix }
    }

    /// Removes what is in it. First the note that it is whole: what is left without that counts for nothing.
    pub fn clear(&self) -> Result<(), Error> {
        guard::guarded("the redo log was cleared", || {
            self.tree.remove(self.whole())?;
            for key in self.tree.scan_prefix(&self.prefix).keys() {
                self.tree.remove(key?)?;
            }
            Ok(())
        })
    }

    /// The commit that is in it as a whole: its position, and its changes in order.
    fn read(&self) -> Result<Option<(u64, Vec<Raw>)>, Error> {
        let Some((position, note)) = self.get(&self.whole())? else {
            return Ok(None);
        };
        let what = || format!("the redo log of commit {position}");
        let damaged = || Error::Damaged { what: what() };
        let parts: u32 = format::decode(&note, what)?;
        let mut bytes = Vec::new();
        for index in 0..parts {
            let part = self.get(&self.part(index))?;
            let (_, part) = part.filter(|(of, _)| *of == position).ok_or_else(damaged)?;
            bytes.extend_from_slice(&part);
        }
        let mut changes = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (change, behind) = format::split::<Raw>(rest, what)?;
            changes.push(change);
            rest = behind;
        }
        Ok(Some((position, changes)))
    }

    fn put(&self, key: &[u8], position: u64, value: &[u8]) -> Result<(), Error> {
        let sealed = seal::seal(key, position, value);
        guard::guarded("the redo log was written", || {
            self.tree.insert(key, sealed)?;
            Ok(())
        })
    }

    /// A value, and the position of the commit that it is of.
    fn get(&self, key: &[u8]) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let sealed = guard::guarded("the redo log was read", || Ok(self.tree.get(key)?))?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let damaged = |_| Error::Damaged {
            what: "the redo log of a large commit that was cut off".to_owned(),
        };
        let position = seal::open(key, &sealed).map_err(damaged)?.position;
        let value = seal::unseal(key, sealed.to_vec()).map_err(damaged)?;
        Ok(Some((position, value)))
    }

    fn whole(&self) -> Vec<u8> {
        [self.prefix.as_slice(), &[WHOLE]].concat()
    }

    fn part(&self, index: u32) -> Vec<u8> {
        [self.prefix.as_slice(), &[PARTS], &index.to_be_bytes()].concat()
    }
}

#[cfg(test)]
impl RedoLog {
    /// Changes the last bit of its first part, as a disk may do it.
    pub fn damage(&self) {
        let key = self.part(0);
        let mut value = self.tree.get(&key).unwrap().unwrap().to_vec();
        *value.last_mut().unwrap() ^= 1;
        self.tree.insert(key, value).unwrap();
    }
}

/// Completes the commits that a crash has cut off, in all contexts, and has them on disk; tells where that cannot be done, and why. Nothing else may be done with the engine
/// before.
pub(super) fn recover(engine: &Engine) -> BTreeMap<String, Error> {
    let mut failed = BTreeMap::new();
    for context in engine.contexts() {
        let recovered = engine
            .tree(&context)
            .and_then(|tree| match complete(&tree)? {
                true => engine.flush(),
                false => Ok(()),
            });
        if let Err(error) = recovered {
            failed.insert(context, error);
        }
    }
    failed
}

/// Says whether there was one.
fn complete(journal: &SledTree) -> Result<bool, Error> {
    let log = journal.log();
    let logged = log.read()?;
    if let Some((position, changes)) = &logged {
        if !follows(journal, *position, changes)? {
            return Err(Error::Damaged {
                what: format!(
                    "the redo log of commit {position}, which an older Innkeeper has passed over"
                ),
            });
        }
        tracing::info!(position, "completing a large commit that was cut off");
        for (key, value) in changes {
            let change = Change {
                key: key.clone(),
                value: value.as_deref().map(Cow::Borrowed),
            };
            journal.write(slice::from_ref(&change))?;
        }
    }
    log.clear()?;
    Ok(logged.is_some())
}

/// Whether a logged commit comes next in its journal, or is there already and only its log was not cleared.
fn follows(journal: &SledTree, position: u64, changes: &[Raw]) -> Result<bool, Error> {
    let record = key::commit(position);
    let newest = journal.newest()?;
    if newest.position == position {
        let there = Tree::get(journal, &record)?;
        return Ok(changes.contains(&(record, there)));
    }
    let sealed = changes.iter().find(|(key, _)| *key == record);
    let Some((_, Some(sealed))) = sealed else {
        return Ok(false);
    };
    let value = seal::unseal(&record, sealed.clone())?;
    let logged = format::decode_record(&value, || format!("commit {position}"))?;
    Ok(logged.before == newest)
}
