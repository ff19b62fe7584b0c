//! How far the relay has come, in the host's own journal: for when the stream cannot tell.

use crate::events::feed_position::FeedPosition;
use crate::invocation::record;
use crate::journal::{self, CommitError, Ledger, Space, Unit};

const KEY: &str = "nats-relay";

/// Where it stood when it was last kept.
pub(super) fn read(ledger: &Ledger) -> Result<Option<FeedPosition>, journal::Error> {
    let Some(text) = record::find::<String>(ledger, Space::Meta, KEY)? else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|error| journal::Error::Damaged {
            what: format!("the position of the relay ({error})"),
        })
}

/// Keeps where it stands.
pub(super) async fn keep(ledger: &Ledger, places: &FeedPosition) -> Result<(), CommitError> {
    let write = record::write(Space::Meta, KEY, &places.to_string())?;
    let unit = Unit::bookkeeping("relay", ledger.applied(), vec![write]);
    ledger.commit(unit).await.map(|_| ())
}
