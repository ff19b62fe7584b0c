//! What a context keeps in its journal, and what it may.
//!
//! How much there is of each kind is written in the batch of the commits that change it, as the counts of tables are (`counts.rs`): so it is exact whenever they
//! are visible. What a unit of work adds is looked up only where it could be too much.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::key::{self, Kind};
use super::{Error, Event, Journal, Space, Unit, Write, seal};

/// What a context may keep. It is held to that for what its guests add, and for nothing else. What adds nothing takes room all the same: its commit, and what the
/// host keeps of it, such as a cursor or a stored result. For these there is a tenth more, so that what was begun can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The generation of the state that counts.
    pub generation: u32,
    /// Bytes of everything.
    pub bytes: u64,
    /// Keys of the state.
    pub keys: u64,
    /// Timers.
    pub timers: u64,
    /// Commits.
    pub commits: u64,
}

/// What a context keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of everything, before the engine stores it in its own way.
    pub bytes: u64,
    /// Keys of the state.
    pub keys: u64,
    /// Timers.
    pub timers: u64,
    /// Commits.
    pub commits: u64,
}

impl Usage {
    /// With what has been added since.
    pub(super) fn after(self, growth: Growth) -> Self {
        Self {
            bytes: self.bytes.saturating_add_signed(growth.bytes),
            keys: self.keys.saturating_add_signed(growth.keys),
            timers: self.timers.saturating_add_signed(growth.timers),
            commits: self.commits.saturating_add_signed(growth.commits),
        }
    }
}

/// What there may be only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Bytes of the journal.
    Bytes,
    /// Keys of the state.
    Keys,
    /// Timers that have yet to fire.
    Timers,
    /// Names of sequences.
    Sequences,
    /// Dead letters.
    DeadLetters,
    /// Commits that are kept.
    Commits,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Bytes,
        Self::Keys,
        Self::Timers,
        Self::Sequences,
        Self::DeadLetters,
        Self::Commits,
    ];

    /// Its name, as settings and metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Keys => "keys",
            Self::Timers => "timers",
            Self::Sequences => "sequences",
            Self::DeadLetters => "dead_letters",
            Self::Commits => "commits",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How many entries there are, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Amount {
    pub entries: u64,
    pub bytes: u64,
}

/// By how much an amount changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub entries: i64,
    pub bytes: i64,
}

impl Difference {
    pub fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }

    /// Notes that a key has another value than before, or none; sizes are of sealed values.
    pub fn note(&mut self, key: &[u8], before: Option<u64>, after: Option<u64>) {
        let size = |value: u64| i64::try_from(value + key.len() as u64).unwrap_or(i64::MAX);
        self.entries += i64::from(after.is_some()) - i64::from(before.is_some());
        self.bytes += after.map_or(0, size) - before.map_or(0, size);
    }
}

impl Amount {
    /// Notes a change. What is counted wrong must not stop a journal.
    pub fn change(&mut self, by: Difference) {
        self.entries = self.entries.saturating_add_signed(by.entries);
        self.bytes = self.bytes.saturating_add_signed(by.bytes);
    }
}

/// What is kept of everything but the state, and up to which commit that and the counts hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub upto: u64,
    pub commits: Amount,
    pub timers: Amount,
    pub others: Amount,
}

impl Kept {
    /// The amount that an entry of a kind is part of; none for the state, whose amounts are kept by generation.
    pub fn of(&mut self, kind: Kind) -> Option<&mut Amount> {
        Some(match kind {
            Kind::State(_) => return None,
            Kind::Commit => &mut self.commits,
            Kind::Timer => &mut self.timers,
            Kind::Event | Kind::Other => &mut self.others,
        })
    }

    /// What there is, with what there is of the state, and without as many bytes as were swept.
    pub fn usage(&self, state: Amount, swept: u64) -> Usage {
        let all = [self.commits, self.timers, self.others, state];
        let bytes: u64 = all.iter().map(|amount| amount.bytes).sum();
        Usage {
            bytes: bytes.saturating_sub(swept),
            keys: state.entries,
            // Each is found by its time, and by its id.
            timers: self.timers.entries / 2,
            commits: self.commits.entries,
        }
    }
}

/// What units of work add that are not part of the journal yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Growth {
    bytes: i64,
    /// How many of them are of what a guest staged: rows, timers and events.
    staged: i64,
    keys: i64,
    timers: i64,
    commits: i64,
}

