//! One context's journal with its concurrency control.
//!
//! # Why this is serializable
//!
//! The log of commits is the serial order; what follows shows that each unit of work could as well have run alone, at its place in it.
//! `A` is the position of the newest commit that is *applied*. For each context, the committer, and nobody else, does in this order, for a group of commits:
//!
//! 1. validate each unit against the window of recent writes, give it the next position, note its writes in the window;
//! 2. append the group to the journal, where its writes become visible one by one, in no particular order; of a large commit, which is a group of its own, in steps, with groups of other
//!    contexts between them;
//! 3. set `A` to the newest position;
//! 4. flush, set *flushed*, wake the followers of the lanes that have new events.
//!
//! A unit takes `began = A` before its first read.
//!
//! - **Nothing too old is read**: 3 follows 2, so each read sees every commit up to `began`.
//! - **Nothing newer goes unnoticed**: a read may see some of the writes of a commit after `began`, even half of a group. 1 precedes 2, so such a write
//!   is in the window before it can be seen, and so when the unit is validated, which is after all its reads. A read of a key or range that the window
//!   has after `began` is a conflict. So a unit without a conflict has seen the state at `began` and nothing else.
//! - **A unit that changes something** is validated in 1, by the thread that gives out the positions. No commit between `began` and its own position wrote
//!   what it read, so the state at `began` and the one at its position look the same to it.
//! - **A unit that changes nothing** is validated in `settle`, by whoever runs it, and takes its place right after `began`. One that fails because of what
//!   it read is such a unit too: it may have seen half of a group, so its failure is only told when it has settled.
//! - **The window forgets**: a unit that began before its horizon is a conflict.
//! - **A merge reads nothing, and is told nothing**: in 1 the committer makes the write of it that it is at the unit's own position, from what is applied and what the group has
//!   written before it. So it could not have come to anything else there, whatever was committed since `began`.
//! - **Real time is kept**: a commit is answered after 3, so who begins after the answer has `began` at or after it.
//!
//! A rejected unit is answered after the commit that it collided with is applied; otherwise its next run could begin, and collide, in vain.
//!
//! # Why visible before flushed is safe
//!
//! All contexts of a store share one log, and a flush covers everything before it. A unit that read what is not flushed commits behind it: either both
//! survive a crash or the reader's commit is lost too. Nobody has been told of it, since `commit` answers after the flush. `settle` gives no such commit
//! to wait for, so it waits itself until what was read is flushed. Followers and feeds see flushed events only.
//! A context that is opened as relaxed gives this up for itself, as named.
//!
//! # When something goes away
//!
//! Dropping the future of `commit` takes nothing back: the unit is in the queue, and becomes a commit or not, whole. `barrier` resolves when that is decided.
//! After a failed append or flush, memory and disk may disagree. The committer then stops for good: what waits, and what comes later, fails.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::capture::{Capture, Captures};
use super::committer::{Committed, Place, Submission, Task};
use super::contention::{Contended, Contention};
use super::direction::Direction;
use super::recent::{Overlap, Recent};
use super::sequence::Sequences;
use super::shutdown::Shutdown;
use super::{
    Bounds, CommitError, Durability, Entry, Error, Journal, KeyRange, LANES, LARGEST_COMMIT, Link,
    Merge, Quota, ReadSet, Space, Unit, Usage, key,
};

/// The most events that a commit can hold.
const EVENTS: usize = 1 << 16;

/// One context's journal: what invocations read from and commit to.
pub struct Ledger {
    context: String,
    durability: Durability,
    journal: Arc<dyn Journal>,
    /// Its place among the committer's ledgers.
    pub(super) index: usize,
    pub(super) queue: mpsc::Sender<Task>,
    shutdown: Arc<Shutdown>,
    pub(super) readers: Arc<Semaphore>,
    pub(super) recent: Arc<Recent>,
    contention: Contention,
    /// How many units of work wait for their commit, and how many may.
    waiting: Arc<AtomicUsize>,
    max_pending: usize,
    pub(super) sequences: Sequences,
    pub(super) captures: Captures,
    pub(super) applied: watch::Sender<u64>,
    pub(super) flushed: watch::Sender<u64>,
    pub(super) lanes: Vec<watch::Sender<u64>>,
    /// The newest commit when it was opened.
    pub(super) begun: Link,
}

/// What a ledger shares with its committer.
pub(super) struct CommitterHandle {
    pub index: usize,
    pub queue: mpsc::Sender<Task>,
    pub shutdown: Arc<Shutdown>,
    pub readers: Arc<Semaphore>,
    /// How many units of work of one context may wait.
    pub max_pending: usize,
}

impl Ledger {
    /// How surely its commits are kept, unless one says otherwise.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// The position of the newest commit when it was opened.
    pub fn begun_with(&self) -> u64 {
        self.begun.position
    }

