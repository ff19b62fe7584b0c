//! Applying commits is a function of the commits: every engine shows the same, and so does one that was opened again.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

use super::*;

fn keys() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(select(vec![0, 1, b'a', 0xfe, 0xff]), 0..4),
        vec(any::<u8>(), 0..20)
    ]
}

fn values() -> impl Strategy<Value = Option<Vec<u8>>> {
    // Around the lengths at which sled's values are cut in pieces.
    let long = select(vec![
        65_535,
        65_536,
        65_537,
        131_071,
        131_072,
        200_000_usize,
    ]);
    prop_oneof![
        3 => Just(None),
        9 => vec(any::<u8>(), 0..60).prop_map(Some),
        1 => (long, any::<u8>()).prop_map(|(length, byte)| Some(vec![byte; length])),
    ]
}

fn commits() -> impl Strategy<Value = Vec<Commit>> {
    let write = (select(SPACES.to_vec()), keys(), values()).prop_map(|(space, key, value)| Write {
        space,
        key,
        value,
    });
    let event = ("[a-z]{1,3}", "[a-z]{0,40}").prop_map(|(subject, id)| event(&id, &subject));
    let one = (vec(write, 0..8), vec(event, 0..4), "[ab\0]{0,3}");
    vec(one, 1..12).prop_map(|commits| {
        let numbered = (1..)
            .zip(commits)
            .map(|(position, (writes, events, correlation_id))| {
                let header = Header {
                    correlation_id: story(&correlation_id),
                    ..header(&position.to_string())
                };
                Commit {
                    position,
                    header,
                    writes,
                    events,
                }
            });
        numbered.collect()
    })
}

fn append(journal: &dyn Journal, commits: &[Commit], group: usize) {
    for group in commits.chunks(group) {
        journal.append(group, journal.newest().unwrap()).unwrap();
    }
}

/// What the commits say, without any engine.
fn expected(commits: &[Commit]) -> Picture {
    let mut spaces = BTreeMap::<Space, BTreeMap<Vec<u8>, Vec<u8>>>::new();
    let mut events = vec![Vec::new(); usize::from(LANES)];
    for commit in commits {
        for Write { space, key, value } in commit.writes.clone() {
            let space = spaces.entry(space).or_default();
            match value {
                Some(value) => space.insert(key, value),
                None => space.remove(&key),
            };
        }
        for (index, event) in (0..).zip(&commit.events) {
            let position = EventPosition {
                commit: commit.position,
                index,
            };
            events[usize::from(event.lane())].push((position, event.clone()));
        }
    }
    Picture {
        last: commits.len() as u64,
        spaces: SPACES
            .iter()
            .map(|space| {
                spaces
                    .remove(space)
                    .unwrap_or_default()
                    .into_iter()
                    .collect()
            })
            .collect(),
        commits: commits
            .iter()
            .map(|commit| {
                (
                    commit.position,
                    commit.header.clone(),
                    commit.events.clone(),
                )
            })
            .collect(),
        lane_ends: events
            .iter()
            .map(|lane| lane.last().map(|(position, _)| *position))
            .collect(),
        events,
    }
}

fn check_stories(journal: &dyn Journal, picture: &Picture) {
    let ids: BTreeSet<_> = picture
        .commits
        .iter()
        .filter_map(|(_, header, _)| header.correlation_id.as_ref())
        .collect();
    for id in ids {
        let story: Vec<_> = picture
            .commits
            .iter()
            .filter(|(_, header, _)| header.correlation_id.as_ref() == Some(id))
            .cloned()
            .collect();
        assert_eq!(journal.story(id).unwrap(), story);
    }
    let nobody = "nobody".parse().unwrap();
    assert_eq!(journal.story(&nobody).unwrap(), []);
}

