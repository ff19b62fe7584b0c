//! One lane of a source, read by one follower: from its cursor on, in order, for as long as the follower runs.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::batch;
use super::cursor::{self, Cursor};
use super::cursor_key::CursorKey;
use super::follower::Watched;
use crate::core::{Backoff, ContextName};
use crate::journal::{self, CommitError, Event, EventPosition, LaneEvents, Ledger, ReadSet, Write};

/// How many events behind the cursor an earlier life may have come to: it went past some whose kinds it did not follow. Twice as many as it should be,
/// since a cursor may not have been written at once.
const AHEAD: usize = 2 * cursor::SKIPS;

/// What is done with the events of a source.
pub(super) trait Handler: Send + Sync + 'static {
    /// The journal that its effects and its cursors go to.
    fn ledger(&self) -> &Arc<Ledger>;

    /// Whether it wants an event.
    fn follows(&self, source: &ContextName, kind: &str) -> bool;

    /// Handles an event that it wants. Continues when a commit holds the moved cursor, however long that takes; breaks off when it is told to stop.
    fn handle(&self, arrival: Arrival<'_>) -> impl Future<Output = ControlFlow<()>> + Send;

    /// Lets an event go that it does not want, and that may have come to someone who did. True when a commit holds the moved cursor.
    fn skip(&self, _: Arrival<'_>) -> impl Future<Output = ControlFlow<(), bool>> + Send {
        std::future::ready(ControlFlow::Continue(false))
    }
}

/// A source of events.
#[derive(Clone)]
pub(super) struct Source {
    /// The name of the context.
    pub name: ContextName,
    /// Its journal.
    pub ledger: Arc<Ledger>,
}

/// An event that has come to a handler.
pub(super) struct Arrival<'a> {
    pub source: &'a ContextName,
    pub position: EventPosition,
    pub event: Event,
    /// The write that moves the cursor behind it.
    pub moved: Write,
    /// The note that the cursor was where it is.
    pub reads: ReadSet,
    /// Whether it may have come before, to someone who did not live to tell.
    pub is_first: bool,
    /// Whether that may be so, too, when the versions of then and now do not follow the same.
    pub is_early: bool,
    /// Whether more events wait behind it.
    pub has_more: bool,
    pub stop: &'a CancellationToken,
}

/// One lane, and how far its follower has come in it.
pub(super) struct Lane<H> {
    handler: Arc<H>,
    source: Source,
    number: u8,
    cursor: Cursor,
    is_first: bool,
    earlier: Earlier,
    stop: CancellationToken,
}

/// How far an earlier life may have come in a lane.
struct Earlier {
    /// The commit that the lane ended with.
    end: u64,
    /// How many events more it may have passed.
    left: usize,
}

impl Earlier {
    fn of(source: &Source, lane: u8) -> Self {
        Self {
            end: source.ledger.lane_end(lane),
            left: AHEAD,
        }
    }

    fn may_know(&self, position: EventPosition) -> bool {
        self.left > 0 && position.commit <= self.end
    }

    fn passes(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}

impl<H: Handler> Lane<H> {
    /// The lane from where its cursor stands.
    pub(super) fn open(
        handler: Arc<H>,
        source: Source,
        number: u8,
        key: CursorKey,
        stop: CancellationToken,
    ) -> Result<Self, journal::Error> {
        let mut cursor = Cursor::open(handler.ledger().clone(), key)?;
        let end = source.ledger.applied();
        if cursor.place().is_some_and(|place| place.commit > end) {
            // Its journal was in memory: what comes now has nothing to do with what the cursor counted.
            tracing::warn!(
                follower = handler.ledger().context(),
                source = source.name.as_str(),
                lane = number,
                "the source's journal was replaced by a new one, and is followed from its first event"
            );
            cursor.restart();
        }
        Ok(Self {
            handler,
            earlier: Earlier::of(&source, number),
            source,
            number,
            cursor,
            is_first: true,
            stop,
        })
    }

    /// The lane, seen from outside.
    pub(super) fn watched(&self) -> Watched {
        Watched {
            source: self.source.clone(),
            number: self.number,
            place: self.cursor.watched(),
            passed: self.cursor.passed(),
        }
    }

