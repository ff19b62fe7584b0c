//! How far the relay has come, in the host's own journal: for when the stream cannot tell.

use crate::events::bookkeeping;
use crate::events::place::Places;
use crate::invocation::record;
use crate::journal::{self, CommitError, Ledger, ReadSet, Space, Unit};

const KEY: &str = "nats-relay";

/// Where it stood when it was last kept.
pub(super) fn read(ledger: &Ledger) -> Result<Option<Places>, journal::Error> {
    let Some(value) = ledger.get(Space::Meta, KEY.as_bytes())? else {
        return Ok(None);
    };
    let text: String = record::read(KEY.as_bytes(), &value)?;
    text.parse()
        .map(Some)
        .map_err(|error| journal::Error::Damaged {
            what: format!("the position of the relay ({error})"),
        })
}

/// Keeps where it stands.
pub(super) async fn keep(ledger: &Ledger, places: &Places) -> Result<(), CommitError> {
    let unit = Unit {
        began: ledger.applied(),
        reads: ReadSet::default(),
        header: bookkeeping("relay"),
        writes: vec![record::write(Space::Meta, KEY, &places.to_string())?],
        events: Vec::new(),
    };
    ledger.commit(unit).await.map(|_| ())
}
