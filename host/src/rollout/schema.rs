//! Which state a version can work with, and what has to become of the state before it does.

use std::fmt;

use super::gate::{Gate, Refusal};
use super::standing::Standing;
use super::version::Version;

/// What the state needs before a version can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Nothing: the version reads it as it is.
    None,
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
            Self::None => f.write_str("it reads the state as it is"),
            Self::Migrate { from } => write!(f, "the state will be migrated from schema {from}"),
            Self::Rebuild => f.write_str("the state will be filled anew from the events"),
        }
    }
}

/// What the state of a context needs before a version can serve.
pub(super) fn needed(
    context: &str,
    standing: Option<Standing>,
    version: &Version,
) -> Result<Move, Refusal> {
    let schema = &version.schema;
    let unread = unread(&standing.unwrap_or_default(), version);
    match unread.iter().max() {
        None => Ok(Move::None),
        Some(_) if schema.rebuild => Ok(Move::Rebuild),
        Some(newest) if version.guest.has_migration() => Ok(Move::Migrate { from: *newest }),
        Some(_) => Err(Refusal::at(
            Gate::Schema,
            format!(
                "the state of context {context} has the schema {}, which this version does not read; declare it in `schema`, with `reads` or `migrate`",
                list(&unread)
            ),
        )),
    }
}

/// Whether a version can be gone back to: it reads all that is there.
pub(super) fn can_go_back(
    context: &str,
    standing: &Standing,
    version: &Version,
) -> Result<(), Refusal> {
    let unread = unread(standing, version);
    match unread.is_empty() {
        true => Ok(()),
        false => Err(Refusal::at(
            Gate::Schema,
            format!(
                "the state of context {context} has the schema {} by now, which version {} does not read; deploy one that does, or that migrates back",
                list(&unread),
                version.number
            ),
        )),
    }
}

/// The schemas of the state that a version does not read.
fn unread(standing: &Standing, version: &Version) -> Vec<u32> {
    let schema = &version.schema;
    let reads = |number: &u32| *number == schema.number || schema.reads.contains(number);
    let unread = standing.schemas.iter().filter(|number| !reads(number));
    unread.copied().collect()
}

fn list(numbers: &[u32]) -> String {
    let numbers: Vec<_> = numbers.iter().map(u32::to_string).collect();
    numbers.join(", ")
}
