//! How records become bytes: one byte for the format, then postcard.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Error, Header};

const FORMAT: u8 = 1;

/// What is kept at a commit's position. The events are in their lanes, the writes in their spaces.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub header: Header,
    /// The lane of each event, in order.
    pub lanes: Vec<u8>,
}

/// The same, from a borrowed header; both have the same bytes.
#[derive(Serialize)]
pub(super) struct RecordRef<'a> {
    pub header: &'a Header,
    pub lanes: Vec<u8>,
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
        Some((&found, _)) if found > FORMAT => Err(Error::Format {
            found,
            known: FORMAT,
        }),
        _ => Err(Error::Damaged { what: what() }),
    }
}
