//! The count of a table is the number of its keys, whatever has been committed, swept, or done by an earlier Innkeeper.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

use super::super::key;
use super::failing_tree::FailingTree;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// Commits that are appended as one batch.
    Commit(Vec<Vec<Write>>),
    Sweep(Space, usize),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = prop_oneof![
        select(vec![
            "a/1", "a/2", "a/3", "a/", "ab/1", "b/1/x", "b/1/y", "b", "/x", "a", "a0", ""
        ])
        .prop_map(|key| key.as_bytes().to_vec()),
        vec(select(vec![b'a', b'/', 0, 0xff]), 0..5),
    ];
    let space = select(vec![
        Space::State(0),
        Space::State(1),
        Space::State(u32::MAX),
        Space::Result,
        Space::Timer,
    ]);
    // Some are kept in pieces.
    let length = select(vec![0, 5, 300, 70_000, 131_072]);
    let value = prop_oneof![Just(None), length.prop_map(Some)];
    let write = (space, key, value).prop_map(|(space, key, length)| Write {
        space,
        key,
        value: length.map(|length| vec![b'v'; length]),
    });
    let swept = select(vec![Space::State(0), Space::State(1), Space::Result]);
    let step = prop_oneof![
        8 => vec(vec(write, 0..6), 1..4).prop_map(Step::Commit),
        1 => (swept, 1..4_usize).prop_map(|(space, limit)| Step::Sweep(space, limit)),
        1 => Just(Step::Reopen),
    ];
    vec(step, 1..20)
}

/// What a journal holds, looked at entry by entry.
fn looked_at(journal: &dyn Journal, generation: u32) -> Usage {
    let mut usage = Usage::default();
    let mut after = vec![0];
    loop {
        let entries = journal.raw_after(&after, 1 << 20).unwrap();
        let Some((last, _)) = entries.last() else {
            usage.timers /= 2;
            return usage;
        };
        after = last.clone();
        for (key, value) in entries {
            let count = match key::kind(&key) {
                Some(key::Kind::State(of)) if of == generation => &mut usage.keys,
                Some(key::Kind::Timer) => &mut usage.timers,
                Some(key::Kind::Commit) => &mut usage.commits,
                Some(key::Kind::Other | key::Kind::Event) => &mut 0,
                Some(key::Kind::State(_)) | None => continue,
            };
            *count += 1;
            usage.bytes += (key.len() + value.unwrap().len()) as u64;
        }
    }
}

/// The tables of a generation, with how many keys each has.
fn tables(journal: &dyn Journal, generation: u32) -> BTreeMap<Vec<u8>, u64> {
    let all = journal.scan(
        Space::State(generation),
        &KeyRange::all(),
        usize::MAX,
        Direction::Forwards,
    );
    let mut tables = BTreeMap::new();
    for (key, _) in all.unwrap() {
        if let Some(slash) = key.iter().position(|byte| *byte == b'/') {
            *tables.entry(key[..=slash].to_vec()).or_default() += 1;
        }
    }
    tables
}

fn check(journal: &dyn Journal) {
    for generation in [0, 1, u32::MAX] {
        let usage = journal.usage(generation).unwrap();
        assert_eq!(usage, looked_at(journal, generation), "{generation}");
        let space = Space::State(generation);
        let tables = tables(journal, generation);
        for (table, count) in &tables {
            let range = KeyRange::prefix(table.clone());
            assert_eq!(
                journal.kept_count(space, &range).unwrap(),
                Some(*count),
                "{table:?}"
            );
            let looked = journal.count_within(space, &range, u64::MAX).unwrap();
            assert_eq!(
                looked,
                Counted {
                    keys: *count,
                    last: None
                }
            );
        }
        for table in ["nobody/", "a/", "/"] {
            let range = KeyRange::prefix(table);
            let count = tables.get(table.as_bytes()).copied().unwrap_or_default();
            assert_eq!(journal.count(space, &range).unwrap(), count);
        }
    }
}

