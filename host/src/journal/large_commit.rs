//! A large commit, made in steps: nobody who reads waits for more than a part of it, and what others commit comes between two steps.
//!
//! Readers may see a part of it, as they may see a part of any group: see `ledger.rs`. A crash leaves all of it or nothing, by the redo log (`redo_log.rs`). Its record comes
//! last, with the note that its counts hold: with that it is the newest commit.

use std::collections::HashMap;
use std::vec;

use super::apply::{self, Change};
use super::backlog::TURN;
use super::counts::Counting;
use super::redo_log::{RedoLog, RedoWriter};
use super::tree::Tree;
use super::{Commit, Error, Link, unit};

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
    Preparing(Preparing),
    /// They are made.
    Making(Making),
}

#[derive(Default)]
struct Preparing {
    changes: Vec<Change<'static>>,
    log: RedoWriter,
    /// None before the first step.
    counting: Option<Counting>,
    /// How long the values are that it gives to keys.
    sizes: HashMap<Vec<u8>, Option<u64>>,
}

struct Making {
    changes: vec::IntoIter<Change<'static>>,
    /// What makes it the newest commit, in one batch.
    last: Vec<Change<'static>>,
    link: Link,
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
    /// Whether steps help anybody: a value is written at once however long it is, so they do not where all but the longest one is little. Then the log would only double what is
    /// written.
    pub fn helps(commit: &Commit) -> bool {
        let values = commit.writes.iter().flat_map(|write| &write.value);
        let events = commit.events.iter().map(|event| event.data.len());
        let longest = values.map(Vec::len).chain(events).max();
        let changes = unit::changes(&commit.writes, &commit.events);
        unit::cost(changes, commit.size() - longest.unwrap_or_default()) > TURN
    }

    /// Behind the commit `before`.
    pub fn new(commit: Commit, before: Link) -> Self {
        Self {
            commit,
            before,
            stage: Stage::Preparing(Preparing::default()),
        }
    }

    /// Goes on with it. After an error nothing may be committed to the journal until it is opened again, since a part of it may be there.
    pub(super) fn step<T: Tree>(self, tree: &T) -> Result<Step, Error> {
        match self.stage {
            Stage::Preparing(preparing) => preparing.step(tree, self.commit, self.before),
            Stage::Making(making) => making.step(tree, self.commit, self.before),
        }
    }
}

impl Preparing {
    fn step<T: Tree>(mut self, tree: &T, commit: Commit, before: Link) -> Result<Step, Error> {
        let mut counting = match self.counting.take() {
            Some(counting) => counting,
            None => Counting::begin(tree)?,
        };
        let mut budget = Budget::default();
        while budget.is_left() {
            let Some(change) = apply::change(&commit, self.changes.len())? else {
                let stage = Stage::Making(self.end(tree, &commit, before, counting)?);
                return Ok(under_way(commit, before, stage, budget));
            };
            budget.spend(&change);
            counting.note(&change, |key| {
                match self.sizes.insert(key.to_vec(), change.size()) {
                    Some(before) => Ok(before),
                    None => tree.size(key),
                }
            })?;
            self.log.add(tree.redo_log(), commit.position, &change)?;
            self.changes.push(change);
        }
        self.counting = Some(counting);
        Ok(under_way(commit, before, Stage::Preparing(self), budget))
    }

    /// Puts the rest into the log: from here on the commit is there.
    fn end<T: Tree>(
        mut self,
        tree: &T,
        commit: &Commit,
        before: Link,
        mut counting: Counting,
    ) -> Result<Making, Error> {
        let position = commit.position;
        let (record, link) = apply::record(commit, before)?;
        for change in &record {
            counting.note(change, |key| tree.size(key))?;
        }
        let (counts, counted) = counting.changes(tree, position)?;
        let mut last = Vec::from(record);
        last.push(counted);
        for change in counts.iter().chain(&last) {
            self.log.add(tree.redo_log(), position, change)?;
        }
        self.log.complete(tree.redo_log(), position)?;
        self.changes.extend(counts);
        Ok(Making {
            changes: self.changes.into_iter(),
            last,
            link,
        })
    }
}

impl Making {
    fn step<T: Tree>(mut self, tree: &T, commit: Commit, before: Link) -> Result<Step, Error> {
        let mut budget = Budget::default();
        while budget.is_left() {
            let Some(change) = self.changes.next() else {
                tree.write(&self.last)?;
                // Before the next commit: a crash must not bring this one back behind it.
                tree.redo_log().map_or(Ok(()), RedoLog::clear)?;
                let link = self.link;
                return Ok(Step::Appended { commit, link });
            };
            budget.spend(&change);
            tree.put(&change)?;
        }
        Ok(under_way(commit, before, Stage::Making(self), budget))
    }
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
