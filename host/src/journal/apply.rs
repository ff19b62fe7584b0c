//! What a commit changes in an engine: a function of the commit alone, so that every engine that applies the same commits holds the same. What follows from
//! that, and from what was there, is in `counts.rs`.

use std::borrow::Cow;

use super::format::{self, Changed, Link, RecordRef};
use super::{Commit, Error, Event, EventPosition, key, seal};

/// One change of an encoded key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change<'a> {
    pub key: Vec<u8>,
    /// The value as it is kept, sealed; `None` removes the key.
    pub value: Option<Cow<'a, [u8]>>,
}

impl Change<'_> {
    /// How long its value is, sealed; none when it removes the key.
    pub fn size(&self) -> Option<u64> {
        self.value.as_ref().map(|value| value.len() as u64)
    }

    /// Gives a key a value of a commit.
    pub fn put(position: u64, key: Vec<u8>, value: &[u8]) -> Self {
        Change {
            value: Some(seal::sealed(&key, position, value)),
            key,
        }
    }
}

/// The changes that a commit makes; of two of one key the later one counts. And the commit as the next one knows it, given the one `before`.
pub(super) fn changes(
    commit: &Commit,
    before: Link,
) -> Result<(Vec<Change<'static>>, Link), Error> {
    let count = content(commit);
    let mut changes = Vec::with_capacity(count + 2);
    for index in 0..count {
        changes.extend(change(commit, index)?);
    }
    let (record, link) = record(commit, before)?;
    changes.extend(record);
    Ok((changes, link))
}

/// How many changes a commit makes besides its record.
pub(super) fn content(commit: &Commit) -> usize {
    commit.writes.len() + commit.events.len()
}

/// One of them: first come the writes, then the events. None beyond the last.
pub(super) fn change(commit: &Commit, index: usize) -> Result<Option<Change<'static>>, Error> {
    let position = commit.position;
    if let Some(write) = commit.writes.get(index) {
        let key = key::encode(write.space, &write.key);
        return Ok(Some(match &write.value {
            Some(value) => Change::put(position, key, value),
            None => Change { key, value: None },
        }));
    }
    let index = index - commit.writes.len();
    let (Some(event), Ok(index)) = (commit.events.get(index), u16::try_from(index)) else {
        return Ok(None);
    };
    let place = EventPosition {
        commit: position,
        index,
    };
    let key = key::event(event.lane(), place);
    let value = format::encode_event(event)?;
    Ok(Some(Change::put(position, key, &value)))
}

/// What makes it a commit: its record, and the note that it is part of a story. And the commit as the next one knows it.
pub(super) fn record(commit: &Commit, before: Link) -> Result<([Change<'static>; 2], Link), Error> {
    let position = commit.position;
    let changed = commit.writes.iter().map(|write| Changed {
        key: key::encode(write.space, &write.key),
        is_removed: write.value.is_none(),
    });
    let record = format::encode(&RecordRef {
        header: &commit.header,
        lanes: commit.events.iter().map(Event::lane).collect(),
        changed: changed.collect(),
        before,
        is_mended: false,
        by: commit.header.by.as_deref(),
    })?;
    let key = key::commit(position);
    let sealed = seal::seal(&key, position, &record);
    let checksum = seal::open(&key, &sealed)?.checksum;
    let record = Change {
        key,
        value: Some(Cow::Owned(sealed)),
    };
    let story = key::story(commit.header.story(), position);
    let changes = [record, Change::put(position, story, &[])];
    Ok((changes, Link { position, checksum }))
}
