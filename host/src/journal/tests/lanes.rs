//! A lane's events reach its followers in order, each once, and only from the disk.

use std::time::Duration;

use super::failing_tree::FailingTree;
use super::*;
use crate::journal::key;

const WRITERS: u64 = 16;
const UNITS: u64 = 40;

/// Reads a lane as a follower does, until it has what `end` says.
async fn follow(
    ledger: Arc<Ledger>,
    lane: u8,
    mut end: tokio::sync::oneshot::Receiver<u64>,
) -> Vec<(EventPosition, Event)> {
    let mut woken = ledger.lane(lane);
    let mut cursor = None;
    let mut read = Vec::new();
    let mut last = None;
    loop {
        let newest = *woken.borrow_and_update();
        let flushed = ledger.flushed();
        assert!(
            newest <= flushed,
            "woken for {newest}, and {flushed} is flushed"
        );
        // In small steps, so that a step can end within a commit.
        let mut fresh = 0;
        loop {
            let step = ledger.journal().events(lane, cursor, flushed, 3).unwrap();
            let Some((position, _)) = step.last() else {
                break;
            };
            cursor = Some(*position);
            fresh += step.len();
            read.extend(step);
        }
        let came = cursor.map_or(0, |position| position.commit);
        assert!(
            came >= newest,
            "woken for {newest}, and there is nothing after {came}"
        );
        let _how_many = fresh;
        if last.is_some_and(|last| came >= last) {
            return read;
        }
        tokio::select! {
            changed = woken.changed() => changed.unwrap(),
            ended = &mut end, if last.is_none() => last = Some(ended.unwrap()),
        }
    }
}

async fn check(store: Arc<dyn Store>, durability: Durability) {
    let options = Options {
        flush_every: Duration::from_millis(2),
        ..Options::default()
    };
    let committer = Committer::start(store, options).unwrap();
    let ledger = committer.open("room", durability).unwrap();
    let (ends, followers): (Vec<_>, Vec<_>) = (0..LANES)
        .map(|lane| {
            let (end, ended) = tokio::sync::oneshot::channel();
            (end, tokio::spawn(follow(ledger.clone(), lane, ended)))
        })
        .unzip();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                for unit in 0..UNITS {
                    let name = format!("{writer}.{unit}");
                    let subject = |index| format!("room {}", (writer * 7 + unit * 3 + index) % 40);
                    let events = (0..unit % 4)
                        .map(|index| event(&format!("{name}.{index}"), &subject(index)));
                    let unit = Unit {
                        events: events.collect(),
                        ..blind(&ledger, &name, Vec::new())
                    };
                    ledger.commit(unit).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    committer.close().await;
    assert_eq!(ledger.flushed(), WRITERS * UNITS);

    let shown = picture(ledger.journal());
    for (lane, end) in (0..LANES).zip(ends) {
        let newest = shown.lane_ends[usize::from(lane)].map_or(0, |position| position.commit);
        assert_eq!(ledger.lane_end(lane), newest);
        end.send(newest).unwrap();
    }
    let mut published = vec![Vec::new(); usize::from(LANES)];
    for (commit, _, events) in &shown.commits {
        for (index, event) in (0..).zip(events) {
            let position = EventPosition {
                commit: *commit,
                index,
            };
            published[usize::from(event.lane())].push((position, event.clone()));
        }
    }
    for (follower, published) in followers.into_iter().zip(published) {
        assert_eq!(follower.await.unwrap(), published);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn are_followed_in_memory() {
    check(Arc::new(MemoryStore::new()), Durability::Flush).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn are_followed_on_disk() {
    let (_data, store) = sled_store();
    check(store, Durability::Flush).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn are_followed_when_relaxed() {
    let (_data, store) = sled_store();
    check(store, Durability::Relaxed).await;
}

#[test]
fn come_up_to_where_their_file_cannot_be_read() {
    const COUNT: u16 = 20;
    let journal = FailingTree::default();
    let commit = Commit {
        position: 1,
        header: header("publish"),
        writes: Vec::new(),
        events: (0..COUNT).map(|_| event("happened", "room")).collect(),
    };
    journal.append(&[commit], Link::default()).unwrap();
    let lane = lane_of("room");
    let read = |after, most| journal.events_within(lane, after, 1, Bounds::entries(most));
    for most in [1, 2, 7, 20, 100] {
        for torn in 0..COUNT {
            let position = EventPosition {
                commit: 1,
                index: torn,
            };
            journal.tear(Some(key::event(lane, position)));
            let (mut found, mut after) = (0, None);
            while let Ok(part) = read(after, most) {
                assert!(part.has_more && !part.events.is_empty());
                found += part.events.len();
                after = part.last();
            }
            assert_eq!(found, usize::from(torn), "{most} at a time");
        }
        journal.tear(None);
        let whole = read(None, most).unwrap();
        assert_eq!(whole.events.len(), most.min(usize::from(COUNT)));
        assert_eq!(whole.has_more, most < usize::from(COUNT));
    }
}