impl Growth {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            staged: self.staged + other.staged,
            keys: self.keys + other.keys,
            timers: self.timers + other.timers,
            commits: self.commits + other.commits,
        }
    }

    /// What a unit of work adds at most.
    pub fn at_most(unit: &Unit) -> Self {
        let puts = |is_counted: fn(Space) -> bool| {
            let mut count = 0;
            for write in &unit.writes {
                count += i64::from(write.value.is_some() && is_counted(write.space));
            }
            count
        };
        let bytes = i64::try_from(unit.size()).unwrap_or(i64::MAX);
        Self {
            bytes,
            staged: bytes,
            keys: puts(|space| matches!(space, Space::State(_))),
            timers: puts(|space| space == Space::Timer) / 2,
            commits: 1,
        }
    }

    /// Whether more is staged by a guest than was there.
    pub fn is_of_guest(self) -> bool {
        self.staged > 0
    }

    /// Whether there is more of anything.
    pub fn takes_room(self) -> bool {
        self.bytes > 0
    }

    /// What a unit of work adds to what a journal holds.
    pub fn exact(unit: &Unit, journal: &dyn Journal) -> Result<Self, Error> {
        let mut values: HashMap<(Space, &[u8]), &Write> = HashMap::new();
        for write in &unit.writes {
            values.insert((write.space, write.key.as_slice()), write);
        }
        let (mut state, mut timers, mut others) = <(Difference, Difference, Difference)>::default();
        for ((space, name), write) in values {
            let size = |value: &Vec<u8>| (value.len() + seal::LENGTH) as u64;
            let before = journal.value_size(space, name)?;
            let difference = match space {
                Space::State(_) => &mut state,
                Space::Timer => &mut timers,
                _ => &mut others,
            };
            difference.note(
                &key::encode(space, name),
                before,
                write.value.as_ref().map(size),
            );
        }
        let whole = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        let events = unit.events.iter().map(Event::size).sum();
        Ok(Self {
            bytes: state.bytes + timers.bytes + others.bytes + whole(unit.log_size()),
            staged: state.bytes + timers.bytes + whole(events),
            keys: state.entries,
            timers: timers.entries / 2,
            commits: 1,
        })
    }
}

impl Quota {
    /// As much as there is room for on the volume.
    pub const ALL: Self = Self {
        generation: 0,
        bytes: u64::MAX,
        keys: u64::MAX,
        timers: u64::MAX,
        commits: u64::MAX,
    };

    /// Adds what a unit of work adds to what waits with it. Each kind is judged by what the guest adds of it: where that is none, nothing is exceeded by it, but
    /// for the room that any commit takes.
    ///
    /// # Errors
    ///
    /// When that is more than may be.
    pub(super) fn admit(
        &self,
        journal: &dyn Journal,
        usage: &Usage,
        waiting: Growth,
        unit: &Unit,
    ) -> Result<Growth, Error> {
        let at_most = waiting.and(Growth::at_most(unit));
        if self.is_far(usage, at_most) {
            return Ok(at_most);
        }
        let growth = Growth::exact(unit, journal)?;
        let after = waiting.and(growth);
        let with_reserve = |limit: u64| limit.saturating_add(limit / 10);
        let is_excused = |resource| match resource {
            Resource::Keys => growth.keys <= 0,
            Resource::Timers => growth.timers <= 0,
            Resource::Bytes => {
                let bytes = usage.bytes.saturating_add_signed(after.bytes);
                growth.staged <= 0 && (growth.bytes <= 0 || bytes <= with_reserve(self.bytes))
            }
            Resource::Commits => {
                let commits = usage.commits.saturating_add_signed(after.commits);
                growth.staged <= 0 && commits <= with_reserve(self.commits)
            }
            Resource::Sequences | Resource::DeadLetters => false,
        };
        let mut exceeded = self.exceeded(usage, after, 1);
        match exceeded.find(|(resource, _)| !is_excused(*resource)) {
            Some((resource, limit)) => Err(Error::QuotaExceeded { resource, limit }),
            None => Ok(after),
        }
    }

    /// Whether there is less than half of what may be kept, also after this growth.
    pub(super) fn is_far(&self, usage: &Usage, growth: Growth) -> bool {
        self.exceeded(usage, growth, 2).next().is_none()
    }

    /// All of which there would be more than a part of what may be, with that.
    fn exceeded(
        &self,
        usage: &Usage,
        growth: Growth,
        part: u64,
    ) -> impl Iterator<Item = (Resource, u64)> {
        let all = [
            (
                Resource::Commits,
                usage.commits,
                growth.commits,
                self.commits,
            ),
            (Resource::Keys, usage.keys, growth.keys, self.keys),
            (Resource::Timers, usage.timers, growth.timers, self.timers),
            (Resource::Bytes, usage.bytes, growth.bytes, self.bytes),
        ];
        let exceeded = move |(resource, used, growth, limit): (Resource, u64, i64, u64)| {
            let after = used.saturating_add_signed(growth);
            (after > limit / part).then_some((resource, limit))
        };
        all.into_iter().filter_map(exceeded)
    }
}