    pub(super) fn new(
        context: &str,
        durability: Durability,
        journal: Arc<dyn Journal>,
        committer: CommitterHandle,
    ) -> Result<Ledger, Error> {
        let begun = journal.newest()?;
        let last = begun.position;
        let mut lanes = Vec::with_capacity(usize::from(LANES));
        for lane in 0..LANES {
            let end = journal
                .lane_end(lane)?
                .map_or(0, |position| position.commit);
            lanes.push(watch::Sender::new(end));
        }
        Ok(Ledger {
            context: context.to_owned(),
            durability,
            journal,
            index: committer.index,
            queue: committer.queue,
            shutdown: committer.shutdown,
            readers: committer.readers,
            recent: Arc::new(Recent::new(last)),
            contention: Contention::default(),
            waiting: Arc::default(),
            max_pending: committer.max_pending,
            sequences: Sequences::default(),
            captures: Captures::default(),
            applied: watch::Sender::new(last),
            flushed: watch::Sender::new(last),
            lanes,
            begun,
        })
    }

    /// The context's name.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The position of the newest commit that everybody sees. A unit of work takes it before its first read.
    pub fn applied(&self) -> u64 {
        *self.applied.borrow()
    }

    /// The position of the newest commit that is on disk.
    pub fn flushed(&self) -> u64 {
        *self.flushed.borrow()
    }

    /// The journal itself, for reads that need no validation.
    pub fn journal(&self) -> &dyn Journal {
        &*self.journal
    }

