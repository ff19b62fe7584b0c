//! What a context has in the committer's current group: its commits, and whether it may keep what they add.

use std::mem;
use std::sync::Arc;

use super::ledger::Ledger;
use super::merge::Unapplied;
use super::usage::Growth;
use super::{Commit, Error, LANES, Link, Merge, Quota, Unit, Usage, Write, unit};

/// How many commits become visible at once, and about how many bytes of them. Engines may keep readers waiting meanwhile, and a batch that is too large may be
/// more than an engine can make durable: see `sled.rs`.
const BATCH: usize = 32;
const BATCH_SIZE: usize = 4 << 20;
/// How many changes of the engine they make at most, unless one commit alone makes more.
const BATCH_CHANGES: usize = 1_024;

/// What a context has in the current group, and since the last flush.
pub(super) struct Group {
    pub ledger: Arc<Ledger>,
    pub commits: Vec<Commit>,
    /// What these have written, once somebody has to know.
    unapplied: Unapplied,
    /// For each lane with an event since the last flush, the newest commit that has one.
    pub lanes: [u64; LANES as usize],
    pub unflushed: bool,
    /// The newest commit that is visible.
    pub newest: Link,
    /// What the context keeps before the current group; none until somebody has to know.
    usage: Option<KnownUsage>,
    /// What the current group adds to that, at most.
    pub growth: Growth,
}

/// What a context keeps, with a generation of the state.
struct KnownUsage {
    generation: u32,
    usage: Usage,
    /// How many groups were added, each as about the most it can be, since the journal was asked.
    groups_since: u32,
    /// Whether the current group was looked at closely, since it could be too much.
    is_near: bool,
}

/// After so many groups the journal is asked again, so that what they were estimated wrongly does not add up.
const ESTIMATED_GROUPS: u32 = 32;

impl KnownUsage {
    /// With a group; none when the journal is to be asked.
    fn after(self, growth: Growth) -> Option<Self> {
        let is_estimate = !self.is_near && self.groups_since < ESTIMATED_GROUPS;
        is_estimate.then(|| Self {
            usage: self.usage.after(growth),
            groups_since: self.groups_since + 1,
            ..self
        })
    }
}

impl Group {
    /// Of a journal that has just been opened.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self {
            commits: Vec::new(),
            unapplied: Unapplied::default(),
            lanes: Default::default(),
            unflushed: false,
            newest: ledger.begun,
            usage: None,
            growth: Growth::default(),
            ledger,
        }
    }

    /// Commits of it are visible: tells readers, and notes what is to be told when they are on disk.
    pub fn appended(&mut self, commits: &[Commit], newest: Link) {
        self.newest = newest;
        for commit in commits {
            for event in &commit.events {
                if let Some(newest) = self.lanes.get_mut(usize::from(event.lane())) {
                    *newest = commit.position;
                }
            }
        }
        self.ledger.applied.send_replace(newest.position);
    }

    /// All of it is visible.
    pub fn end(&mut self) {
        self.unapplied.clear();
        let growth = mem::take(&mut self.growth);
        self.usage = self.usage.take().and_then(|known| known.after(growth));
    }

    /// The writes that merges come to, behind what the group has.
    pub fn resolve(&mut self, merges: &[Merge]) -> Result<Vec<Write>, Error> {
        let journal = self.ledger.journal();
        self.unapplied.resolve(merges, &self.commits, journal)
    }

    /// What the group adds with one more unit of work.
    ///
    /// # Errors
    ///
    /// When the context would keep more than it may.
    pub fn growth_with(&mut self, unit: &Unit, quota: Option<Quota>) -> Result<Growth, Error> {
        let Some(quota) = quota else {
            return Ok(self.growth.and(Growth::at_most(unit)));
        };
        let at_most = self.growth.and(Growth::at_most(unit));
        let known = self.usage.as_ref();
        let known = known.filter(|kept| kept.generation == quota.generation);
        // Far from the quota, nothing has to be looked up.
        if known.is_some_and(|kept| quota.is_far(&kept.usage, at_most)) {
            return Ok(at_most);
        }
        let journal = self.ledger.journal();
        let usage = match known {
            Some(kept) if kept.groups_since == 0 => kept.usage,
            _ => journal.usage(quota.generation)?,
        };
        self.usage = Some(KnownUsage {
            generation: quota.generation,
            usage,
            groups_since: 0,
            is_near: !quota.is_far(&usage, at_most),
        });
        quota.admit(journal, &usage, self.growth, unit)
    }
}

/// Commits in the batches that they are appended in: only one that is larger by itself makes a batch larger than others.
pub(super) fn batches(mut commits: &[Commit]) -> impl Iterator<Item = &[Commit]> {
    std::iter::from_fn(move || {
        let (mut bytes, mut changes) = (0, 0);
        let fits = commits.iter().take(BATCH).take_while(|commit| {
            bytes += commit.size();
            changes += unit::changes(&commit.writes, &commit.events);
            bytes <= BATCH_SIZE && changes <= BATCH_CHANGES
        });
        let (batch, rest) = commits.split_at_checked(fits.count().max(1))?;
        commits = rest;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Space, bookkeeping};
    use super::*;

    fn commit(position: u64, bytes: usize) -> Commit {
        Commit {
            position,
            header: bookkeeping("test"),
            writes: vec![Write {
                space: Space::State(0),
                key: b"key".to_vec(),
                value: Some(vec![0; bytes]),
            }],
            events: Vec::new(),
        }
    }

    fn lengths(sizes: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let commits: Vec<_> = (1..)
            .zip(sizes)
            .map(|(position, size)| commit(position, size))
            .collect();
        let batches: Vec<_> = batches(&commits).collect();
        assert_eq!(batches.concat(), commits, "each once, in order");
        batches.into_iter().map(<[Commit]>::len).collect()
    }

    #[test]
    fn batches_are_bounded_in_commits_and_in_bytes() {
        const MIB: usize = 1 << 20;
        assert!(lengths([]).is_empty());
        assert_eq!(lengths([10; 70]), [32, 32, 6]);
        assert_eq!(lengths([MIB; 7]), [3, 3, 1]);
        assert_eq!(lengths([MIB, MIB, 11 * MIB, 10, 10]), [2, 1, 2]);
        assert_eq!(lengths([11 * MIB, 11 * MIB]), [1, 1]);
    }
}
