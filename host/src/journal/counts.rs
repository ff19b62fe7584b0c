//! How many keys each table of a state has, kept with the commits that change it.
//!
//! A table is all keys of a generation that have the same beginning up to their first slash, such as `rooms/`. Its count is a key of the engine like any
//! other, and is written in the batch of the commits that change it; so it is exact whenever they are visible, and survives with them. No unit of work
//! writes it: who adds a key does not get in the way of who adds another, and who has asked for the count has read the table.
//!
//! How much there is of everything, in entries and bytes, is kept likewise: what quotas are compared with (`usage.rs`).
//!
//! Beside the counts it is noted up to which commit they hold. Where that is not the newest one, they were not kept by whoever wrote it, and are counted
//! anew when the journal is opened.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::apply::Change;
use super::direction::Direction;
use super::key::{self, Kind, Span};
use super::tree::Tree;
use super::usage::{Amount, Difference, Kept, Usage};
use super::{Bounds, Error, Journal, KeyRange, Space, format, seal};

/// How much of a state is read at a time while it is counted anew, and how many counts are written at a time.
const STEP: Bounds = Bounds {
    entries: 10_000,
    bytes: 4 << 20,
};
const BATCH: usize = 1_000;

/// Where the count of a range is kept; none when the range is not exactly one table.
pub(super) fn of_range(space: Space, range: &KeyRange) -> Option<Vec<u8>> {
    let (Space::State(generation), Some(end)) = (space, &range.end) else {
        return None;
    };
    let start = range.start.as_slice();
    let is_table = table(start) == Some(start) && *end == KeyRange::prefix(start).end?;
    is_table.then(|| key::count(generation, start))
}

/// A count as it is kept.
pub(super) fn read<T: Tree>(tree: &T, key: &[u8]) -> Result<u64, Error> {
    match tree.value(key)? {
        Some(count) => format::decode(&count, || name(key)),
        None => Ok(0),
    }
}

/// How much there is, with one generation of the state.
pub(super) fn usage<T: Tree>(tree: &T, generation: u32) -> Result<Usage, Error> {
    let state = amount(tree, generation)?;
    let swept = read(tree, &key::swept_bytes())?;
    Ok(kept(tree)?.usage(state, swept))
}

fn amount<T: Tree>(tree: &T, generation: u32) -> Result<Amount, Error> {
    let key = key::amount(generation);
    match tree.value(&key)? {
        Some(amount) => format::decode(&amount, || name(&key)),
        None => Ok(Amount::default()),
    }
}

/// What is kept of all but the state; nothing, up to no commit, where that was kept otherwise.
fn kept<T: Tree>(tree: &T) -> Result<Kept, Error> {
    let kept = tree.value(&key::counted())?;
    let kept = kept.and_then(|kept| format::decode(&kept, String::new).ok());
    Ok(kept.unwrap_or_default())
}

/// What commits do to the counts: those that change, and up to which commit they hold.
pub(super) fn changes<T: Tree>(
    tree: &T,
    commits: &[Change<'_>],
    upto: u64,
) -> Result<Vec<Change<'static>>, Error> {
    let mut counting = Counting::begin(tree)?;
    let mut sizes: HashMap<&[u8], Option<u64>> = HashMap::new();
    for change in commits {
        counting.note(change, |key| match sizes.insert(key, change.size()) {
            Some(before) => Ok(before),
            None => tree.size(key),
        })?;
    }
    let (mut changes, last) = counting.changes(tree, upto)?;
    changes.push(last);
    Ok(changes)
}

/// What changes do to the counts, change by change.
pub(super) struct Counting {
    /// By the key of its count: how many keys more a table has.
    tables: BTreeMap<Vec<u8>, i64>,
    states: BTreeMap<u32, Difference>,
    kept: Kept,
}

impl Counting {
    /// Whoever begins it is the only one that commits until it ends.
    pub fn begin<T: Tree>(tree: &T) -> Result<Self, Error> {
        Ok(Self {
            tables: BTreeMap::new(),
            states: BTreeMap::new(),
            kept: kept(tree)?,
        })
    }

    /// Counts a change; `size` says how long the value of its key is before.
    pub fn note<'a>(
        &mut self,
        change: &'a Change<'_>,
        size: impl FnOnce(&'a [u8]) -> Result<Option<u64>, Error>,
    ) -> Result<(), Error> {
        let key = &change.key;
        let Some(kind) = key::kind(key) else {
            return Ok(());
        };
        let before = match kind.is_of_log() {
            true => None,
            false => size(key)?,
        };
        let mut difference = Difference::default();
        difference.note(key, before, change.size());
        match (kind, self.kept.of(kind)) {
            (Kind::State(generation), _) => {
                self.states.entry(generation).or_default().add(difference);
                if let Some(count) = of_key(key)
                    && difference.entries != 0
                {
                    *self.tables.entry(count).or_default() += difference.entries;
                }
            }
            (_, Some(amount)) => amount.change(difference),
            (_, None) => {}
        }
        Ok(())
    }

