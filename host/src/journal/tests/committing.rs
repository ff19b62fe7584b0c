//! What becomes of a unit of work.

use std::time::Duration;

use super::*;

fn start() -> (Arc<Committer>, Arc<Ledger>) {
    let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
    let ledger = committer.open("room", Durability::Flush).unwrap();
    (committer, ledger)
}

fn after_reading(ledger: &Ledger, key: &str, writes: Vec<Write>) -> Unit {
    let mut unit = blind(ledger, "reader", writes);
    unit.reads.note_key(STATE, key.as_bytes());
    unit
}

#[tokio::test]
async fn a_conflict_names_the_key() {
    let (_committer, ledger) = start();
    let mut late = after_reading(&ledger, "room 7", vec![put("room 8", "free")]);
    late.reads.note_key(Space::Result, b"call");
    ledger
        .commit(blind(
            &ledger,
            "1",
            vec![put("room 6", "taken"), put("room 7", "taken")],
        ))
        .await
        .unwrap();
    let conflict = CommitError::Conflict {
        space: STATE,
        key: b"room 7".to_vec(),
    };
    assert_eq!(
        ledger.settle(late.began, &late.reads).await,
        Err(conflict.clone())
    );
    assert_eq!(ledger.commit(late).await, Err(conflict));
    assert_eq!(ledger.applied(), 1);
    let again = after_reading(&ledger, "room 7", vec![put("room 8", "free")]);
    assert_eq!(ledger.commit(again).await, Ok(2));
}

#[tokio::test]
async fn a_conflict_is_found_within_a_group() {
    let (_committer, ledger) = start();
    let began = |_| after_reading(&ledger, "room 7", vec![put("room 7", "taken")]);
    let units = (0..50).map(began).map(|unit| ledger.commit(unit));
    let answers = futures::future::join_all(units).await;
    assert_eq!(answers[0], Ok(1));
    assert!(
        answers[1..]
            .iter()
            .all(|answer| matches!(answer, Err(CommitError::Conflict { .. })))
    );
}

#[tokio::test]
async fn spaces_do_not_conflict_with_each_other() {
    let (_committer, ledger) = start();
    let other = after_reading(&ledger, "room 7", vec![put("x", "")]);
    let cursor = Write {
        space: Space::Cursor,
        ..put("room 7", "")
    };
    ledger
        .commit(blind(&ledger, "1", vec![cursor]))
        .await
        .unwrap();
    assert_eq!(ledger.commit(other).await, Ok(2));
}

#[tokio::test]
async fn a_dropped_commit_is_decided_by_the_barrier() {
    let (_committer, ledger) = start();
    for round in 1..=50 {
        let name = format!("unit {round}");
        let commit = ledger.commit(blind(&ledger, &name, vec![put("key", &name)]));
        let _patience = tokio::time::timeout(Duration::ZERO, commit).await;
        ledger.barrier().await.unwrap();
        assert_eq!(ledger.applied(), round);
        assert_eq!(ledger.get(STATE, b"key").unwrap(), Some(name.into_bytes()));
    }
}

#[tokio::test]
async fn contexts_have_positions_of_their_own() {
    let (committer, room) = start();
    let payment = committer.open("payment", Durability::Flush).unwrap();
    let units = (0..20).map(|number| {
        let ledger = if number % 2 == 0 { &room } else { &payment };
        ledger.commit(blind(
            ledger,
            &number.to_string(),
            vec![put("key", "value")],
        ))
    });
    let answers = futures::future::join_all(units).await;
    let positions: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        positions,
        (1..=10)
            .flat_map(|position| [position, position])
            .collect::<Vec<_>>()
    );
    assert!(Arc::ptr_eq(
        &room,
        &committer.open("room", Durability::Relaxed).unwrap()
    ));
}