    /// The value of a key. Nothing is noted.
    pub fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.journal.get(space, key)
    }

    /// The entries in a range, see [`Journal::scan`]. Nothing is noted.
    pub fn scan(
        &self,
        space: Space,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        self.journal.scan(space, range, limit, direction)
    }

    /// The entries in a range until either bound is reached, see [`Journal::scan_within`]. Nothing is noted.
    pub fn scan_within(
        &self,
        space: Space,
        range: &KeyRange,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        self.journal.scan_within(space, range, bounds, direction)
    }

    /// The keys that units of work had to give way for most often, the worst first.
    pub fn contended(&self, count: usize) -> Vec<Contended> {
        self.contention.worst(count)
    }

    /// How many keys a range holds. Nothing is noted.
    pub fn count(&self, space: Space, range: &KeyRange) -> Result<u64, Error> {
        self.journal.count(space, range)
    }

    /// Begins to tell which keys of a space are written from now on.
    pub fn capture(&self, space: Space) -> Arc<Capture> {
        self.captures.begin(space)
    }

    /// Whether it takes commits.
    ///
    /// # Errors
    ///
    /// Why not, and for good.
    pub fn check(&self) -> Result<(), CommitError> {
        self.shutdown.check()
    }

    /// Validates a unit of work and commits it. Resolves with its position, after the flush, or after it is applied when the context is relaxed.
    /// Once this has been polled, dropping it takes nothing back.
    pub async fn commit(&self, unit: Unit) -> Result<u64, CommitError> {
        self.commit_as(unit, self.durability).await
    }

    /// Like [`Ledger::commit`], for a unit of work that waits for the disk, or not, whatever its context does.
    pub async fn commit_as(&self, unit: Unit, durability: Durability) -> Result<u64, CommitError> {
        self.commit_within(unit, Some(durability), None).await
    }

    /// Like [`Ledger::commit_as`], by default as the context does it, and unless the context would keep more than it may.
    pub async fn commit_within(
        &self,
        unit: Unit,
        durability: Option<Durability>,
        quota: Option<Quota>,
    ) -> Result<u64, CommitError> {
        let committed = self.commit_merging(unit, Vec::new(), durability, quota);
        Ok(committed.await?.position)
    }

    /// Like [`Ledger::commit_within`], with changes of keys that the unit of work has not read, and does not write otherwise. Tells of the flush that it waited for.
    pub async fn commit_merging(
        &self,
        unit: Unit,
        merges: Vec<Merge>,
        durability: Option<Durability>,
        quota: Option<Quota>,
    ) -> Result<Committed, CommitError> {
        if unit.events.len() > EVENTS {
            return Err(Error::TooManyEvents {
                events: unit.events.len(),
                limit: EVENTS,
            }
            .into());
        }
        let bytes = unit.size() + merges.iter().map(Merge::size).sum::<usize>();
        if bytes > LARGEST_COMMIT {
            return Err(Error::TooLarge {
                bytes,
                limit: LARGEST_COMMIT,
            }
            .into());
        }
        self.shutdown.check()?;
        let place = Place::take(&self.waiting, self.max_pending).ok_or(CommitError::Busy)?;
        let (answer, answered) = oneshot::channel();
        let submission = Submission {
            ledger: self.index,
            unit,
            merges,
            durability: durability.unwrap_or(self.durability),
            quota,
            answer,
            _place: place,
        };
        self.queue
            .try_send(Task::Commit(Box::new(submission)))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => CommitError::Busy,
                mpsc::error::TrySendError::Closed(_) => CommitError::Closed,
            })?;
        self.note_conflict(self.answer(answered).await)
    }

    /// Tells whether the reads of a unit of work that changed nothing are consistent. Waits only when it read what is not on disk yet.
    pub async fn settle(&self, began: u64, reads: &ReadSet) -> Result<(), CommitError> {
        if let Some(overlap) = self.overlap(reads, began) {
            Box::pin(self.reach(&self.applied, overlap.position)).await?;
            return self.note_conflict(Err(conflict(&overlap)));
        }
        self.settle_flushed(began, reads).await
    }

    /// Whether what was read is as it was at a position, and may be told to somebody. Nobody has to run again when it is not.
    pub async fn holds(&self, since: u64, reads: &ReadSet) -> bool {
        self.overlap(reads, since).is_none() && self.settle_flushed(since, reads).await.is_ok()
    }

    /// Waits until what was read, up to a position, is on disk.
    async fn settle_flushed(&self, began: u64, reads: &ReadSet) -> Result<(), CommitError> {
        match self.durability {
            Durability::Relaxed => Ok(()),
            Durability::Flush => match self.overlap(reads, self.flushed()) {
                // What came after `began` did not touch what was read.
                Some(overlap) => {
                    let upto = overlap.position.min(began);
                    Box::pin(self.reach(&self.flushed, upto)).await
                }
                None => Ok(()),
            },
        }
    }

    /// Resolves when everything that was submitted before, here or to another ledger of the committer, has been committed or rejected.
    pub async fn barrier(&self) -> Result<(), CommitError> {
        self.shutdown.check()?;
        let (answer, answered) = oneshot::channel();
        self.queue
            .send(Task::Barrier(answer))
            .await
            .map_err(|_| CommitError::Closed)?;
        self.answer(answered).await
    }

    /// The next number of a sequence, from 1. Outside of any commit: numbers may be skipped. Nothing is written: before something is kept that has used one,
    /// it has to be secured.
    pub fn next_sequence(&self, name: &str) -> Result<u64, Error> {
        self.sequences.next(&*self.journal, name)
    }

    /// Sees to it that numbers which were drawn, one of each sequence, do not come again: whoever commits after this can rely on it, also after a crash.
    pub fn secure_sequences(&self, drawn: &[(String, u64)]) -> Result<(), Error> {
        self.sequences.secure(&*self.journal, drawn)
    }

    /// Says how many names of sequences there may be from now on.
    pub fn limit_sequences(&self, names: usize) {
        self.sequences.limit(names);
    }

    /// How many names of sequences there are.
    pub fn sequence_count(&self) -> Result<u64, Error> {
        self.sequences.count(&*self.journal)
    }

    /// What it keeps, with one generation of the state.
    pub fn usage(&self, generation: u32) -> Result<Usage, Error> {
        self.journal.usage(generation)
    }

    /// Tells the position of the newest commit on disk that has an event in a lane, 0 when there is none.
    pub fn lane(&self, lane: u8) -> watch::Receiver<u64> {
        self.lane_sender(lane).map_or_else(
            || watch::Sender::new(0).subscribe(),
            watch::Sender::subscribe,
        )
    }

    /// The position of the newest commit on disk that has an event in a lane, 0 when there is none.
    pub fn lane_end(&self, lane: u8) -> u64 {
        self.lane_sender(lane).map_or(0, |sender| *sender.borrow())
    }

    /// Tells the position of the newest commit on disk.
    pub fn flushed_watch(&self) -> watch::Receiver<u64> {
        self.flushed.subscribe()
    }

    /// Waits for the committer's answer, or for its end.
    async fn answer<T>(
        &self,
        answered: oneshot::Receiver<Result<T, CommitError>>,
    ) -> Result<T, CommitError> {
        match answered.await {
            Ok(answer) => answer,
            Err(_) => Err(self.shutdown.reached().await),
        }
    }

    fn note_conflict<T>(&self, result: Result<T, CommitError>) -> Result<T, CommitError> {
        if let Err(CommitError::Conflict { space, key }) = &result {
            self.contention.note(*space, key);
        }
        result
    }

    fn lane_sender(&self, lane: u8) -> Option<&watch::Sender<u64>> {
        self.lanes.get(usize::from(lane))
    }

    fn overlap(&self, reads: &ReadSet, since: u64) -> Option<Overlap> {
        if self.recent.newest() <= since || reads.is_empty() {
            return None;
        }
        self.recent.overlap(reads, since)
    }

    /// Waits until a mark is at a position or after it. Most reads never do: they await it in a box, which keeps them small.
    async fn reach(&self, mark: &watch::Sender<u64>, position: u64) -> Result<(), CommitError> {
        let mut mark = mark.subscribe();
        while *mark.borrow_and_update() < position {
            self.shutdown.check()?;
            tokio::select! {
                _ = mark.changed() => {}
                _ = self.shutdown.reached() => {}
            }
        }
        Ok(())
    }
}

/// The conflict that an overlap is.
pub(super) fn conflict(overlap: &Overlap) -> CommitError {
    match key::decode(&overlap.key) {
        Ok((space, key)) => CommitError::Conflict {
            space,
            key: key.to_vec(),
        },
        Err(error) => CommitError::Journal(error),
    }
}