#[test]
fn are_exact() {
    let data = tempfile::tempdir().unwrap();
    let open = || SledStore::open(data.path(), 8 << 20).unwrap();
    let mut store = Some(open());
    let mut number = 0;
    let runner = std::cell::RefCell::new((&mut store, &mut number));
    let tried = TestRunner::new(cases(60)).run(&steps(), |steps| {
        let mut state = runner.borrow_mut();
        *state.1 += 1;
        let name = format!("context-{}", state.1);
        let memory = MemoryStore::new().open("memory").unwrap();
        let mut disk = state.0.as_ref().unwrap().open(&name).unwrap();
        let mut position = 0;
        for step in steps {
            match step {
                Step::Commit(writes) => {
                    let commits: Vec<_> = writes
                        .into_iter()
                        .map(|writes| {
                            position += 1;
                            Commit {
                                position,
                                header: header(""),
                                writes,
                                events: Vec::new(),
                            }
                        })
                        .collect();
                    memory.append(&commits, memory.newest().unwrap()).unwrap();
                    disk.append(&commits, disk.newest().unwrap()).unwrap();
                }
                Step::Sweep(space, limit) => {
                    for journal in [&memory, &disk] {
                        while journal.sweep(space, &KeyRange::all(), limit).unwrap() > 0 {}
                    }
                }
                Step::Reopen => {
                    state.0.as_ref().unwrap().flush().unwrap();
                    drop(disk);
                    drop(state.0.take());
                    *state.0 = Some(open());
                    disk = state.0.as_ref().unwrap().open(&name).unwrap();
                    disk.upgrade().unwrap();
                }
            }
            check(&*memory);
            check(&*disk);
        }
        Ok(())
    });
    tried.unwrap();
}

/// What an Innkeeper has left that kept no counts, or one that did not keep them up to the end.
#[test]
fn are_made_where_there_are_none() {
    let data = tempfile::tempdir().unwrap();
    let writes = |range: std::ops::Range<u32>| {
        range
            .map(|id| put(&format!("rooms/{id}"), "value"))
            .collect::<Vec<_>>()
    };
    let commit = |position, writes| Commit {
        position,
        header: header(""),
        writes,
        events: Vec::new(),
    };
    let range = KeyRange::prefix("rooms/");
    {
        let store = SledStore::open(data.path(), 8 << 20).unwrap();
        let journal = store.open("room").unwrap();
        journal
            .append(&[commit(1, writes(0..500))], journal.newest().unwrap())
            .unwrap();
        store.flush().unwrap();
    }
    for (lost, expected) in [
        (vec![key::counted(), key::count(0, b"rooms/")], 500),
        (vec![key::counted()], 500),
    ] {
        let db = opened(&data.path().join("journal"));
        let tree = db.open_tree("room").unwrap();
        lost.iter()
            .for_each(|key| assert!(tree.remove(key).unwrap().is_some()));
        db.flush().unwrap();
        drop((tree, db));
        let store = SledStore::open(data.path(), 8 << 20).unwrap();
        let journal = store.open("room").unwrap();
        journal.upgrade().unwrap();
        assert_eq!(journal.kept_count(STATE, &range).unwrap(), Some(expected));
        assert_eq!(journal.usage(0).unwrap(), looked_at(&*journal, 0));
        store.flush().unwrap();
    }
}

