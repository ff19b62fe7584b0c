//! Large commits: whoever commits little waits for a step of one, and a crash leaves all of it or nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::sled::Engine;
use super::*;

/// Few of the largest commits that a context may make, handed over at once. Somebody else commits little, one after the other: between two steps of the large ones there is one
/// of the small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_commits_little_waits_for_a_step_of_them() {
    const LARGE: usize = 8;
    const KEYS: usize = 5_000;
    let (_data, store) = sled_store();
    let committer = Committer::start(store, Options::default()).unwrap();
    let small = committer.open("small", Durability::Flush).unwrap();
    let large = committer.open("large", Durability::Flush).unwrap();
    let committing = (0..LARGE).map(|round| {
        let writes = (0..KEYS).map(|key| put(&format!("rows/{round}/{key:08}"), "some value"));
        let (large, unit) = (large.clone(), blind(&large, "large", writes.collect()));
        tokio::spawn(async move { large.commit(unit).await.unwrap() })
    });
    let committing: Vec<_> = committing.collect();
    let mut between = 0;
    while !committing.iter().all(tokio::task::JoinHandle::is_finished) {
        let unit = blind(&small, "small", vec![put("rows/1", "one")]);
        small.commit(unit).await.unwrap();
        between += 1;
    }
    // Each takes some forty steps; who has just been answered may be late for the next.
    assert!(between >= 8 * LARGE, "{between} beside {LARGE}");
}

/// Writes of a few tables, of which some are long.
fn writes(keys: usize) -> impl Strategy<Value = Vec<Write>> {
    let value = prop_oneof![
        1 => Just(None),
        8 => vec(any::<u8>(), 0..40).prop_map(Some),
        1 => (60_000..140_000_usize, any::<u8>()).prop_map(|(length, byte)| Some(vec![byte; length])),
    ];
    let write = (0..3_u8, 0..400_u16, value).prop_map(|(table, key, value)| Write {
        space: STATE,
        key: format!("table {table}/{key}").into_bytes(),
        value,
    });
    vec(write, keys)
}

fn commit(position: u64, writes: Vec<Write>) -> Commit {
    Commit {
        position,
        header: header(&position.to_string()),
        writes,
        events: vec![event(&position.to_string(), "room 1")],
    }
}

/// A journal whose host ends at any step of a large commit has all of it or nothing, goes on behind that, and counts what it has.
#[test]
fn a_crash_leaves_all_of_it_or_nothing() {
    let tried = TestRunner::new(cases(24)).run(
        &(writes(60), writes(400), writes(5), 0..40_usize),
        |(first, large, last, steps)| {
            let data = tempfile::tempdir().unwrap();
            let before = {
                let store = SledStore::open(data.path(), 8 << 20).unwrap();
                let journal = store.open("room").unwrap();
                journal
                    .append(&[commit(1, first)], Link::default())
                    .unwrap();
                let before = picture(&*journal);
                let _newest = append_in_steps(&*journal, commit(2, large.clone()), steps);
                store.flush().unwrap();
                before
            };
            let after = {
                let memory = MemoryStore::new().open("room").unwrap();
                let entries = before.spaces[0].iter();
                let first = entries.map(|(key, value)| Write {
                    space: STATE,
                    key: key.clone(),
                    value: Some(value.clone()),
                });
                let begun = memory.append(&[commit(1, first.collect())], Link::default());
                memory.append(&[commit(2, large)], begun.unwrap()).unwrap();
                picture(&*memory)
            };
            let store = SledStore::open(data.path(), 8 << 20).unwrap();
            let journal = store.open("room").unwrap();
            let shown = picture(&*journal);
            prop_assert!(shown == before || shown == after, "after {steps} steps");
            journal.upgrade().unwrap();
            let newest = journal.newest().unwrap();
            let next = commit(newest.position + 1, last);
            journal.append(&[next], newest).unwrap();
            let all = KeyRange::all();
            let found = journal.count_within(STATE, &all, u64::MAX).unwrap();
            prop_assert_eq!(journal.usage(0).unwrap().keys, found.keys);
            for table in 0..3 {
                let table = KeyRange::prefix(format!("table {table}/"));
                let found = journal.count_within(STATE, &table, u64::MAX).unwrap();
                prop_assert_eq!(journal.kept_count(STATE, &table).unwrap(), Some(found.keys));
            }
            let shown = picture(&*journal);
            store.flush().unwrap();
            drop((journal, store));
            // What was completed is not done once more, behind what has come since.
            for verified in verify(data.path(), 8 << 20, &mut |_, _| {}).unwrap() {
                prop_assert!(verified.findings.is_empty(), "{:?}", verified.findings);
            }
            let store = SledStore::open(data.path(), 8 << 20).unwrap();
            prop_assert_eq!(picture(&*store.open("room").unwrap()), shown);
            Ok(())
        },
    );
    tried.unwrap();
}