fn check_range(journal: &dyn Journal, picture: &Picture, range: &KeyRange, limit: usize) {
    for (space, entries) in SPACES.iter().zip(&picture.spaces) {
        let inside: Vec<_> = entries
            .iter()
            .filter(|(key, _)| range.contains(key))
            .cloned()
            .collect();
        assert_eq!(journal.count(*space, range).unwrap(), inside.len() as u64);
        let forward: Vec<_> = inside.iter().take(limit).cloned().collect();
        assert_eq!(
            journal
                .scan(*space, range, limit, Direction::Forwards)
                .unwrap(),
            forward
        );
        let backward: Vec<_> = inside.iter().rev().take(limit).cloned().collect();
        assert_eq!(
            journal
                .scan(*space, range, limit, Direction::Backwards)
                .unwrap(),
            backward
        );
        // In bytes: up to and with the entry that reaches the bound.
        let bytes = limit.saturating_mul(20);
        let mut before = 0;
        let within = inside.iter().enumerate().take_while(|(index, (_, value))| {
            let is_within = *index == 0 || before < bytes;
            before += value.len();
            is_within
        });
        let within: Vec<_> = within.map(|(_, entry)| entry.clone()).collect();
        let bounds = Bounds {
            entries: usize::MAX,
            bytes,
        };
        let found = journal
            .scan_within(*space, range, bounds, Direction::Forwards)
            .unwrap();
        assert_eq!(found, within);
        for (key, value) in inside {
            assert_eq!(journal.get(*space, &key).unwrap(), Some(value));
        }
    }
}

fn check_events(
    journal: &dyn Journal,
    picture: &Picture,
    after: EventPosition,
    upto: u64,
    limit: usize,
) {
    for (lane, events) in (0..LANES).zip(&picture.events) {
        let inside = events
            .iter()
            .filter(|(position, _)| *position > after && position.commit <= upto);
        let count = inside.clone().count();
        let inside: Vec<_> = inside.take(limit).cloned().collect();
        assert_eq!(
            journal.events(lane, Some(after), upto, limit).unwrap(),
            inside
        );
        // However much they are, one is found.
        for (entries, bytes, most) in [(limit, usize::MAX, limit), (usize::MAX, 1, 1)] {
            let bounds = Bounds { entries, bytes };
            let within = journal.events_within(lane, Some(after), upto, bounds);
            let LaneEvents { events, has_more } = within.unwrap();
            let found = most.min(count);
            assert!(events.iter().eq(inside.iter().take(found)) || most > limit);
            assert_eq!(has_more, found > 0 && found < count);
        }
    }
    let later: Vec<_> = picture
        .commits
        .iter()
        .filter(|(position, ..)| *position > upto)
        .take(limit)
        .cloned()
        .collect();
    assert_eq!(journal.commits(upto, limit).unwrap(), later);
}

#[test]
fn show_the_same() {
    let data = tempfile::tempdir().unwrap();
    let store = SledStore::open(data.path(), 8 << 20).unwrap();
    let pictures = RefCell::new(Vec::new());
    let ranges =
        (keys(), proptest::option::of(keys())).prop_map(|(start, end)| KeyRange { start, end });
    let looks = (ranges, 0..8_usize, (0..8_u64, 0..3_u16), 0..12_u64);
    let tried = TestRunner::new(cases(60)).run(
        &(commits(), 1..4_usize, looks),
        |(commits, group, look)| {
            let picture_expected = expected(&commits);
            let name = format!("context-{}", pictures.borrow().len());
            let (range, limit, (commit, index), upto) = look;
            let journals = [
                MemoryStore::new().open("memory").unwrap(),
                store.open(&name).unwrap(),
                MemoryStore::new().open("in steps").unwrap(),
                store.open(&format!("{name}-in-steps")).unwrap(),
            ];
            for (place, journal) in journals.iter().enumerate() {
                match place {
                    0 | 1 => append(&**journal, &commits, (group + place) % 3 + 1),
                    _ => commits.iter().for_each(|commit| {
                        let newest = append_in_steps(&**journal, commit.clone(), usize::MAX);
                        assert_eq!(newest, Some(commit.position));
                    }),
                }
                assert_eq!(journal.newest(), journals[0].newest());
                for generation in [0, 1, u32::MAX] {
                    assert_eq!(journal.usage(generation), journals[0].usage(generation));
                }
                assert_eq!(picture(&**journal), picture_expected);
                check_stories(&**journal, &picture_expected);
                check_range(&**journal, &picture_expected, &range, limit);
                check_events(
                    &**journal,
                    &picture_expected,
                    EventPosition { commit, index },
                    upto,
                    limit,
                );
            }
            for name in [format!("{name}-in-steps"), name] {
                pictures.borrow_mut().push((name, picture_expected.clone()));
            }
            Ok(())
        },
    );
    tried.unwrap();

    store.flush().unwrap();
    drop(store);
    let store = SledStore::open(data.path(), 8 << 20).unwrap();
    let pictures: BTreeMap<_, _> = pictures.into_inner().into_iter().collect();
    let names: Vec<_> = pictures.keys().cloned().collect();
    let mut found = store.contexts().unwrap();
    found.sort();
    assert_eq!(found, names);
    for (name, expected) in pictures {
        assert_eq!(picture(&*store.open(&name).unwrap()), expected);
    }
}

