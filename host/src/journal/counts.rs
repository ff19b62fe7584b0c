//! How many keys each table of a state has, kept with the commits that change it.
//!
//! A table is all keys of a generation that have the same beginning up to their first slash, such as `rooms/`. Its count is a key of the engine like any
//! other, and is written in the batch of the commits that change it; so it is exact whenever they are visible, and survives with them. No unit of work
//! writes it: who adds a key does not get in the way of who adds another, and who has asked for the count has read the table.
//!
//! Beside the counts it is noted up to which commit they hold. Where that is not the newest one, they were not kept by whoever wrote it, and are counted
//! anew when the journal is opened.

use std::collections::{BTreeMap, HashMap};

use super::apply::Change;
use super::key::{self, Span};
use super::tree::Tree;
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

/// What commits do to the counts: those that change, and up to which commit they hold.
pub(super) fn changes<T: Tree>(
    tree: &T,
    commits: &[Change<'_>],
    upto: u64,
) -> Result<Vec<Change<'static>>, Error> {
    let mut are_there: HashMap<&[u8], bool> = HashMap::new();
    let mut differences: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
    for Change { key, value } in commits {
        let Some(count) = of_key(key) else { continue };
        let was_there = match are_there.insert(key, value.is_some()) {
            Some(was_there) => was_there,
            None => tree.contains(key)?,
        };
        let difference = i64::from(value.is_some()) - i64::from(was_there);
        if difference != 0 {
            *differences.entry(count).or_default() += difference;
        }
    }
    let mut changes = Vec::with_capacity(differences.len() + 1);
    for (key, difference) in differences {
        if difference == 0 {
            continue;
        }
        let count = read(tree, &key)?.checked_add_signed(difference);
        let count = count.ok_or_else(|| Error::Damaged { what: name(&key) })?;
        changes.push(change(key, count)?);
    }
    changes.push(change(key::counted(), upto)?);
    Ok(changes)
}

/// Counts anew what a state holds, unless the counts hold already. Nothing may be written meanwhile.
pub(super) fn complete<T: Tree>(tree: &T) -> Result<(), Error> {
    let newest = tree.newest()?.position;
    if newest == read(tree, &key::counted())? {
        return Ok(());
    }
    tracing::info!("the tables of a journal are counted, once");
    let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    // What is no table any more has no keys.
    walk(tree, key::counts(), |key| {
        counts.insert(key.to_vec(), 0);
    })?;
    walk(tree, key::states(), |key| {
        if let Some(count) = of_key(key) {
            *counts.entry(count).or_default() += 1;
        }
    })?;
    let changes = counts.into_iter().map(|(key, count)| change(key, count));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    for changes in changes.chunks(BATCH) {
        tree.write(changes)?;
    }
    // Last: before that it is begun again.
    tree.write(&[change(key::counted(), newest)?])
}

/// Forgets the counts of a generation that nobody reads any more.
pub(super) fn forget<T: Tree>(tree: &T, generation: u32) -> Result<(), Error> {
    let mut counts = Vec::new();
    walk(tree, key::counts_of(generation), |key| {
        counts.push(key.to_vec());
    })?;
    for key in counts {
        tree.put(&Change { key, value: None })?;
    }
    Ok(())
}

fn walk<T: Tree>(tree: &T, mut span: Span, mut visit: impl FnMut(&[u8])) -> Result<(), Error> {
    loop {
        let entries = Tree::scan_within(tree, &span, STEP, false)?;
        for (key, _) in &entries {
            visit(key);
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

/// Where the count is kept that an encoded key is part of.
fn of_key(encoded: &[u8]) -> Option<Vec<u8>> {
    match key::decode(encoded) {
        Ok((Space::State(generation), key)) => {
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
