//! What a commit changes in an engine: a function of the commit alone, so that every engine that applies the same commits holds the same. What follows from
//! that, and from what was there, is in `counts.rs`.

use std::borrow::Cow;

use super::format::{self, Changed, Link, RecordRef};
use super::{Commit, Error, EventPosition, key, seal};

/// One change of an encoded key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change<'a> {
    pub key: Vec<u8>,
    /// The value as it is kept, sealed; `None` removes the key.
    pub value: Option<Cow<'a, [u8]>>,
}

impl Change<'_> {
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
    let position = commit.position;
    let mut changes = Vec::with_capacity(2 + commit.events.len() + commit.writes.len());
    let mut changed = Vec::with_capacity(commit.writes.len());
    for write in &commit.writes {
        let key = key::encode(write.space, &write.key);
        changed.push(Changed {
            key: key.clone(),
            is_removed: write.value.is_none(),
        });
        changes.push(match &write.value {
            Some(value) => Change::put(position, key, value),
            None => Change { key, value: None },
        });
    }
    let mut lanes = Vec::with_capacity(commit.events.len());
    for (index, event) in (0..=u16::MAX).zip(&commit.events) {
        let lane = event.lane();
        let place = EventPosition {
            commit: position,
            index,
        };
        let key = key::event(lane, place);
        changes.push(Change::put(position, key, &format::encode_event(event)?));
        lanes.push(lane);
    }
    let record = format::encode(&RecordRef {
        header: &commit.header,
        lanes,
        changed,
        before,
        is_mended: false,
        by: commit.header.by.as_deref(),
    })?;
    let key = key::commit(position);
    let sealed = seal::seal(&key, position, &record);
    let checksum = seal::open(&key, &sealed)?.checksum;
    changes.push(Change {
        key,
        value: Some(Cow::Owned(sealed)),
    });
    let note = key::story(commit.header.story(), position);
    changes.push(Change::put(position, note, &[]));
    Ok((changes, Link { position, checksum }))
}
