//! How records become bytes: one byte for the format, then postcard.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Error, Header};

/// The format of what is written. 2: values carry a checksum and their commit, commits what they changed and a link to the one before.
pub(super) const FORMAT: u8 = 2;

/// What is kept at a commit's position. The events are in their lanes, the writes in their spaces.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub header: Header,
    /// The lane of each event, in order.
    pub lanes: Vec<u8>,
    /// What it changed, in order.
    pub changed: Vec<Changed>,
    /// The commit before it.
    pub before: Link,
    /// Whether a repair has put it in the place of one that was lost: what follows it links to what was there before.
    pub is_mended: bool,
}

/// The same, from a borrowed header; both have the same bytes.
#[derive(Serialize)]
pub(super) struct RecordRef<'a> {
    pub header: &'a Header,
    pub lanes: Vec<u8>,
    pub changed: Vec<Changed>,
    pub before: Link,
    pub is_mended: bool,
}

/// A commit as the next one knows it: so commits are a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its position; 0 before the first.
    pub position: u64,
    /// The checksum of its record.
    pub checksum: u64,
}

/// A key that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changed {
    /// The encoded key.
    pub key: Vec<u8>,
    /// Whether it was removed.
    pub is_removed: bool,
}

/// The bytes of a record.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(FORMAT);
    postcard::to_extend(record, bytes).map_err(|error| Error::Damaged {
        what: format!("a record that cannot be written ({error})"),
    })
}

/// The record that `encode` was given. `what` names it for people.
pub(super) fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    what: impl Fn() -> String,
) -> Result<T, Error> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => postcard::from_bytes(rest).map_err(|error| Error::Damaged {
            what: format!("{} ({error})", what()),
        }),
        Some((&found, _)) if found != FORMAT => Err(Error::Format {
            found,
            known: FORMAT,
        }),
        _ => Err(Error::Damaged { what: what() }),
    }
}
