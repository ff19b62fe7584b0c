//! The committer's thread: takes groups from the queue, and makes them commits.
//!
//! While a batch is written nobody reads, in any context. So a group is bounded, and what is large is committed in steps (`large_commit.rs`), with a group of what is small
//! between two of them (`backlog.rs`).

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::backlog::{Backlog, Next, Room};
use super::committer::{Flush, PauseRequest, Shared, Submission, Task};
use super::free_space::Lookout;
use super::group::{Group, batches};
use super::large_commit::{LargeCommit, Step};
use super::ledger::{Ledger, conflict};
use super::recent::Windows;
use super::waiting::Waiting;
use super::{Commit, CommitError, Durability, Error, Link};

/// How many bytes of work make a group full, and how many relaxed commits may leave out of the disk.
const GROUP_SIZE: usize = 4 << 20;

/// How long steps of a large commit go on at the longest while others wait.
const LONGEST_TURN: Duration = Duration::from_millis(5);

/// How many changes of the engine make a group full.
const GROUP_CHANGES: usize = 4_096;

/// What runs in the committer's thread.
pub(super) struct Worker {
    shared: Arc<Shared>,
    tasks: mpsc::Receiver<Task>,
    backlog: Backlog,
    /// One for each ledger.
    groups: Vec<Group>,
    /// Those that have commits in the current group: not each of many contexts is looked at for one that works.
    working: Vec<usize>,
    /// Those that have commits which are visible and not on disk.
    unflushed_groups: Vec<usize>,
    large: Option<Large>,
    /// What the windows of recent writes hold.
    windows: Windows,
    /// When relaxed commits are to be flushed.
    flush_at: Option<Instant>,
    /// How many bytes were written and are not on disk.
    unflushed: usize,
    /// How long the disk took the last time.
    flush_took: Duration,
    lookout: Lookout,
}

