//! How far the relay has come, in the host's own journal: for when the stream cannot tell.
//!
//! A server may come back with an older store, its last messages lost, though it had confirmed them. So where the relay stood is kept together with how far the
//! stream went then, and some places from before are kept, too: whoever goes on behind an older end begins with one of these.

use serde::{Deserialize, Serialize};

use crate::events::feed_position::FeedPosition;
use crate::invocation::record;
use crate::journal::{self, CommitError, Ledger, Space, Unit, Write};

const KEY: &str = "nats-relay";
/// The end of the stream that this belongs to.
const END: &str = "nats-relay/end";
/// How long a place from before stays the newest of its kind, in milliseconds. The one before it is kept, too, so one of them is older than that.
const PERIODS: [u64; 3] = [2 * 60_000, 60 * 60_000, 24 * 60 * 60_000];

/// How far a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamEnd {
    /// When it was made, in nanoseconds since the Unix epoch: another one of that name counts anew.
    pub made: i128,
    /// The sequence of its last message.
    pub sequence: u64,
}

/// Where the relay stood when the stream ended there.
#[derive(Debug, Serialize, Deserialize)]
struct Former {
    end: StreamEnd,
    places: String,
}

/// Which places from before were written last, each by the number of its period.
pub(super) type Periods = [u64; PERIODS.len()];

/// What is kept for a stream that ends somewhere.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Where the relay stood at that end or before; none where nothing says.
    pub places: Option<FeedPosition>,
    /// Up to which message it had come already, where the stream ends before that now.
    pub set_back_from: Option<u64>,
    /// What is kept of what the stream has lost.
    pub lost: Vec<String>,
}

/// Where it stood when it was last kept.
pub(super) fn read(ledger: &Ledger) -> Result<Option<FeedPosition>, journal::Error> {
    let Some(text) = record::find::<String>(ledger, Space::Meta, KEY)? else {
        return Ok(None);
    };
    parsed(&text).map(Some)
}

/// Where it stood when the stream ended there, or as shortly before as is known.
pub(super) fn read_at(ledger: &Ledger, end: StreamEnd) -> Result<Kept, journal::Error> {
    let of_stream = |other: &StreamEnd| other.made == end.made;
    let newest = record::find::<StreamEnd>(ledger, Space::Meta, END)?.filter(of_stream);
    let Some(newest) = newest.filter(|newest| newest.sequence > end.sequence) else {
        let places = read(ledger)?;
        return Ok(Kept {
            places,
            ..Kept::default()
        });
    };
    let (mut best, mut lost) = (None::<Former>, Vec::new());
    for key in (0..PERIODS.len()).flat_map(|kind| [0, 1].map(|slot| key(kind, slot))) {
        let former = record::find::<Former>(ledger, Space::Meta, &key)?;
        let Some(former) = former.filter(|former| of_stream(&former.end)) else {
            continue;
        };
        if former.end.sequence > end.sequence {
            lost.push(key);
        } else if best
            .as_ref()
            .is_none_or(|best| best.end.sequence < former.end.sequence)
        {
            best = Some(former);
        }
    }
    Ok(Kept {
        places: best.map(|former| parsed(&former.places)).transpose()?,
        set_back_from: Some(newest.sequence),
        lost,
    })
}

/// Keeps that the stream ends there now, and forgets what was kept of what it has lost: under the same sequences there will be other messages.
pub(super) async fn set_back(
    ledger: &Ledger,
    places: Option<&FeedPosition>,
    end: StreamEnd,
    lost: &[String],
) -> Result<(), CommitError> {
    let place = match places {
        Some(places) => record::write(Space::Meta, KEY, &places.to_string())?,
        None => forgotten(KEY),
    };
    let mut writes = vec![place, record::write(Space::Meta, END, &end)?];
    writes.extend(lost.iter().map(|key| forgotten(key)));
    let unit = Unit::bookkeeping("relay", ledger.applied(), writes);
    ledger.commit(unit).await.map(drop)
}

fn forgotten(key: &str) -> Write {
    Write {
        space: Space::Meta,
        key: key.as_bytes().to_vec(),
        value: None,
    }
}

