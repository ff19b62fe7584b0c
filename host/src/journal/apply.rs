//! What a commit changes in an engine: a function of the commit alone, so that every engine that applies the same commits holds the same. What follows from
//! that, and from what was there, is in `counts.rs`.

use std::borrow::Cow;

use super::format::{self, RecordRef};
use super::{Commit, Error, EventPosition, key};

/// One change of an encoded key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change<'a> {
    pub key: Vec<u8>,
    /// `None` removes the key.
    pub value: Option<Cow<'a, [u8]>>,
}

/// The changes that a commit makes; of two of one key the later one counts.
pub(super) fn changes(commit: &Commit) -> Result<Vec<Change<'_>>, Error> {
    let mut changes = Vec::with_capacity(2 + commit.events.len() + commit.writes.len());
    for write in &commit.writes {
        changes.push(Change {
            key: key::encode(write.space, &write.key),
            value: write.value.as_deref().map(Cow::Borrowed),
        });
    }
    let mut lanes = Vec::with_capacity(commit.events.len());
    for (index, event) in (0..=u16::MAX).zip(&commit.events) {
        let lane = event.lane();
        let position = EventPosition {
            commit: commit.position,
            index,
        };
        changes.push(Change {
            key: key::event(lane, position),
            value: Some(Cow::Owned(format::encode(event)?)),
        });
        lanes.push(lane);
    }
    let record = format::encode(&RecordRef {
        header: &commit.header,
        lanes,
    })?;
    changes.push(Change {
        key: key::commit(commit.position),
        value: Some(Cow::Owned(record)),
    });
    changes.push(Change {
        key: key::story(&commit.header.correlation_id, commit.position),
        value: Some(Cow::Borrowed(&[])),
    });
    Ok(changes)
}