#[test]
fn sweep_in_steps() {
    let (_data, store) = sled_store();
    for journal in [
        MemoryStore::new().open("memory").unwrap(),
        store.open("disk").unwrap(),
    ] {
        let long = vec![7; 150_000];
        let writes = (0..10).flat_map(|key| {
            [0, 1].map(|generation| Write {
                space: Space::State(generation),
                key: vec![key],
                value: Some(long.clone()),
            })
        });
        let commit = Commit {
            position: 1,
            header: header("1"),
            writes: writes.collect(),
            events: Vec::new(),
        };
        journal.append(&[commit], Link::default()).unwrap();
        let all = KeyRange::all();
        let steps: Vec<_> = (0..4)
            .map(|_| journal.sweep(Space::State(0), &all, 4).unwrap())
            .collect();
        assert_eq!(steps, [4, 4, 2, 0]);
        assert_eq!(journal.count(Space::State(0), &all).unwrap(), 0);
        assert_eq!(journal.count(Space::State(1), &all).unwrap(), 10);
        assert_eq!(journal.get(Space::State(1), &[3]).unwrap(), Some(long));
        assert_eq!(journal.newest().unwrap().position, 1);
    }
}

#[test]
fn refuse_a_directory_in_use() {
    let (data, _store) = sled_store();
    let refused = SledStore::open(data.path(), 8 << 20).err().unwrap();
    assert_eq!(
        refused,
        Error::InUse {
            directory: data.path().join("journal")
        }
    );
    assert!(refused.to_string().contains("--data"), "{refused}");
}

/// A value of several pieces is read as one of those that it had, however often it is replaced meanwhile.
#[test]
fn a_long_value_is_read_whole_while_it_is_replaced() {
    const LENGTHS: [usize; 3] = [70_000, 200_000, 140_000];
    let (_data, store) = sled_store();
    let journal = store.open("room").unwrap();
    let value = |position: u64| vec![position as u8; LENGTHS[position as usize % 3]];
    let replaced = std::thread::spawn({
        let journal = journal.clone();
        move || {
            let mut newest = Link::default();
            for position in 1..=400 {
                let write = Write {
                    space: STATE,
                    key: b"rooms/1".to_vec(),
                    value: Some(value(position)),
                };
                let commit = Commit {
                    position,
                    header: header("1"),
                    writes: vec![write],
                    events: Vec::new(),
                };
                newest = journal.append(&[commit], newest).unwrap();
            }
        }
    });
    let all = KeyRange::all();
    let mut read = 0;
    while !replaced.is_finished() {
        let got = journal.get(STATE, b"rooms/1").unwrap();
        let scanned = journal.scan(STATE, &all, 1, Direction::Forwards).unwrap();
        for value in got
            .into_iter()
            .chain(scanned.into_iter().map(|(_, value)| value))
        {
            assert!(LENGTHS.contains(&value.len()), "{} bytes", value.len());
            assert!(value.iter().all(|byte| *byte == value[0]));
            read += 1;
        }
    }
    replaced.join().unwrap();
    assert!(read > 0);
}
