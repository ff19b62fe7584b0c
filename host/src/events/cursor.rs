//! Where a follower stands in a lane of a source, and how that moves: with the commit that an event led to, or by itself behind those that nobody here follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::cursor_key::CursorKey;
use crate::journal::{
    self, CommitError, Durability, EventPosition, Ledger, ReadSet, Space, Unit, Write,
};

/// After how many events that nobody here follows the cursor is written all the same.
pub(super) const SKIPS: usize = 4_096;
/// How long after the first of them it is written at the latest.
const KEEP: Duration = Duration::from_secs(5);

/// The cursor of one follower in one lane.
pub(super) struct Cursor {
    /// The follower's journal, which it is stored in.
    ledger: Arc<Ledger>,
    key: CursorKey,
    place: watch::Sender<Option<EventPosition>>,
    passed: Arc<AtomicU64>,
    /// How many events it has gone past since it was written.
    skipped: usize,
    /// When it is to be written, if it has gone past any.
    write_at: Option<Instant>,
}

impl Cursor {
    /// From where it was stored.
    pub(super) fn open(ledger: Arc<Ledger>, key: CursorKey) -> Result<Self, journal::Error> {
        let place = key.read(&ledger)?;
        Ok(Self {
            ledger,
            key,
            place: watch::Sender::new(place),
            passed: Arc::default(),
            skipped: 0,
            write_at: None,
        })
    }

    /// To where it is stored now, when nothing is under way that would move it.
    pub(super) fn reopen(&mut self) -> Result<(), journal::Error> {
        let place = self.key.read(&self.ledger)?;
        self.place.send_replace(place);
        self.note_written();
        Ok(())
    }

    /// To before the first event.
    pub(super) fn restart(&mut self) {
        self.place.send_replace(None);
    }

    /// Behind which event it stands; `None` is before the first.
    pub(super) fn place(&self) -> Option<EventPosition> {
        *self.place.borrow()
    }

    /// The same, as it moves.
    pub(super) fn watched(&self) -> watch::Receiver<Option<EventPosition>> {
        self.place.subscribe()
    }

    /// How many events it has passed since it was opened, followed or not.
    pub(super) fn passed(&self) -> Arc<AtomicU64> {
        self.passed.clone()
    }

    /// The write that moves it behind an event, for the commit that the event leads to.
    pub(super) fn moved_to(&self, position: EventPosition) -> Write {
        self.key.moved_to(position)
    }

    /// The note that it was where it is.
    pub(super) fn reads(&self) -> ReadSet {
        let mut reads = ReadSet::default();
        reads.note_key(Space::Cursor, self.key.as_bytes());
        reads
    }

    /// Behind an event whose commit holds it.
    pub(super) fn moved_by_commit(&mut self, position: EventPosition) {
        self.note_written();
        self.move_to(position);
    }

    /// Behind an event that nobody here follows. It is written with the next commit, or before long with one of its own.
    pub(super) async fn skip(&mut self, position: EventPosition) {
        self.move_to(position);
        self.skipped += 1;
        let now = Instant::now();
        let write_at = *self.write_at.get_or_insert(now + KEEP);
        if self.skipped >= SKIPS || now >= write_at {
            self.write().await;
        }
    }

    fn move_to(&mut self, position: EventPosition) {
        self.passed.fetch_add(1, Ordering::Relaxed);
        self.place.send_replace(Some(position));
    }

    /// Waits until it is to be written.
    pub(super) async fn due(&self) {
        match self.write_at {
            Some(time) => tokio::time::sleep_until(time).await,
            None => std::future::pending().await,
        }
    }

    /// Writes it, unless what is stored is where it stands.
    pub(super) async fn write_if_behind(&mut self) {
        if self.skipped > 0 {
            self.write().await;
        }
    }

    /// Writes it where it has come to, without waiting for the disk: after a crash some events are looked at once more, and passed again.
    pub(super) async fn write(&mut self) {
        let Some(position) = self.place() else {
            return self.note_written();
        };
        let unit = Unit {
            reads: self.reads(),
            ..Unit::bookkeeping(
                "cursor",
                self.ledger.applied(),
                vec![self.moved_to(position)],
            )
        };
        let written: Result<u64, CommitError> =
            self.ledger.commit_as(unit, Durability::Relaxed).await;
        match written {
            Ok(_) => self.note_written(),
            // It stays further back than it could be, which costs time at the next start and nothing else.
            Err(error) => {
                self.write_at = Some(Instant::now() + KEEP);
                tracing::debug!(follower = self.ledger.context(), %error, "could not write a cursor; trying again");
            }
        }
    }

    fn note_written(&mut self) {
        self.skipped = 0;
        self.write_at = None;
    }
}
