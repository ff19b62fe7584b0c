//! Which state a version can work with, and what has to become of the state before it does.
//!
//! Versions of one schema number read what the others write; a version that `reads` another number reads what there is, and need not be read itself. Either way
//! it is not only said: the tables that they describe are compared.

use std::fmt;

use super::active_version::{ActiveVersion, Shape};
use super::refusal::{Gate, Refusal};
use crate::core::ContextName;
use crate::versions::Version;

/// What becomes of a state before a version can serve that does not read it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Each entry is given to the version, from this schema.
    Migrate {
        /// The schema that the state has; the newest one, where it has rows of several.
        from: u32,
    },
    /// It is filled anew from the events.
    Rebuild,
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migrate { from } => write!(f, "the state will be migrated from schema {from}"),
            Self::Rebuild => f.write_str("the state will be rebuilt from the events"),
        }
    }
}

/// What the state of a context needs before a version can serve; none when the version reads it as it is.
pub(super) fn needed(
    context: &ContextName,
    active: Option<ActiveVersion>,
    version: &Version,
) -> Result<Option<Move>, Refusal> {
    let schema = &version.schema;
    let active = active.unwrap_or_default();
    let unread = unread(&active, version);
    match unread.iter().max() {
        None => match difference(context, &active, Shape::of(version)) {
            None => Ok(None),
            Some(_) if schema.rebuild => Ok(Some(Move::Rebuild)),
            Some(difference) => Err(Refusal::at(Gate::Schema, difference)),
        },
        Some(_) if schema.rebuild => Ok(Some(Move::Rebuild)),
        Some(newest) if version.guest.has_migration() => Ok(Some(Move::Migrate { from: *newest })),
        Some(_) => Err(Refusal::at(
            Gate::Schema,
            format!(
                "the state of context {context} has the schema {}, which this version does not read; declare it in `schema`, with `reads` or `migrate`",
                list(&unread)
            ),
        )),
    }
}

/// What is there and a version does not read, for whoever rolls it out.
pub(super) fn remarks(active: Option<&ActiveVersion>, version: &Version) -> Option<String> {
    active?
        .tables
        .read_by(&version.description.tables)
        .remarks()
}

/// Why the version that serves does not read what another writes. Then both must not serve at once.
pub(super) fn one_way(serving: &Version, version: &Version) -> Option<String> {
    let (schema, number) = (&serving.schema, version.schema.number);
    if schema.number != number && !schema.reads.contains(&number) {
        return Some(format!(
            "version {} does not read schema {number}",
            serving.number
        ));
    }
    let tables = &serving.description.tables;
    let reading = tables.read(&version.description.tables);
    (!reading.is_complete()).then(|| {
        format!(
            "version {} does not read what this one writes: {}",
            serving.number,
            reading.difference()
        )
    })
}

/// Whether a version can be gone back to: it reads all that is there.
pub(super) fn can_go_back(
    context: &ContextName,
    active: &ActiveVersion,
    version: &Version,
) -> Result<(), Refusal> {
    let unread = unread(active, version);
    if !unread.is_empty() {
        return Err(Refusal::at(
            Gate::Schema,
            format!(
                "the state of context {context} now has the schema {}, which version {} does not read; deploy one that does, or that migrates back",
                list(&unread),
                version.number
            ),
        ));
    }
    let reading = active.tables.read_by(&version.description.tables);
    if reading.is_complete() {
        return Ok(());
    }
    Err(Refusal::at(
        Gate::Schema,
        format!(
            "version {} does not read the present state of context {context}: {}; deploy one that does, or that migrates back",
            version.number,
            reading.difference()
        ),
    ))
}

/// Why a version cannot work with the state as it is, though its schema says that it does; says what to do.
fn difference(context: &ContextName, active: &ActiveVersion, version: Shape<'_>) -> Option<String> {
    let reading = active.tables.read_by(version.tables);
    if !reading.is_complete() {
        return Some(format!(
            "this version does not read the state of context {context}: {}; give what is new a default (`Option`, or `#[record(default)]`), let what is there keep its name (`#[record(rename = \"…\")]`) and type, or declare another number in `schema`, with `migrate`",
            reading.difference()
        ));
    }
    if active.schema != version.schema {
        return None;
    }
    // Of one number are only versions that can be exchanged for each other, back and forth.
    let declare = format!(
        "declare another number in `schema`, with `reads: [{}]`",
        version.schema
    );
    let missing = active.tables.missing_in(version.tables);
    if !missing.is_empty() {
        return Some(format!(
            "this version no longer describes {}, which context {context} has; to leave its rows there unread, {declare}, otherwise with `migrate`",
            missing.join(", ")
        ));
    }
    let back = active.tables.serving_reads(version.tables);
    (!back.is_complete()).then(|| {
        format!(
            "the current version of context {context} would not read what this one writes: {}; so the two could not serve side by side, and a rollback would be impossible. If that is intended, {declare}",
            back.difference()
        )
    })
}

/// The schemas of the state that a version does not read.
fn unread(active: &ActiveVersion, version: &Version) -> Vec<u32> {
    let schema = &version.schema;
    let reads = |number: &u32| *number == schema.number || schema.reads.contains(number);
    let unread = active.schemas.iter().filter(|number| !reads(number));
    unread.copied().collect()
}

fn list(numbers: &[u32]) -> String {
    let numbers: Vec<_> = numbers.iter().map(u32::to_string).collect();
    numbers.join(", ")
}
