//! Which keys of a new state came of which keys of the old one, while the old one changes.
//!
//! An old key that results in one entry of its own key is not remembered: that is what most do, and a state may have millions. So a new key without an
//! origin here came of its own old key, or is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

/// What is known of a copy of a state.
#[derive(Default)]
pub(super) struct KeyProvenance {
    /// The new keys of an old one, where these are others than its own.
    results: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    /// The old key of a new one, where that is another one.
    origins: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The old keys that resulted in a key which another one had resulted in before. Nothing is kept of them.
    held_back: BTreeSet<Vec<u8>>,
}

/// Two entries of the old state result in one key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`migrate` results in the key {} twice, and once of {}; each key can come of one entry only", key.escape_ascii(), former.escape_ascii())]
pub(super) struct Clash {
    pub key: Vec<u8>,
    /// The old key that it came of before.
    pub former: Vec<u8>,
}

impl KeyProvenance {
    /// Begins a round with the old keys that have changed since the last one: answers those that are to be migrated in it, since what was held back is tried again.
    pub fn round(&mut self, changed: BTreeSet<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut keys = mem::take(&mut self.held_back);
        keys.extend(changed);
        keys.into_iter().collect()
    }

    /// Forgets what came of an old key: answers the new keys that are to be removed. In a round, that of all keys comes before anything is migrated, or what one
    /// key results in by now would go away with what another one had resulted in.
    pub fn forget(&mut self, old: &[u8]) -> Vec<Vec<u8>> {
        let Some(results) = self.results.remove(old) else {
            // Another one may have resulted in its own key; then that is not its.
            return match self.origins.contains_key(old) {
                true => Vec::new(),
                false => vec![old.to_vec()],
            };
        };
        for key in results.iter().filter(|key| *key != old) {
            self.origins.remove(key);
        }
        results
    }

    /// Notes what came of an old key of which nothing is known. `is_there` tells whether the new state has a key. A clash leaves nothing of the old key.
    pub fn note<E>(
        &mut self,
        old: &[u8],
        results: &[&[u8]],
        is_there: impl Fn(&[u8]) -> Result<bool, E>,
    ) -> Result<Result<(), Clash>, E> {
        for (place, key) in results.iter().copied().enumerate() {
            let former = match self.origins.get(key) {
                Some(former) => Some(former.clone()),
                None if results.iter().take(place).any(|other| *other == key) => Some(old.to_vec()),
                None if key != old && is_there(key)? => Some(key.to_vec()),
                None => None,
            };
            if let Some(former) = former {
                let key = key.to_vec();
                return Ok(Err(Clash { key, former }));
            }
        }
        for key in results.iter().filter(|key| **key != old) {
            self.origins.insert(key.to_vec(), old.to_vec());
        }
        if !matches!(results, [key] if *key == old) {
            let results = results.iter().map(|key| key.to_vec()).collect();
            self.results.insert(old.to_vec(), results);
        }
        Ok(Ok(()))
    }

    /// Keeps an old key for the next round, for its clash may be gone by then.
    pub fn hold_back(&mut self, old: Vec<u8>) {
        self.held_back.insert(old);
    }