/// Quotas are compared with what is there, also within a group.
#[tokio::test]
async fn what_may_be_kept_is_kept_and_no_more() {
    let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
    let ledger = committer.open("room", Durability::Relaxed).unwrap();
    let quota = Quota {
        generation: 0,
        bytes: u64::MAX,
        keys: 50,
        timers: u64::MAX,
        commits: u64::MAX,
    };
    let commit = async |writes: Vec<Write>| {
        let unit = blind(&ledger, "unit", writes);
        ledger.commit_within(unit, None, Some(quota)).await
    };
    let one = |number: u32| vec![put(&format!("rooms/{number}"), "value")];
    let inserts = (0..200).map(|number| commit(one(number % 100)));
    let answers = futures::future::join_all(inserts).await;
    let full = Error::QuotaExceeded {
        resource: Resource::Keys,
        limit: 50,
    };
    let refused = CommitError::Journal(full);
    assert!(answers[..50].iter().all(Result::is_ok));
    assert!(
        answers[50..100]
            .iter()
            .all(|answer| *answer == Err(refused.clone()))
    );
    // Those that are there already.
    assert!(answers[100..150].iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(ledger.usage(0).unwrap().keys, 50);
    // One for another is no more; and nobody holds the host itself to it.
    let removal = Write {
        value: None,
        ..put("rooms/1", "")
    };
    commit([one(70), vec![removal]].concat()).await.unwrap();
    ledger
        .commit(blind(&ledger, "host", one(80)))
        .await
        .unwrap();
    assert_eq!(ledger.usage(0).unwrap().keys, 51);
    assert_eq!(commit(one(81)).await, Err(refused));
    commit(one(70)).await.unwrap();
}

/// Between two looks at the journal what is kept is estimated. Commits that are larger than their estimate do not add up beyond the quota.
#[tokio::test]
async fn small_commits_with_long_ids_do_not_pass_the_quota_unnoticed() {
    const MOST: u64 = 400_000;
    let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
    let ledger = committer.open("room", Durability::Relaxed).unwrap();
    let quota = Quota {
        generation: 0,
        bytes: MOST,
        keys: u64::MAX,
        timers: u64::MAX,
        commits: u64::MAX,
    };
    let mut commits = 0;
    loop {
        let mut unit = blind(&ledger, "unit", vec![put(&format!("rooms/{commits}"), "")]);
        unit.header.correlation_id = story(&"c".repeat(1_000));
        match ledger.commit_within(unit, None, Some(quota)).await {
            Ok(_) => commits += 1,
            Err(CommitError::Journal(Error::QuotaExceeded { .. })) => break,
            Err(error) => panic!("{error}"),
        }
        assert!(commits < 10_000, "there is no end");
    }
    let kept = ledger.usage(0).unwrap().bytes;
    // A commit is measured by about what it adds.
    let about = MOST * 9 / 10..=MOST * 101 / 100;
    assert!(about.contains(&kept), "{kept} bytes");
}

/// At the limit what was begun can end: a follower goes on, an answer is kept, an intent comes and goes. What a guest adds is refused.
#[tokio::test]
async fn what_adds_nothing_goes_on_where_no_more_may_be_kept() {
    const MOST: u64 = 200_000;
    let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
    let ledger = committer.open("room", Durability::Relaxed).unwrap();
    let quota = Quota {
        generation: 0,
        bytes: MOST,
        keys: u64::MAX,
        timers: u64::MAX,
        commits: u64::MAX,
    };
    let commit = async |writes: Vec<Write>, events: Vec<Event>| {
        let unit = Unit {
            events,
            ..blind(&ledger, "unit", writes)
        };
        ledger.commit_within(unit, None, Some(quota)).await
    };
    let row = |number: u32, bytes: usize| put(&format!("rooms/{number}"), &"x".repeat(bytes));
    let of = |space: Space, key: &str, value: Option<usize>| Write {
        space,
        key: key.as_bytes().to_vec(),
        value: value.map(|bytes| vec![b'x'; bytes]),
    };
    let mut rows = 0;
    while commit(vec![row(rows, 1_000)], Vec::new()).await.is_ok() {
        rows += 1;
        assert!(rows < 1_000, "there is no end");
    }
    // What is left is little.
    while commit(vec![row(10_000 + rows, 0)], Vec::new())
        .await
        .is_ok()
    {
        rows += 1;
    }
    let refused = CommitError::Journal(Error::QuotaExceeded {
        resource: Resource::Bytes,
        limit: MOST,
    });
    let hosts = [
        of(Space::Cursor, "0/room/1", Some(16)),
        of(Space::Result, "call", Some(100)),
        of(Space::Intent, "run", Some(100)),
        of(Space::Intent, "run", None),
        of(Space::DeadLetter, "letter", Some(300)),
        of(Space::Compensation, "undo", Some(50)),
    ];
    for (number, host) in (0..).zip(&hosts) {
        let host = || host.clone();
        // Alone, with as much as before, with one row for another, and with less.
        commit(vec![host()], Vec::new()).await.unwrap();
        commit(vec![host(), row(20, 1_000)], Vec::new())
            .await
            .unwrap();
        let removed = of(STATE, &format!("rooms/{number}"), None);
        commit(vec![host(), row(900 + number, 990), removed], Vec::new())
            .await
            .unwrap();
        let timer = of(Space::Timer, "timer", Some(20));
        let events = vec![event("happened", "room")];
        for (writes, events) in [
            (vec![host(), row(21, 1_001)], Vec::new()),
            (vec![host(), row(9_999, 0)], Vec::new()),
            (vec![host(), timer], Vec::new()),
            (vec![host()], events),
        ] {
            assert_eq!(commit(writes, events).await, Err(refused.clone()));
        }
    }
    // Not for ever.
    let mut last = Ok(0);
    for number in 0..1_000 {
        let result = of(Space::Result, &format!("call {number}"), Some(100));
        last = commit(vec![result], Vec::new()).await;
        if last.is_err() {
            break;
        }
    }
    assert_eq!(last, Err(refused));
    let bytes = ledger.usage(0).unwrap().bytes;
    assert!((MOST..=MOST + MOST / 10).contains(&bytes), "{bytes}");
}

/// Wherever a sweep is cut off, what is kept is known, and the next one finds the rest.
#[test]
fn are_exact_wherever_a_sweep_ends() {
    for space in [Space::Cursor, Space::DeadLetter, Space::Result] {
        for ends in 0..40 {
            let journal = FailingTree::default();
            let writes = (0..10).map(|number| Write {
                space,
                key: format!("{number}").into_bytes(),
                value: Some(vec![b'x'; 100]),
            });
            let commit = Commit {
                position: 1,
                header: header("fill"),
                writes: writes.collect(),
                events: Vec::new(),
            };
            journal.append(&[commit], Link::default()).unwrap();
            let full = journal.usage(0).unwrap();
            journal.end_after(ends);
            let sweep = || journal.sweep(space, &KeyRange::all(), 3);
            while sweep().is_ok_and(|swept| swept > 0) {}
            assert_eq!(journal.usage(0).unwrap(), looked_at(&journal, 0), "{ends}");
            journal.end_after(usize::MAX);
            while sweep().unwrap() > 0 {}
            let swept = journal.usage(0).unwrap();
            assert_eq!(swept, looked_at(&journal, 0), "{ends}");
            assert!(swept.bytes < full.bytes);
        }
    }
}

#[test]
fn inserts_do_not_collide_and_whoever_counted_does() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Flush).unwrap();
        let began = ledger.applied();
        let insert = |key: &str| Unit {
            began,
            ..blind(&ledger, key, vec![put(key, "value")])
        };
        let range = KeyRange::prefix("rooms/");
        let mut counted = insert("totals/1");
        counted.reads.note_range(STATE, &range);
        assert_eq!(ledger.count(STATE, &range).unwrap(), 0);
        assert_eq!(ledger.commit(insert("rooms/1")).await, Ok(1));
        assert_eq!(ledger.commit(insert("rooms/2")).await, Ok(2));
        let late = ledger.commit(counted).await;
        assert!(
            matches!(late, Err(CommitError::Conflict { .. })),
            "{late:?}"
        );
        assert_eq!(ledger.count(STATE, &range).unwrap(), 2);
        assert_eq!(ledger.contended(1)[0].conflicts, 1);
    });
}

