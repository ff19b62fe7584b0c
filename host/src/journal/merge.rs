//! Merges: changes of a key that depend on what is there, though whoever makes them has not read it.
//!
//! The committer alone gives out positions, so it alone knows what is there at the place of a unit of work. It makes ordinary writes of its merges there: a commit
//! says what a key has become, never what was done to it.

use std::collections::HashMap;

use super::{Commit, Error, Journal, Space, Write, seal};

/// What becomes of a value, if there is one, and an operand. The order of operands must not matter: `f(f(v, a), b) = f(f(v, b), a)`.
///
/// # Errors
///
/// Why nothing can become of them, for whoever runs the context.
pub type MergeOperator = fn(before: Option<&[u8]>, operand: &[u8]) -> Result<Vec<u8>, String>;

/// A change of a key by an operand: no other unit of work conflicts with it, unless it has read the key.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Where the key lives.
    pub space: Space,
    /// The key within its space.
    pub key: Vec<u8>,
    /// What is merged with the value.
    pub operand: Vec<u8>,
    /// How.
    pub operator: MergeOperator,
}

impl Merge {
    /// About how many bytes it adds to the journal.
    pub(super) fn size(&self) -> usize {
        // The key is in the commit, too. What the value will be is known to the committer; it is about as long as the operand.
        2 * self.key.len() + self.operand.len() + VALUE + seal::LENGTH
    }
}

/// By how much a value is longer than an operand, about.
const VALUE: usize = 16;

/// What the commits of a group have written, which no engine shows yet.
#[derive(Default)]
pub(super) struct Unapplied {
    /// By key, the commit in the group that wrote it last, and which of its writes that is.
    places: HashMap<(Space, Vec<u8>), (usize, usize)>,
    /// How many commits have been looked at.
    seen: usize,
}

impl Unapplied {
    /// The writes that merges come to, behind the commits of the group.
    pub fn resolve(
        &mut self,
        merges: &[Merge],
        group: &[Commit],
        journal: &dyn Journal,
    ) -> Result<Vec<Write>, Error> {
        if merges.is_empty() {
            return Ok(Vec::new());
        }
        for (place, commit) in group.iter().enumerate().skip(self.seen) {
            for (index, write) in commit.writes.iter().enumerate() {
                let key = (write.space, write.key.clone());
                self.places.insert(key, (place, index));
            }
        }
        self.seen = group.len();
        let resolved = merges.iter().map(|merge| {
            let key = (merge.space, merge.key.clone());
            let place = self.places.get(&key);
            let unapplied =
                place.and_then(|(commit, write)| group.get(*commit)?.writes.get(*write));
            let merged = match unapplied {
                Some(write) => (merge.operator)(write.value.as_deref(), &merge.operand),
                None => {
                    let value = journal.get(merge.space, &merge.key)?;
                    (merge.operator)(value.as_deref(), &merge.operand)
                }
            };
            let (space, key) = key;
            Ok(Write {
                space,
                key,
                value: Some(merged.map_err(|reason| Error::NotMerged { reason })?),
            })
        });
        resolved.collect()
    }

    /// The group is applied.
    pub fn clear(&mut self) {
        self.places.clear();
        self.seen = 0;
    }
}