    /// Whether nothing is held back.
    pub fn is_complete(&self) -> bool {
        self.held_back.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    type State = BTreeMap<Vec<u8>, Vec<u8>>;
    /// A commit of the old state: each key's new value, or its removal. A value is the list of the keys that it results in.
    type Commit = Vec<(u8, Option<BTreeSet<u8>>)>;

    /// What becomes of an entry, together with whose it is.
    fn migrate(key: &[u8], value: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let result = |to: &u8| (vec![*to], [key, value].concat());
        value.iter().map(result).collect()
    }

    /// The new state of an old one; none when keys clash.
    fn from_scratch(old: &State) -> Option<State> {
        let mut new = State::new();
        for (key, value) in old {
            for (key, value) in migrate(key, value) {
                if new.insert(key, value).is_some() {
                    return None;
                }
            }
        }
        Some(new)
    }

    /// A copy that is made while commits come in.
    struct Copying {
        old: State,
        changed: BTreeSet<Vec<u8>>,
        new: State,
        origins: KeyProvenance,
        coming: std::vec::IntoIter<Commit>,
    }

    impl Copying {
        /// The old state changes, as it may at any time.
        fn change(&mut self) {
            for (key, value) in self.coming.next().into_iter().flatten() {
                let key = vec![key];
                match value {
                    Some(results) => self.old.insert(key.clone(), results.into_iter().collect()),
                    None => self.old.remove(&key),
                };
                self.changed.insert(key);
            }
        }

        /// Migrates entries as `moving.rs` does, with changes meanwhile; a clash that is there for sure ends it.
        fn migrate(&mut self, entries: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), Clash> {
            self.change();
            let mut written = State::new();
            for (old, value) in entries {
                let results = migrate(&old, &value);
                let keys: Vec<_> = results.iter().map(|(key, _)| key.as_slice()).collect();
                let is_there = |key: &[u8]| {
                    Ok::<_, Infallible>(written.contains_key(key) || self.new.contains_key(key))
                };
                match self.origins.note(&old, &keys, is_there).unwrap() {
                    Ok(()) => written.extend(results),
                    Err(clash) => {
                        if !self.changed.contains(&old) && !self.changed.contains(&clash.former) {
                            return Err(clash);
                        }
                        self.origins.hold_back(old);
                    }
                }
            }
            self.new.extend(written);
            Ok(())
        }

        fn copy(&mut self, step: usize) -> Result<(), Clash> {
            let mut after = None;
            loop {
                let entries: Vec<_> = self
                    .old
                    .iter()
                    .filter(|(key, _)| Some(*key) > after.as_ref())
                    .take(step)
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                let Some((last, _)) = entries.last() else {
                    return Ok(());
                };
                after = Some(last.clone());
                self.migrate(entries)?;
            }
        }

        fn round(&mut self, step: usize) -> Result<(), Clash> {
            let keys = self.origins.round(mem::take(&mut self.changed));
            self.change();
            for key in &keys {
                for key in self.origins.forget(key) {
                    self.new.remove(&key);
                }
            }
            for keys in keys.chunks(step) {
                let value = |key: &Vec<u8>| Some((key.clone(), self.old.get(key)?.clone()));
                let entries = keys.iter().filter_map(value).collect();
                self.migrate(entries)?;
            }
            Ok(())
        }

        /// Until nothing is left to do.
        fn run(&mut self, step: usize) -> Result<(), Clash> {
            self.copy(step)?;
            while !(self.changed.is_empty() && self.origins.is_complete()) {
                self.round(step)?;
            }
            Ok(())
        }
    }

    fn copying(old: &[(u8, &[u8])], coming: Vec<Commit>) -> Copying {
        let entry = |(key, results): &(u8, &[u8])| (vec![*key], results.to_vec());
        Copying {
            old: old.iter().map(entry).collect(),
            changed: BTreeSet::new(),
            new: State::new(),
            origins: KeyProvenance::default(),
            coming: coming.into_iter(),
        }
    }

    fn put(key: u8, results: &[u8]) -> (u8, Option<BTreeSet<u8>>) {
        (key, Some(results.iter().copied().collect()))
    }

    #[test]
    fn an_entry_that_moves_to_where_it_results_in_is_not_lost() {
        // While 9 is copied it moves to 1, which it results in, and others change so that the two are not in one step.
        let old: [(u8, &[u8]); 3] = [(4, &[4]), (5, &[5]), (9, &[1])];
        let moved = vec![put(1, &[1]), put(4, &[4]), put(5, &[5]), (9, None)];
        for commits in [
            vec![moved.clone()],
            vec![vec![], moved.clone()],
            vec![vec![], vec![], vec![], moved],
        ] {
            for step in 1..5 {
                let mut copying = copying(&old, commits.clone());
                copying.run(step).unwrap();
                assert!(copying.new.contains_key(&vec![1]), "{:?}", copying.new);
                assert_eq!(Some(copying.new), from_scratch(&copying.old));
            }
        }
    }

    #[test]
    fn a_new_key_does_not_take_away_what_another_resulted_in() {
        let mut copying = copying(&[(1, &[2])], vec![vec![], vec![put(2, &[3])]]);
        copying.copy(10).unwrap();
        copying.change();
        copying.round(10).unwrap();
        assert_eq!(Some(copying.new), from_scratch(&copying.old));
    }

    #[test]
    fn two_that_result_in_one_key_clash_whatever_step_they_are_in() {
        let states: [&[(u8, &[u8])]; 4] = [
            &[(1, &[2]), (2, &[2])],
            &[(1, &[1]), (2, &[1])],
            &[(1, &[3]), (2, &[3])],
            &[(1, &[0, 1]), (2, &[1, 2])],
        ];
        for state in states {
            for step in 1..3 {
                let clash = copying(state, Vec::new()).run(step).unwrap_err();
                assert_eq!(clash.former, [1], "{clash:?}");
            }
        }
        let twice =
            KeyProvenance::default().note(b"1", &[b"2", b"2"], |_| Ok::<_, Infallible>(false));
        assert!(twice.unwrap().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_new_state_is_that_of_the_old_one(
            first in vec((0..6_u8, proptest::option::weighted(0.8, btree_set(0..8_u8, 0..3))), 0..6),
            commits in vec(vec((0..6_u8, proptest::option::weighted(0.6, btree_set(0..8_u8, 0..3))), 0..4), 0..12),
            step in 1..5_usize,
        ) {
            let mut copying = copying(&[], vec![first]);
            copying.change();
            copying.changed.clear();
            copying.coming = commits.into_iter();
            match copying.run(step) {
                Ok(()) => prop_assert_eq!(Some(copying.new), from_scratch(&copying.old)),
                // It is told at once: the old state as it is then has the clash.
                Err(clash) => prop_assert_eq!(from_scratch(&copying.old), None, "{:?}", clash),
            }
        }
    }
}