/// One that was cut off, and whose log is damaged, is refused with its reason; a repair says what is lost, and the journal opens.
#[test]
fn one_that_cannot_be_completed_is_refused_and_can_be_repaired() {
    let data = tempfile::tempdir().unwrap();
    let rows = |value: &str| {
        (0..600)
            .map(|key| put(&format!("rows/{key}"), value))
            .collect()
    };
    {
        let store = SledStore::open(data.path(), 8 << 20).unwrap();
        let journal = store.open("room").unwrap();
        let first = [commit(1, rows("first"))];
        journal.append(&first, Link::default()).unwrap();
        // Three steps prepare it, and the next one makes a part of it.
        assert_eq!(
            append_in_steps(&*journal, commit(2, rows("second")), 4),
            None
        );
        store.flush().unwrap();
        store.reached("room", journal.newest().unwrap());
        store.close();
    }
    {
        let engine = Engine::open(data.path(), 8 << 20).unwrap();
        engine.tree("room").unwrap().log().damage();
        engine.flush().unwrap();
    }
    let refused = SledStore::open(data.path(), 8 << 20).err().unwrap();
    let said = refused.to_string();
    assert!(
        said.contains("context room") && said.contains("redo log"),
        "{said}"
    );
    let verified = verify(data.path(), 8 << 20, &mut |_, _| {}).unwrap();
    assert!(!verified[0].findings.is_empty());
    let repaired = repair(data.path(), 8 << 20, 0, &mut |_| {}).unwrap();
    assert!(!repaired.losses[0].lost.is_empty(), "{:?}", repaired.losses);
    let store = SledStore::open(data.path(), 8 << 20).unwrap();
    let journal = store.open("room").unwrap();
    assert!(journal.newest().unwrap().position >= 1);
    let events = |lane| journal.events(lane, None, u64::MAX, usize::MAX).unwrap();
    let events: Vec<_> = (0..LANES).flat_map(events).collect();
    assert_eq!(events.len(), 1, "those of the second are gone");
}

/// An older host knows no log, and commits behind a part of the commit: that is not completed over what it has committed.
#[test]
fn one_that_an_older_host_has_passed_over_is_not_completed() {
    for others in 1..3 {
        let data = tempfile::tempdir().unwrap();
        let rows = (0..600).map(|key| put(&format!("rows/{key}"), "first"));
        {
            let store = SledStore::open(data.path(), 8 << 20).unwrap();
            let journal = store.open("room").unwrap();
            assert_eq!(
                append_in_steps(&*journal, commit(1, rows.collect()), 4),
                None
            );
            store.flush().unwrap();
        }
        {
            let engine = Engine::open(data.path(), 8 << 20).unwrap();
            let tree = engine.tree("room").unwrap();
            for position in 1..=others {
                let other = [commit(position, vec![put("rows/7", "other")])];
                tree.append(&other, tree.newest().unwrap()).unwrap();
            }
            engine.flush().unwrap();
        }
        let refused = SledStore::open(data.path(), 8 << 20).err().unwrap();
        let said = refused.to_string();
        assert!(said.contains("an older Innkeeper"), "{said}");
    }
}

/// A commit that is one long value, and little else, is not written twice.
#[test]
fn one_long_value_is_not_logged() {
    let long = |length: usize| Write {
        space: STATE,
        key: b"rows/long".to_vec(),
        value: Some(vec![7; length]),
    };
    let many = |count: usize| (0..count).map(|key| put(&format!("rows/{key}"), "some value"));
    assert!(!LargeCommit::helps(&commit(1, vec![long(3_000_000)])));
    let both = many(5).chain([long(3_000_000)]);
    assert!(!LargeCommit::helps(&commit(1, both.collect())));
    assert!(LargeCommit::helps(&commit(1, many(2_000).collect())));
    let among_many = many(5_000).chain([long(310_000)]);
    assert!(LargeCommit::helps(&commit(1, among_many.collect())));
    let several = (0..6).map(|_| long(500_000));
    assert!(LargeCommit::helps(&commit(1, several.collect())));
}
