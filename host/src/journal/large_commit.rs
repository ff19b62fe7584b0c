//! A large commit, made in steps: nobody who reads waits for more than one change of it, and what others commit comes between two steps.
//!
//! Readers may see a part of it, as they may see a part of any group: see `ledger.rs`. A crash leaves all of it or nothing, by the redo log (`redo_log.rs`). Its record comes
//! last, together with the counts: with that it is the newest commit.

use super::apply::{self, Change};
use super::counts::Counting;
use super::redo_log::{RedoLog, RedoWriter};
use super::tree::Tree;
use super::{Commit, Error, Link};

/// How many changes a step prepares or makes at most, and about how many bytes.
const STEP: usize = 256;
const STEP_SIZE: usize = 256 << 10;

/// A large commit that is being made. Nothing else is committed to its journal meanwhile.
pub struct LargeCommit {
    commit: Commit,
    before: Link,
    stage: Stage,
}

enum Stage {
    /// Its changes are prepared, and written to the redo log.
    Preparing(Vec<Change<'static>>, RedoWriter),
    /// They are made.
    Making(std::vec::IntoIter<Change<'static>>, Counting),
}

/// What a step has come to.
pub enum Step {
    /// There is more to do.
    UnderWay {
        /// What is left.
        commit: LargeCommit,
        /// About how many bytes were written.
        written: usize,
    },
    /// It is visible as a whole.
    Appended {
        /// The commit.
        commit: Commit,
        /// As the next one knows it.
        link: Link,
    },
}

impl LargeCommit {
    /// Whether steps help anybody: a value is written at once however long it is, so they do not where one is most of the commit. Then the log would only be twice as much to write.
    pub fn helps(commit: &Commit) -> bool {
        let values = commit.writes.iter().flat_map(|write| &write.value);
        let events = commit.events.iter().map(|event| event.data.len());
        let longest = values.map(Vec::len).chain(events).max();
        2 * longest.unwrap_or_default() < commit.size()
    }

    /// Behind the commit `before`.
    pub fn new(commit: Commit, before: Link) -> Self {
        let changes = Vec::with_capacity(apply::content(&commit));
        Self {
            commit,
            before,
            stage: Stage::Preparing(changes, RedoWriter::default()),
        }
    }

    /// Goes on with it. After an error nothing may be committed to the journal until it is opened again, since a part of it may be there.
    pub(super) fn step<T: Tree>(self, tree: &T) -> Result<Step, Error> {
        match self.stage {
            Stage::Preparing(changes, log) => prepare(tree, self.commit, self.before, changes, log),
            Stage::Making(changes, counting) => {
                make(tree, self.commit, self.before, changes, counting)
            }
        }
    }
}

fn prepare<T: Tree>(
    tree: &T,
    commit: Commit,
    before: Link,
    mut changes: Vec<Change<'static>>,
    mut log: RedoWriter,
) -> Result<Step, Error> {
    let mut budget = Budget::default();
    let mut is_all = false;
    while budget.is_left() && !is_all {
        match apply::change(&commit, changes.len())? {
            Some(change) => {
                budget.spend(&change);
                log.add(tree.redo_log(), commit.position, &change)?;
                changes.push(change);
            }
            None => is_all = true,
        }
    }
    let stage = if is_all {
        let (record, _) = apply::record(&commit, before)?;
        for change in &record {
            log.add(tree.redo_log(), commit.position, change)?;
        }
        log.complete(tree.redo_log(), commit.position)?;
        Stage::Making(changes.into_iter(), Counting::begin(tree)?)
    } else {
        Stage::Preparing(changes, log)
    };
    Ok(under_way(commit, before, stage, budget))
}

fn make<T: Tree>(
    tree: &T,
    commit: Commit,
    before: Link,
    mut changes: std::vec::IntoIter<Change<'static>>,
    mut counting: Counting,
) -> Result<Step, Error> {
    let mut budget = Budget::default();
    while budget.is_left() {
        let Some(change) = changes.next() else {
            let (record, link) = apply::record(&commit, before)?;
            for change in &record {
                counting.note(tree, change)?;
            }
            let mut last = Vec::from(record);
            last.append(&mut counting.changes(tree, commit.position)?);
            tree.write(&last)?;
            // Before the next commit: a crash must not bring this one back behind it.
            tree.redo_log().map_or(Ok(()), RedoLog::clear)?;
            return Ok(Step::Appended { commit, link });
        };
        budget.spend(&change);
        counting.note(tree, &change)?;
        tree.put(&change)?;
    }
    Ok(under_way(
        commit,
        before,
        Stage::Making(changes, counting),
        budget,
    ))
}

fn under_way(commit: Commit, before: Link, stage: Stage, budget: Budget) -> Step {
    Step::UnderWay {
        commit: LargeCommit {
            commit,
            before,
            stage,
        },
        written: budget.bytes,
    }
}

/// What is left of a step.
#[derive(Default)]
struct Budget {
    changes: usize,
    bytes: usize,
}

impl Budget {
    fn is_left(&self) -> bool {
        self.changes < STEP && self.bytes < STEP_SIZE
    }

    fn spend(&mut self, change: &Change<'_>) {
        self.changes += 1;
        self.bytes += change.key.len() + change.value.as_ref().map_or(0, |value| value.len());
    }
}
