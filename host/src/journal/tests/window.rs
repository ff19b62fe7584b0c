//! The window finds every write to what was read, and no other as long as it remembers.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::key;
use super::super::recent::{Recent, Windows, bytes};
use super::*;

#[derive(Clone, Debug)]
struct Attempt {
    /// How many commits ago it began.
    age: u64,
    keys: Vec<u8>,
    ranges: Vec<(u8, u8)>,
    writes: Vec<u8>,
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let key = 0..12_u8;
    let ranges = vec((key.clone(), key.clone()), 0..3);
    let attempt = (0..12_u64, vec(key.clone(), 0..3), ranges, vec(key, 0..4));
    let attempt = attempt.prop_map(|(age, keys, ranges, writes)| Attempt {
        age,
        keys,
        ranges,
        writes,
    });
    vec(attempt, 1..60)
}

fn covers(attempt: &Attempt, key: u8) -> bool {
    attempt.keys.contains(&key)
        || attempt
            .ranges
            .iter()
            .any(|(start, end)| (*start..*end).contains(&key))
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn finds_conflicts(attempts in attempts(), bound in 200..9_000_usize, first in 0..5_u64, elsewhere in 0..4_usize) {
        let recent = Arc::new(Recent::new(first));
        // What other contexts write takes room, too.
        let other = Arc::new(Recent::new(0));
        let mut windows = Windows::new(bound);
        let mut log: Vec<(u64, u8)> = Vec::new();
        // Each commit of either, oldest first: where it is, when it is here, and what it takes.
        let mut all: Vec<(Option<u64>, usize)> = Vec::new();
        let mut others = 0;
        let mut newest = first;
        for attempt in attempts {
            let mut reads = ReadSet::default();
            for key in &attempt.keys {
                reads.note_key(STATE, &[*key]);
            }
            for (start, end) in &attempt.ranges {
                reads.note_range(STATE, &KeyRange::new([*start], Some(vec![*end])));
            }
            for key in 0..12 {
                let in_range = attempt.ranges.iter().any(|(start, end)| (*start..*end).contains(&key));
                prop_assert_eq!(reads.covers(&key::encode(STATE, &[key])), in_range);
            }
            let write = |key: &u8| Write { space: STATE, key: vec![*key], value: None };
            let writes: Vec<_> = attempt.writes.iter().map(write).collect();

            let began = newest.saturating_sub(attempt.age).max(first);
            let mut held = 0;
            let forgotten = all.iter().rev().find(|(position, bytes)| {
                held += bytes;
                held > bound && position.is_some()
            });
            let horizon = forgotten.and_then(|(position, _)| *position).unwrap_or(first);
            let written = log.iter().rev().find(|(position, key)| *position > began && covers(&attempt, *key));
            match recent.admit(began, &reads, &writes) {
                Ok(position) => {
                    prop_assert_eq!(position, newest + 1);
                    prop_assert_eq!(written, None);
                    prop_assert!(began >= horizon || reads.is_empty());
                    newest = position;
                    windows.note(&recent, position, &writes);
                    if !writes.is_empty() {
                        all.push((Some(position), bytes(&writes)));
                    }
                    for _ in 0..elsewhere {
                        others += 1;
                        let write = [Write { space: STATE, key: vec![1], value: None }];
                        windows.note(&other, others, &write);
                        all.push((None, bytes(&write)));
                    }
                    log.extend(attempt.writes.iter().map(|key| (position, *key)));
                }
                Err(overlap) if began >= horizon => {
                    prop_assert_eq!(Some(overlap.position), written.map(|(position, _)| *position));
                    let (_, key) = key::decode(&overlap.key).unwrap();
                    prop_assert!(covers(&attempt, key[0]));
                    prop_assert!(log.contains(&(overlap.position, key[0])));
                }
                Err(overlap) => prop_assert_eq!(overlap.position, horizon),
            }
            prop_assert_eq!(recent.newest(), newest);
        }
    }

    /// A write outside of what a scan has noted would not have changed what the scan found.
    #[test]
    fn of_a_scan_is_as_far_as_it_went(present: BTreeSet<u8>, start: u8, end: Option<u8>, limit in 0..6_usize, reverse: bool, other: u8) {
        let journal = MemoryStore::new().open("memory").unwrap();
        let commit = |position, key: &BTreeMap<u8, Option<Vec<u8>>>| Commit {
            position,
            header: header(""),
            writes: key.iter().map(|(key, value)| Write { space: STATE, key: vec![*key], value: value.clone() }).collect(),
            events: Vec::new(),
        };
        journal.append(&[commit(1, &present.iter().map(|key| (*key, Some(vec![1]))).collect())], Link::default()).unwrap();
        let range = KeyRange::new([start], end.map(|end| vec![end]));
        let direction = if reverse { Direction::Backwards } else { Direction::Forwards };
        let found = journal.scan(STATE, &range, limit, direction).unwrap();
        let mut reads = ReadSet::default();
        reads.note_scan(STATE, &range, limit, direction, &found);

        let covered = reads.covers(&key::encode(STATE, &[other]));
        for value in [Some(vec![2]), None] {
            journal.append(&[commit(2, &BTreeMap::from([(other, value)]))], Link::default()).unwrap();
            let again = journal.scan(STATE, &range, limit, direction).unwrap();
            prop_assert!(covered || again == found);
        }
    }
}
