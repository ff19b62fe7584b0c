//! A follower: all lanes of all its sources, started and stopped together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch::{self, error::RecvError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Events;
use super::cursor_key::CursorKey;
use super::lane::{Handler, Lane, Source};
use crate::journal::{self, EventPosition, LANES};

/// Lanes at work.
pub(crate) struct Follower {
    /// Each lane, seen from outside.
    pub lanes: Vec<Watched>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A lane at work, seen from outside.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(super) source: Source,
    pub(super) number: u8,
    pub place: watch::Receiver<Option<EventPosition>>,
    pub(super) passed: Arc<AtomicU64>,
}

impl Follower {
    /// Starts to follow `sources` with the cursors of a generation. It ends with the host, or by [`Follower::stop`].
    pub(super) fn start<H: Handler>(
        events: &Events,
        handler: &Arc<H>,
        generation: u32,
        sources: &[Source],
    ) -> Result<Self, journal::Error> {
        let stop = events.shutdown.child_token();
        let mut opened = Vec::new();
        for source in sources {
            for number in 0..LANES {
                let key = CursorKey::new(generation, &source.name, number);
                opened.push(Lane::open(
                    handler.clone(),
                    source.clone(),
                    number,
                    key,
                    stop.clone(),
                )?);
            }
        }
        let tasks = TaskTracker::new();
        tasks.close();
        let lanes = opened.iter().map(Lane::watched).collect();
        for lane in opened {
            events.tasks.spawn(tasks.track_future(lane.keep_running()));
        }
        Ok(Self { lanes, stop, tasks })
    }

    /// Stops, and resolves when nothing of it is under way any more.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Watched {
    /// How many events it has passed since it was started, followed or not.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Waits until it has come to a commit of its source.
    pub(crate) async fn reach(&self, commit: u64) -> Result<(), RecvError> {
        let reached =
            |place: &Option<EventPosition>| place.map_or(0, |place| place.commit) >= commit;
        self.place.clone().wait_for(reached).await.map(|_| ())
    }

    /// Waits until it has come as far as another follower of the same lane.
    pub(crate) async fn pass(&self, place: Option<EventPosition>) -> Result<(), RecvError> {
        self.place
            .clone()
            .wait_for(|at| *at >= place)
            .await
            .map(|_| ())
    }

    /// The commit that the lane ends with by now.
    pub(crate) fn end(&self) -> u64 {
        self.source.ledger.lane_end(self.number)
    }

    /// Whether another is the same lane of the same source.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.source.name == other.source.name && self.number == other.number
    }

    /// How many events there are behind the one that it has come to. Reads the journal when there are some.
    pub(super) fn behind(&self) -> Result<u64, journal::Error> {
        let end = self.source.ledger.lane_end(self.number);
        let place = *self.place.borrow();
        if place.map_or(0, |place| place.commit) > end || end == 0 {
            return Ok(0);
        }
        let journal = self.source.ledger.journal();
        journal.count_events(self.number, place, end)
    }
}
