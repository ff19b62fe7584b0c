//! Numbers of a sequence never come twice.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

const TASKS: usize = 8;
const NUMBERS: usize = 2_000;

fn committer(data: &Path) -> (Arc<Committer>, Arc<Ledger>) {
    let store = SledStore::open(data, 8 << 20).unwrap();
    let committer = Committer::start(Arc::new(store), Options::default()).unwrap();
    let ledger = committer.open("reservation", Durability::Flush).unwrap();
    (committer, ledger)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn count_on_without_gaps_after_a_clean_close() {
    let data = tempfile::tempdir().unwrap();
    let (committer, ledger) = self::committer(data.path());
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                (0..NUMBERS)
                    .map(|_| ledger.next_sequence("id").unwrap())
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for task in tasks {
        let ascending = task.await.unwrap();
        assert!(ascending.is_sorted());
        numbers.extend(ascending);
    }
    let all = (TASKS * NUMBERS) as u64;
    assert_eq!(numbers, (1..=all).collect());
    assert_eq!(ledger.next_sequence("other").unwrap(), 1);
    assert_eq!(ledger.next_sequence("forgotten").unwrap(), 1);
    let used = [("id".to_owned(), all), ("other".to_owned(), 1)];
    ledger.secure_sequences(&used).unwrap();
    assert_eq!(ledger.sequence_count(), Ok(2));

    committer.close().await;
    assert_eq!(ledger.next_sequence("id"), Err(Error::Closed));
    assert_eq!(ledger.next_sequence("new"), Err(Error::Closed));
    assert_eq!(
        ledger.secure_sequences(&[("id".to_owned(), all + 100)]),
        Err(Error::Closed)
    );
    drop((committer, ledger));

    let (_committer, ledger) = self::committer(data.path());
    assert_eq!(ledger.next_sequence("id").unwrap(), all + 1);
    assert_eq!(ledger.next_sequence("other").unwrap(), 2);
    assert_eq!(ledger.next_sequence("forgotten").unwrap(), 1);
}

#[test]
fn names_are_few_and_what_was_not_kept_makes_room() {
    let data = tempfile::tempdir().unwrap();
    let (_committer, ledger) = self::committer(data.path());
    ledger.limit_sequences(10);
    let mut given = BTreeSet::new();
    for round in 0..100 {
        // Whoever comes back to a name that was forgotten gets no number of it again.
        for name in [format!("passing {round}"), format!("again {}", round % 7)] {
            let number = ledger.next_sequence(&name).unwrap();
            assert!(given.insert((name, number)));
        }
    }
    assert_eq!(ledger.sequence_count(), Ok(0));
    let full = Error::QuotaExceeded {
        resource: Resource::Sequences,
        limit: 10,
    };
    let draw = |number: u32| {
        let name = format!("kept {number}");
        let drawn = ledger.next_sequence(&name).unwrap();
        (name, drawn)
    };
    for number in 0..8 {
        ledger.secure_sequences(&[draw(number)]).unwrap();
    }
    // For some of them there is room: none is kept.
    let many: Vec<_> = [3, 8, 9, 10].into_iter().map(draw).collect();
    assert_eq!(ledger.secure_sequences(&many), Err(full.clone()));
    assert_eq!(ledger.sequence_count(), Ok(8));
    ledger.secure_sequences(&many[..3]).unwrap();
    assert_eq!(ledger.sequence_count(), Ok(10));
    assert_eq!(ledger.next_sequence("one more"), Err(full.clone()));
    // One that was drawn while there was room.
    let late = ("again 3".to_owned(), 1);
    assert_eq!(ledger.secure_sequences(&[late]), Err(full));
    ledger.next_sequence("kept 3").unwrap();
}

#[tokio::test]
async fn do_not_repeat_what_a_commit_used() {
    let data = tempfile::tempdir().unwrap();
    let (_committer, ledger) = self::committer(data.path());
    let mut used = 0;
    for _ in 0..100 {
        used = ledger.next_sequence("id").unwrap();
    }
    ledger.secure_sequences(&[("id".to_owned(), used)]).unwrap();
    let unit = blind(&ledger, "1", vec![put("used", &used.to_string())]);
    ledger.commit(unit).await.unwrap();

    let crashed = tempfile::tempdir().unwrap();
    recovery::copy(data.path(), crashed.path());
    let (_recovered, ledger) = self::committer(crashed.path());
    assert_eq!(ledger.applied(), 1);
    assert!(ledger.next_sequence("id").unwrap() > used);
}