#[test]
fn only_whole_tables_are_kept() {
    let journal = MemoryStore::new().open("memory").unwrap();
    let kept = |start: &str, end: Option<&str>| {
        let range = KeyRange::new(start, end.map(|end| end.as_bytes().to_vec()));
        journal.kept_count(STATE, &range).unwrap().is_some()
    };
    assert!(kept("rooms/", Some("rooms0")));
    for (start, end) in [
        ("rooms/", None),
        ("rooms/", Some("rooms1")),
        ("rooms/1", Some("rooms0")),
        ("rooms/1/", Some("rooms/10")),
        ("rooms", Some("roomt")),
        ("", Some("rooms0")),
    ] {
        assert!(!kept(start, end), "{start} {end:?}");
    }
    let range = KeyRange::prefix("rooms/");
    assert_eq!(journal.kept_count(Space::Result, &range).unwrap(), None);
}

#[tokio::test]
async fn long_ranges_are_read_in_slices() {
    let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
    let ledger = committer.open("room", Durability::Relaxed).unwrap();
    for step in 0..10 {
        let writes = (0..2_000)
            .map(|id| put(&format!("rooms/{step}/{id:04}"), "value"))
            .collect();
        ledger.commit(blind(&ledger, "fill", writes)).await.unwrap();
    }
    let range = KeyRange::all();
    for (entries, bytes) in [
        (0, 9),
        (1, 9),
        (255, usize::MAX),
        (5_000, usize::MAX),
        (30_000, usize::MAX),
        (30_000, 40_000),
        (30_000, 1),
    ] {
        for direction in [Direction::Forwards, Direction::Backwards] {
            let bounds = Bounds { entries, bytes };
            let whole = ledger
                .scan_within(STATE, &range, bounds, direction)
                .unwrap();
            let sliced = ledger
                .scan_in_slices(STATE, &range, bounds, direction)
                .await
                .unwrap();
            assert_eq!(whole, sliced, "{bounds:?} {direction:?}");
        }
    }
    for limit in [1, 1_024, 1_025, 20_000, 20_001] {
        let whole = ledger.journal().count_within(STATE, &range, limit).unwrap();
        let sliced = ledger.count_in_slices(STATE, &range, limit).await.unwrap();
        assert_eq!(whole, sliced, "{limit}");
    }
}

/// The engine's own files; it lets go of them a moment after it was dropped.
fn opened(directory: &std::path::Path) -> ::sled::Db {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let opened = ::sled::Config::new()
            .path(directory)
            .segment_size(16 << 20)
            .open();
        match opened {
            Ok(db) => return db,
            Err(error) if std::time::Instant::now() > end => panic!("{error}"),
            Err(_) => std::thread::yield_now(),
        }
    }
}