    /// The counts as they are then, and the note that they hold: that is written together with the record of the commit.
    pub fn changes<T: Tree>(
        mut self,
        tree: &T,
        upto: u64,
    ) -> Result<(Vec<Change<'static>>, Change<'static>), Error> {
        let mut changes = Vec::with_capacity(self.tables.len() + self.states.len() + 1);
        for (key, difference) in self.tables {
            if difference == 0 {
                continue;
            }
            let count = read(tree, &key)?.checked_add_signed(difference);
            let count = count.ok_or_else(|| Error::Damaged { what: name(&key) })?;
            changes.push(change(key, count)?);
        }
        for (generation, difference) in self.states {
            let mut amount = amount(tree, generation)?;
            amount.change(difference);
            changes.push(keep(key::amount(generation), &amount)?);
        }
        self.kept.upto = upto;
        Ok((changes, keep(key::counted(), &self.kept)?))
    }
}

/// Counts anew what a journal holds, unless the counts hold already. Nothing may be written meanwhile.
pub(super) fn complete<T: Tree>(tree: &T) -> Result<(), Error> {
    let newest = tree.newest()?.position;
    if newest == kept(tree)?.upto {
        return Ok(());
    }
    tracing::info!("counting what a journal holds, once");
    let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    // What is no table any more has no keys.
    walk(tree, key::counts(), |key, _| {
        counts.insert(key.to_vec(), 0);
    })?;
    let mut kept = Kept::default();
    let mut states: BTreeMap<u32, Amount> = BTreeMap::new();
    for span in key::whole() {
        walk(tree, span, |key, value| {
            let Some(kind) = key::kind(key) else { return };
            let mut difference = Difference::default();
            difference.note(key, None, Some(value.len() as u64));
            match (kind, kept.of(kind)) {
                (Kind::State(generation), _) => {
                    states.entry(generation).or_default().change(difference);
                    if let Some(count) = of_key(key) {
                        *counts.entry(count).or_default() += 1;
                    }
                }
                (_, Some(amount)) => amount.change(difference),
                (_, None) => {}
            }
        })?;
    }
    let changes = counts.into_iter().map(|(key, count)| change(key, count));
    let amounts = states
        .into_iter()
        .map(|(generation, amount)| keep(key::amount(generation), &amount));
    let changes = changes.chain(amounts).collect::<Result<Vec<_>, _>>()?;
    for changes in changes.chunks(BATCH) {
        tree.write(changes)?;
    }
    // Last: before that it is begun again.
    kept.upto = newest;
    tree.write(&[keep(key::counted(), &kept)?])
}

/// The note that so many bytes more were swept of what is not the state. Only one sweeps a journal at a time.
pub(super) fn swept<T: Tree>(tree: &T, bytes: u64) -> Result<Change<'static>, Error> {
    let key = key::swept_bytes();
    let swept = read(tree, &key)?.saturating_add(bytes);
    change(key, swept)
}

/// Forgets the counts of a generation that nobody reads any more.
pub(super) fn forget<T: Tree>(tree: &T, generation: u32) -> Result<(), Error> {
    let mut counts = Vec::new();
    walk(tree, key::counts_of(generation), |key, _| {
        counts.push(key.to_vec());
    })?;
    for key in counts {
        tree.put(&Change { key, value: None })?;
    }
    Ok(())
}

fn walk<T: Tree>(
    tree: &T,
    mut span: Span,
    mut visit: impl FnMut(&[u8], &[u8]),
) -> Result<(), Error> {
    loop {
        let entries = Tree::scan_within(tree, &span, STEP, Direction::Forwards)?;
        for (key, value) in &entries {
            visit(key, value);
        }
        let Some((mut last, _)) = entries.into_iter().next_back() else {
            return Ok(());
        };
        // The shortest key that sorts after it.
        last.push(0);
        span.start = last;
    }
}

/// A table whose count is 0 is not there.
fn change(key: Vec<u8>, count: u64) -> Result<Change<'static>, Error> {
    Ok(match count {
        0 => Change { key, value: None },
        count => Change::put(seal::NO_COMMIT, key, &format::encode(&count)?),
    })
}

fn keep<T: Serialize>(key: Vec<u8>, record: &T) -> Result<Change<'static>, Error> {
    Ok(Change::put(seal::NO_COMMIT, key, &format::encode(record)?))
}

/// Where the count is kept that an encoded key is part of.
fn of_key(encoded: &[u8]) -> Option<Vec<u8>> {
    match key::in_space(encoded) {
        Some((Space::State(generation), key)) => {
            table(key).map(|table| key::count(generation, table))
        }
        _ => None,
    }
}

/// The table of a key, with its slash; none for a key without one.
fn table(key: &[u8]) -> Option<&[u8]> {
    let slash = key.iter().position(|byte| *byte == b'/')?;
    key.get(..=slash)
}

fn name(key: &[u8]) -> String {
    format!("the count {}", key.escape_ascii())
}