#[tokio::test]
async fn more_events_than_a_commit_holds_are_refused() {
    let (_committer, ledger) = start();
    let events = vec![event("1", "room"); 65_537];
    let unit = Unit {
        events,
        ..blind(&ledger, "1", Vec::new())
    };
    let refused = CommitError::Journal(Error::TooManyEvents {
        events: 65_537,
        limit: 65_536,
    });
    assert_eq!(ledger.commit(unit).await, Err(refused));
    let events = vec![event("1", "room"); 65_536];
    let unit = Unit {
        events,
        ..blind(&ledger, "1", Vec::new())
    };
    assert_eq!(ledger.commit(unit).await, Ok(1));
    let (_, _, events) = ledger.journal().commits(0, 1).unwrap().remove(0);
    assert_eq!(events.len(), 65_536);
}

#[tokio::test]
async fn a_unit_that_is_larger_than_a_commit_may_be_is_refused() {
    let (_committer, ledger) = start();
    let large = |bytes: usize| Write {
        space: STATE,
        key: b"large".to_vec(),
        value: Some(vec![1; bytes]),
    };
    let unit = blind(&ledger, "1", vec![large(LARGEST_COMMIT)]);
    let refused = ledger.commit(unit).await.unwrap_err();
    assert!(
        matches!(refused, CommitError::Journal(Error::TooLarge { bytes, limit: LARGEST_COMMIT }) if bytes > LARGEST_COMMIT),
        "{refused}"
    );
    let halves = vec![event("1", "room"), event("2", "room")];
    let halves = halves.into_iter().map(|event| Event {
        data: vec![1; LARGEST_COMMIT / 2],
        ..event
    });
    let unit = Unit {
        events: halves.collect(),
        ..blind(&ledger, "1", Vec::new())
    };
    let refused = ledger.commit(unit).await.unwrap_err();
    assert!(
        matches!(refused, CommitError::Journal(Error::TooLarge { .. })),
        "{refused}"
    );
    let unit = blind(&ledger, "1", vec![large(LARGEST_COMMIT - 1_000)]);
    assert_eq!(ledger.commit(unit).await, Ok(1));
}

#[tokio::test]
async fn merges_of_one_key_are_added_up_without_a_conflict_whoever_is_in_the_group() {
    fn append(before: Option<&[u8]>, operand: &[u8]) -> Result<Vec<u8>, String> {
        let before = before.unwrap_or_default();
        match operand {
            b"!" => Err(format!("{} is enough", before.len())),
            operand => Ok([before, operand].concat()),
        }
    }
    let merge = |operand: &[u8]| Merge {
        space: STATE,
        key: b"tally".to_vec(),
        operand: operand.to_vec(),
        operator: append,
    };
    let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
    let ledger = committer.open("room", Durability::Flush).unwrap();
    let commit = |unit, operand: &'static [u8]| {
        ledger.commit_merging(unit, vec![merge(operand)], None, None)
    };
    // All of them began before any was committed.
    let units: Vec<_> = (0..300)
        .map(|number| {
            blind(
                &ledger,
                &number.to_string(),
                vec![put(&number.to_string(), "")],
            )
        })
        .collect();
    let ended = futures::future::join_all(units.into_iter().map(|unit| commit(unit, b"|")));
    assert!(ended.await.iter().all(Result::is_ok));
    let value = |ledger: &Ledger| ledger.get(STATE, b"tally").unwrap().unwrap().len();
    assert_eq!(value(&ledger), 300);

    // Who has read it does conflict; and what cannot be merged is no commit.
    let mut outdated = blind(&ledger, "outdated", vec![put("other", "")]);
    outdated.reads.note_key(STATE, b"tally");
    commit(blind(&ledger, "later", Vec::new()), b"|")
        .await
        .unwrap();
    assert!(matches!(
        commit(outdated, b"|").await,
        Err(CommitError::Conflict { .. })
    ));
    let reason = "301 is enough".to_owned();
    assert_eq!(
        commit(blind(&ledger, "refused", vec![put("other", "")]), b"!").await,
        Err(CommitError::Journal(Error::NotMerged { reason }))
    );
    assert_eq!(ledger.get(STATE, b"other"), Ok(None));
    assert_eq!(value(&ledger), 301);
}