    /// Follows until it is told to stop, also after a panic. Nothing is under way any more when it returns.
    pub(super) async fn keep_running(mut self) {
        let mut backoff = Backoff::of_journal();
        while AssertUnwindSafe(self.run_and_keep())
            .catch_unwind()
            .await
            .is_err()
        {
            self.log_error("a lane panicked; restarting it", "panic");
            loop {
                if backoff.pause(&self.stop).await.is_break() {
                    return;
                }
                match self.reopen().await {
                    Ok(()) => break,
                    Err(error) => self.log_error("a lane could not be restarted", error),
                }
            }
        }
    }

    /// Finds out where it stands, once what may be under way has been decided.
    async fn reopen(&mut self) -> Result<(), CommitError> {
        self.handler.ledger().barrier().await?;
        self.cursor.reopen()?;
        self.is_first = true;
        self.earlier = Earlier::of(&self.source, self.number);
        Ok(())
    }

    fn log_error(&self, what: &str, error: impl Display) {
        tracing::error!(
            follower = self.handler.ledger().context(),
            source = self.source.name.as_str(),
            lane = self.number,
            %error,
            "{what}"
        );
    }

    async fn run_and_keep(&mut self) {
        self.run().await;
        // Whoever follows next need not look at what this one has gone past.
        self.cursor.write_if_behind().await;
    }

    async fn run(&mut self) {
        let mut news = self.source.ledger.lane(self.number);
        loop {
            let upto = *news.borrow_and_update();
            if self.catch_up(upto).await.is_break() {
                return;
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = news.changed() => if changed.is_err() { return },
                () = self.cursor.due() => self.cursor.write().await,
            }
        }
    }

    /// Passes all events of the commits up to `upto`.
    async fn catch_up(&mut self, upto: u64) -> ControlFlow<()> {
        if upto == 0 {
            return ControlFlow::Continue(());
        }
        let mut backoff = Backoff::of_journal();
        loop {
            let (ledger, after) = (&self.source.ledger, self.cursor.place());
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => return ControlFlow::Break(()),
                batch = batch::next(ledger, self.number, after, upto) => batch,
            };
            match batch {
                Ok(LaneEvents { events, has_more }) => {
                    self.pass(events, has_more).await?;
                    if !has_more {
                        return ControlFlow::Continue(());
                    }
                }
                Err(error) => {
                    self.log_error("could not read events; trying again", error);
                    backoff.pause(&self.stop).await?;
                }
            }
        }
    }

    async fn pass(
        &mut self,
        events: Vec<(EventPosition, Event)>,
        has_more: bool,
    ) -> ControlFlow<()> {
        let follows = |event: &Event| self.handler.follows(&self.source.name, &event.kind);
        let last = events.iter().rposition(|(_, event)| follows(event));
        for (index, (position, event)) in events.into_iter().enumerate() {
            if self.stop.is_cancelled() {
                return ControlFlow::Break(());
            }
            if self.handler.follows(&self.source.name, &event.kind) {
                let has_more = has_more || last.is_some_and(|last| index < last);
                self.handle(position, event, has_more).await?;
            } else {
                self.pass_over(position, event).await?;
            }
        }
        ControlFlow::Continue(())
    }

    async fn handle(
        &mut self,
        position: EventPosition,
        event: Event,
        has_more: bool,
    ) -> ControlFlow<()> {
        let arrival = Arrival {
            has_more,
            ..self.arrival(position, event)
        };
        self.handler.handle(arrival).await?;
        self.is_first = false;
        self.earlier.passes();
        self.cursor.moved_by_commit(position);
        ControlFlow::Continue(())
    }

    async fn pass_over(&mut self, position: EventPosition, event: Event) -> ControlFlow<()> {
        // The version of an earlier life may have wanted it, and begun.
        let decided = match self.earlier.may_know(position) {
            true => {
                let arrival = self.arrival(position, event);
                self.handler.skip(arrival).await?
            }
            false => false,
        };
        self.earlier.passes();
        if decided {
            self.cursor.moved_by_commit(position);
        } else {
            self.cursor.skip(position).await;
        }
        ControlFlow::Continue(())
    }

    /// One that others may wait behind.
    fn arrival(&self, position: EventPosition, event: Event) -> Arrival<'_> {
        Arrival {
            source: &self.source.name,
            position,
            event,
            moved: self.cursor.moved_to(position),
            reads: self.cursor.reads(),
            is_first: self.is_first,
            is_early: self.earlier.may_know(position),
            has_more: true,
            stop: &self.stop,
        }
    }
}