/// A large commit, of which a part may be visible.
struct Large {
    /// The index of its group.
    index: usize,
    ledger: Arc<Ledger>,
    commit: LargeCommit,
    waiting: Waiting,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, tasks: mpsc::Receiver<Task>) -> Worker {
        let windows = Windows::new(shared.options.window);
        let lookout = Lookout::new(shared.options.free_space.clone());
        Worker {
            shared,
            tasks,
            backlog: Backlog::default(),
            groups: Vec::new(),
            working: Vec::new(),
            unflushed_groups: Vec::new(),
            large: None,
            windows,
            flush_at: None,
            unflushed: 0,
            flush_took: Duration::ZERO,
            lookout,
        }
    }

    pub async fn run(mut self) {
        while self.receive().await {
            self.process();
        }
        self.finish();
    }

    /// Waits until there is something to do. False when the queue is closed and empty.
    async fn receive(&mut self) -> bool {
        loop {
            for _ in 0..self.shared.options.max_pending {
                let Ok(task) = self.tasks.try_recv() else {
                    break;
                };
                self.backlog.push(task);
            }
            if !self.backlog.is_empty() {
                return true;
            }
            let flush_at = self.flush_at;
            let timer = async {
                match flush_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled(), if !self.tasks.is_closed() => self.tasks.close(),
                () = timer => {
                    // Nobody waits for it. Who comes later learns of a failure.
                    let _flushed = self.flush();
                }
                task = self.tasks.recv() => {
                    let Some(task) = task else { return false };
                    self.backlog.push(task);
                }
            }
        }
    }

    fn process(&mut self) {
        if let Err(ended) = self.shared.shutdown.check() {
            // Nothing is decided any more, and nobody is to wait for it.
            if let Some(large) = self.large.take() {
                large.waiting.give_up(&ended);
            }
            return self.backlog.give_up(&ended);
        }
        let mut waiting = Waiting::default();
        let stepped = self.go_on(&mut waiting);
        let next = self.backlog.take(Room {
            units: self.shared.options.group,
            changes: GROUP_CHANGES,
            bytes: GROUP_SIZE,
        });
        match next {
            Next::Large(submission) => self.begin(submission, &mut waiting),
            Next::Group(group) => {
                let undecided: Vec<_> = group
                    .into_iter()
                    .filter_map(|(number, submission)| {
                        let undecided = self.admit(submission, &mut waiting)?;
                        Some((number, undecided))
                    })
                    .collect();
                self.backlog.put_back(undecided);
            }
        }
        let applied = stepped.and_then(|()| self.append());
        let (barriers, pauses) = (self.backlog.reached(), self.backlog.pauses());
        waiting.tell_applied(&applied);
        let is_late = self.flush_at.is_some_and(|at| at <= Instant::now());
        let is_due = self.unflushed >= GROUP_SIZE || is_late || !pauses.is_empty();
        let (began, commits) = (std::time::Instant::now(), waiting.flush.len());
        let flushed = if waiting.flush.is_empty() && !is_due {
            applied
        } else {
            applied.and_then(|()| self.flush())
        };
        let flushed_well = flushed.is_ok();
        let flush = Flush {
            began,
            took: began.elapsed(),
            commits,
        };
        waiting.tell_flushed(&flushed, flush);
        for answer in barriers {
            let _gone = answer.send(flushed.clone());
        }
        if flushed_well {
            // Last: nobody who has been answered waits for them.
            pauses.into_iter().for_each(PauseRequest::wait);
        }
        if self.flush_at.is_none() && !self.unflushed_groups.is_empty() {
            self.flush_at = Some(Instant::now() + self.shared.options.flush_every);
        }
    }

    /// Validates a large unit of work, and begins to commit it in steps, unless it is better committed at once.
    fn begin(&mut self, submission: Submission, waiting: &mut Waiting) {
        let index = submission.ledger;
        let mut answers = Waiting::default();
        // It is alone in its group, so there is nothing to be decided later.
        let _decided = self.admit(submission, &mut answers);
        let begun = self.groups.get_mut(index).and_then(|group| {
            let commit = group.commits.pop_if(|commit| LargeCommit::helps(commit))?;
            self.working.retain(|working| *working != index);
            let commit = LargeCommit::new(commit, group.newest);
            Some((group.ledger.clone(), commit))
        });
        match begun {
            Some((ledger, commit)) => {
                self.large = Some(Large {
                    index,
                    ledger,
                    commit,
                    waiting: answers,
                });
            }
            None => {
                waiting.append(answers);
                self.backlog.done();
            }
        }
    }

    /// Goes on with the large commit that has begun: a step, or as many as take as long as the disk does for the others.
    fn go_on(&mut self, waiting: &mut Waiting) -> Result<(), CommitError> {
        let began = std::time::Instant::now();
        while let Some(large) = self.large.take() {
            match large.ledger.journal().append_large(large.commit) {
                Ok(Step::UnderWay { commit, written }) => {
                    self.unflushed += written;
                    self.large = Some(Large { commit, ..large });
                    if began.elapsed() >= self.flush_took.min(LONGEST_TURN) {
                        break;
                    }
                }
                Ok(Step::Appended { commit, link }) => {
                    self.appended(large.index, std::slice::from_ref(&commit), link);
                    self.end(large.index);
                    waiting.append(large.waiting);
                    self.backlog.done();
                }
                Err(error) => {
                    waiting.append(large.waiting);
                    return Err(self.shared.shutdown.fail(&error));
                }
            }
        }
        Ok(())
    }

    /// Validates a unit of work and gives it its position. Gives it back where that can only be decided when the group is visible.
    fn admit(&mut self, mut submission: Submission, waiting: &mut Waiting) -> Option<Submission> {
        let ledger = submission.ledger;
        self.open_groups(ledger);
        let Some(group) = self.groups.get_mut(ledger) else {
            let closed = (submission.answer, CommitError::Closed);
            waiting.rejected.push(closed);
            return None;
        };
        let staged = submission.unit.writes.len();
        match group.resolve(&submission.merges) {
            Ok(merged) => submission.unit.writes.extend(merged),
            Err(error) => {
                waiting.rejected.push((submission.answer, error.into()));
                return None;
            }
        }
        // Only guests are held to it, as they are to quotas.
        let shortage = submission.quota.and_then(|_| self.lookout.shortage());
        let admitted = match shortage {
            Some(shortage) => shortage.admit(group.ledger.journal(), &submission.unit),
            None => Ok(()),
        };
        let growth = admitted.and_then(|()| group.growth_with(&submission.unit, submission.quota));
        let growth = match growth {
            Ok(growth) => growth,
            // Part of what is waited for may be what it changes.
            Err(Error::QuotaExceeded { .. } | Error::NoSpace(_)) if !group.commits.is_empty() => {
                // What its merges come to depends on the group that it will be in.
                submission.unit.writes.truncate(staged);
                return Some(submission);
            }
            Err(error) => {
                waiting.rejected.push((submission.answer, error.into()));
                return None;
            }
        };
        let Submission {
            unit,
            durability,
            answer,
            ..
        } = submission;
        let recent = &group.ledger.recent;
        let position = match recent.admit(unit.began, &unit.reads, &unit.writes) {
            Ok(position) => position,
            Err(overlap) => {
                waiting.rejected.push((answer, conflict(&overlap)));
                return None;
            }
        };
        group.growth = growth;
        self.windows.note(recent, position, &unit.writes);
        group.ledger.captures.note(&unit.writes);
        if group.commits.is_empty() {
            self.working.push(ledger);
        }
        group.commits.push(Commit {
            position,
            header: unit.header,
            writes: unit.writes,
            events: unit.events,
        });
        match durability {
            Durability::Flush => waiting.flush.push((answer, position)),
            Durability::Relaxed => waiting.applied.push((answer, position)),
        }
        None
    }

    /// Sees to it that a ledger has a group, which may have been opened since the last look.
    fn open_groups(&mut self, ledger: usize) {
        if ledger < self.groups.len() {
            return;
        }
        let ledgers = self.shared.ledgers.lock();
        let new = ledgers.iter().skip(self.groups.len());
        self.groups.extend(new.cloned().map(Group::new));
    }

    /// Makes the group visible.
    fn append(&mut self) -> Result<(), CommitError> {
        self.shared.shutdown.check()?;
        for index in mem::take(&mut self.working) {
            let Some(group) = self.groups.get_mut(index) else {
                continue;
            };
            let ledger = group.ledger.clone();
            let (commits, mut newest) = (mem::take(&mut group.commits), group.newest);
            debug_assert!(
                commits
                    .iter()
                    .map(|commit| commit.position)
                    .eq((newest.position + 1..).take(commits.len())),
                "positions have no gaps"
            );
            for commits in batches(&commits) {
                newest = ledger
                    .journal()
                    .append(commits, newest)
                    .map_err(|error| self.shared.shutdown.fail(&error))?;
                let sizes = commits.iter().map(Commit::size);
                self.unflushed += sizes.sum::<usize>();
                self.appended(index, commits, newest);
            }
            self.end(index);
        }
        Ok(())
    }

    /// Commits of a group are visible.
    fn appended(&mut self, index: usize, commits: &[Commit], newest: Link) {
        if let Some(group) = self.groups.get_mut(index) {
            group.appended(commits, newest);
            if !mem::replace(&mut group.unflushed, true) {
                self.unflushed_groups.push(index);
            }
        }
    }

    /// All commits of a group are.
    fn end(&mut self, index: usize) {
        if let Some(group) = self.groups.get_mut(index) {
            group.end();
        }
    }

    /// Makes everything that is visible durable.
    fn flush(&mut self) -> Result<(), CommitError> {
        self.flush_at = None;
        self.unflushed = 0;
        self.shared.shutdown.check()?;
        let began = std::time::Instant::now();
        self.shared
            .store
            .flush()
            .map_err(|error| self.shared.shutdown.fail(&error))?;
        self.flush_took = began.elapsed();
        for index in mem::take(&mut self.unflushed_groups) {
            let Some(group) = self.groups.get_mut(index) else {
                continue;
            };
            group.unflushed = false;
            let context = group.ledger.context();
            self.shared.store.reached(context, group.newest);
            // Before the lanes: a follower reads up to what is flushed.
            group.ledger.flushed.send_replace(group.ledger.applied());
            for (sender, newest) in group.ledger.lanes.iter().zip(&mut group.lanes) {
                if *newest > 0 {
                    sender.send_replace(mem::take(newest));
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self) {
        if self
            .shared
            .shutdown
            .check()
            .and_then(|()| self.close_sequences())
            .and_then(|()| self.flush())
            .is_ok()
        {
            self.shared.store.close();
            self.shared.shutdown.close();
        }
    }

    fn close_sequences(&self) -> Result<(), CommitError> {
        for ledger in self.shared.ledgers.lock().iter() {
            ledger
                .sequences
                .close(ledger.journal())
                .map_err(|error| self.shared.shutdown.fail(&error))?;
        }
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Changes nothing when it is closed, or has failed already.
        self.shared
            .shutdown
            .fail_because("the committer ended unexpectedly");
        self.shared.stopped.cancel();
    }
}
