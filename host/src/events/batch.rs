//! What a follower reads of a lane at a time.

use std::sync::Arc;

use crate::journal::{Bounds, Error, EventPosition, LaneEvents, Ledger};

/// What is read at first, on the runtime's thread, as a guest's reads are: most commits have no more, and another thread would have to be woken for each of them.
/// One event may be larger.
const FIRST: Bounds = Bounds {
    entries: 32,
    bytes: 64 << 10,
};
/// What is read behind that where there is more, on a thread that may block.
const REST: Bounds = Bounds {
    entries: 256,
    bytes: 2 << 20,
};

/// A lane's events after `after` (`None` means from the first) that were committed at `upto` or before: as many as are handled in one go.
///
/// # Errors
///
/// When the first of them cannot be read. Where only one behind it cannot be, those before it are found sooner or later, and then a read says why.
pub(super) async fn next(
    ledger: &Arc<Ledger>,
    lane: u8,
    after: Option<EventPosition>,
    upto: u64,
) -> Result<LaneEvents, Error> {
    debug_assert!(
        upto <= ledger.flushed(),
        "followers see flushed events only"
    );
    let read = move |ledger: &Ledger, after, bounds| {
        let journal = ledger.journal();
        journal.events_within(lane, after, upto, bounds)
    };
    let mut batch = read(ledger, after, FIRST)?;
    if let Some(last) = batch.last().filter(|_| batch.has_more) {
        let reading = ledger.read(move |ledger| read(ledger, Some(last), REST));
        if let Ok(rest) = reading.await {
            batch.events.extend(rest.events);
            batch.has_more = rest.has_more;
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{
        Cause, Committer, Durability, Ending, Event, Header, MemoryStore, Options, ReadSet, Unit,
        lane_of,
    };

    struct Source {
        store: Arc<MemoryStore>,
        ledger: Arc<Ledger>,
        _committer: Arc<Committer>,
    }

    impl Source {
        /// Events of one subject with so many bytes each.
        async fn with(sizes: &[usize]) -> Self {
            let store = Arc::new(MemoryStore::new());
            let committer = Committer::start(store.clone(), Options::default()).unwrap();
            let ledger = committer.open("room", Durability::Flush).unwrap();
            for sizes in sizes.chunks(16) {
                let unit = Unit {
                    began: ledger.applied(),
                    reads: ReadSet::default(),
                    header: header(),
                    writes: Vec::new(),
                    events: sizes.iter().map(|&size| event(size)).collect(),
                };
                ledger.commit(unit).await.unwrap();
            }
            Self {
                store,
                ledger,
                _committer: committer,
            }
        }

        async fn read(&self, after: Option<EventPosition>) -> Result<LaneEvents, Error> {
            let upto = self.ledger.flushed();
            next(&self.ledger, lane_of("1"), after, upto).await
        }
    }

    /// How many of such events come at a time, and whether there are more.
    async fn batches(sizes: &[usize]) -> Vec<(usize, bool)> {
        let source = Source::with(sizes).await;
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let LaneEvents { events, has_more } = source.read(after).await.unwrap();
            found.push((events.len(), has_more));
            if !has_more {
                return found;
            }
            after = events.last().map(|(position, _)| *position);
        }
    }

    fn header() -> Header {
        Header {
            invocation: "i".into(),
            cause: Cause::Web {
                method: "POST".into(),
                route: "/rooms".into(),
            },
            ending: Ending::Committed,
            attempt: 1,
            correlation_id: None,
            causation_id: None,
            version: None,
            time: 1,
            status: Some(200),
            by: None,
        }
    }

    fn event(size: usize) -> Event {
        Event {
            id: "e".into(),
            kind: "RoomModified".into(),
            subject: "1".into(),
            time: 1,
            data: vec![b'x'; size],
            correlation_id: "c".parse().unwrap(),
            causation_id: None,
            trace: None,
            identity: None,
        }
    }

    #[tokio::test]
    async fn the_last_event_has_none_behind_it_however_a_read_ends() {
        for size in [0, 31 << 10, 32 << 10, 40 << 10, 64 << 10, 1 << 20, 3 << 20] {
            assert_eq!(batches(&[size]).await, [(1, false)], "of {size} bytes");
            assert_eq!(batches(&[size, 0]).await, [(2, false)], "of {size} bytes");
        }
        assert_eq!(batches(&[64 << 10, 2 << 20]).await, [(2, false)]);
        assert_eq!(batches(&[80 << 10; 20]).await, [(20, false)]);
        for count in [0, 1, 31, 32, 33, 287, 288] {
            assert_eq!(batches(&vec![10; count]).await, [(count, false)]);
        }
    }

    #[tokio::test]
    async fn a_batch_is_bounded_in_events_and_in_bytes() {
        assert_eq!(batches(&[10; 289]).await, [(288, true), (1, false)]);
        assert_eq!(batches(&[1 << 20; 5]).await, [(3, true), (2, false)]);
    }

    #[tokio::test]
    async fn what_lies_before_a_damaged_event_is_read() {
        for damaged in [0, 1, 5, 31, 32, 40, 99] {
            let source = Source::with(&[10; 100]).await;
            let all = source.read(None).await.unwrap().events;
            let (place, _) = all[damaged];
            source.store.damage_event("room", lane_of("1"), place);
            let mut before = Vec::new();
            let mut after = None;
            while let Ok(batch) = source.read(after).await {
                assert!(batch.has_more);
                after = batch.last();
                before.extend(batch.events);
            }
            assert_eq!(before, all[..damaged]);
            let behind = source.read(Some(place)).await.unwrap();
            assert_eq!(behind.events, all[damaged + 1..]);
            assert!(!behind.has_more);
        }
    }
}