/// Keeps where it stands. `now` is in milliseconds since the Unix epoch.
pub(super) async fn keep(
    ledger: &Ledger,
    places: &FeedPosition,
    end: Option<StreamEnd>,
    written: &mut Periods,
    now: u64,
) -> Result<(), CommitError> {
    let places = places.to_string();
    let mut writes = vec![record::write(Space::Meta, KEY, &places)?];
    let mut periods = *written;
    if let Some(end) = end {
        writes.push(record::write(Space::Meta, END, &end)?);
        let former = Former { end, places };
        writes.extend(former.writes(&mut periods, now)?);
    }
    let unit = Unit::bookkeeping("relay", ledger.applied(), writes);
    ledger.commit(unit).await?;
    *written = periods;
    Ok(())
}

impl Former {
    /// What keeps it wherever a period has begun in which nothing was kept yet.
    fn writes(&self, written: &mut Periods, now: u64) -> Result<Vec<Write>, journal::Error> {
        let kinds = PERIODS.iter().zip(written).enumerate();
        let due = kinds.filter_map(|(kind, (period, written))| {
            let number = now / period;
            let is_due = std::mem::replace(written, number) != number;
            is_due.then(|| key(kind, number % 2))
        });
        due.map(|key| record::write(Space::Meta, &key, self))
            .collect()
    }
}

fn key(kind: usize, slot: u64) -> String {
    format!("nats-relay/{kind}/{slot}")
}

fn parsed(text: &str) -> Result<FeedPosition, journal::Error> {
    text.parse().map_err(|error| journal::Error::Damaged {
        what: format!("the position of the relay ({error})"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::journal::{Committer, Durability, MemoryStore, Options};

    const MINUTE: u64 = 60_000;

    fn end(sequence: u64) -> StreamEnd {
        StreamEnd { made: 7, sequence }
    }

    #[tokio::test]
    async fn a_stream_that_comes_back_older_is_gone_on_behind_from_a_place_before() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("host", Durability::Relaxed).unwrap();
        let mut written = Periods::default();
        let place = |commit: u64| -> FeedPosition { format!("room:{commit}.0").parse().unwrap() };
        // An event each minute, for three days.
        let begin = 20_000 * 24 * 60 * MINUTE;
        for minute in 1..=3 * 24 * 60 {
            let (end, now) = (Some(end(minute)), begin + minute * MINUTE);
            keep(&ledger, &place(minute), end, &mut written, now)
                .await
                .unwrap();
        }
        let last = 3 * 24 * 60;
        let at = |sequence| read_at(&ledger, end(sequence)).unwrap();
        for sequence in [last, last + 5] {
            let expected = Kept {
                places: Some(place(last)),
                ..Kept::default()
            };
            assert_eq!(at(sequence), expected, "what others published since");
        }
        for (lost, most) in [
            (1, 5),
            (4, 130),
            (60, 130),
            (600, 24 * 60),
            (1_440, 2 * 1_440),
        ] {
            let kept = at(last - lost);
            assert_eq!(kept.set_back_from, Some(last));
            let place = kept.places.unwrap().0["room"].commit;
            let behind = (last - lost).checked_sub(place);
            assert!(
                behind.is_some_and(|behind| behind <= most),
                "{lost} lost: {behind:?}"
            );
        }
        assert_eq!(at(1).places, None, "older than all that is kept");
        // It goes on behind what it had, and loses something once more: what was kept of its former end says nothing of what it has by now.
        let half = last - 1_440;
        let kept = at(half);
        let from = kept.places.clone().unwrap();
        let is_kept = set_back(&ledger, Some(&from), end(half), &kept.lost).await;
        is_kept.unwrap();
        assert_eq!(at(half).places, Some(from));
        let (now, further) = (begin + (last + 1) * MINUTE, end(last + 10));
        let mut written = Periods::default();
        let reached = place(last - 100);
        keep(&ledger, &reached, Some(further), &mut written, now)
            .await
            .unwrap();
        let kept = at(last + 5).places.unwrap().0["room"].commit;
        assert!(kept <= half, "{kept}");
        // Another stream of the name counts anew.
        let other = StreamEnd {
            made: 8,
            sequence: 1,
        };
        let kept = read_at(&ledger, other).unwrap();
        assert_eq!((kept.places, kept.set_back_from), (Some(reached), None));
    }
}
