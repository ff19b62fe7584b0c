//! Rebuilds: the new state is filled while the old one serves, and ends equal.

use std::time::{Duration, Instant};

use innkeeper::events::dead_letter;
use innkeeper::events::lag;
use innkeeper::journal::{Direction, Entry, KeyRange, Space};
use innkeeper::rollout::rebuild::{self, Progress, RebuildError, RebuildState};
use serde_json::Value;

use crate::test_host::{TestHost, eventually, room_event};

const APP: &str = "[context.room]\ncomponent = ROOM\n[context.viewpage]\ncomponent = VIEWPAGE\n[context.bell]\ncomponent = BELL";
const ROOMS: u64 = 500;

/// So many events of each room.
async fn fill(test_host: &TestHost, revisions: u64) {
    for revision in 1..=revisions {
        let events = (1..=ROOMS).map(|room| room_event(room, revision));
        test_host.publish("room", events.collect()).await;
    }
}

async fn caught_up(test_host: &TestHost) {
    eventually(async || {
        let lag = lag(&test_host.host.events, test_host.context("viewpage")).unwrap();
        let behind = lag.iter().any(|lag| lag.events > 0);
        if behind {
            Err(format!("{lag:?}"))
        } else {
            Ok(())
        }
    })
    .await;
}

fn state(test_host: &TestHost, generation: u32) -> Vec<Entry> {
    let ledger = &test_host.context("viewpage").ledger;
    ledger
        .scan(
            Space::State(generation),
            &KeyRange::all(),
            usize::MAX,
            Direction::Forwards,
        )
        .unwrap()
}

async fn done(test_host: &TestHost) -> Progress {
    eventually(async || {
        let progress = rebuild::progress(&test_host.host.deployer, test_host.context("viewpage"))
            .unwrap()
            .unwrap();
        match progress.state {
            RebuildState::Done => Ok(progress),
            _ => Err(format!("{progress:?}")),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_is_rebuilt_while_it_serves() {
    let test_host = TestHost::open(APP).await;
    fill(&test_host, 20).await;
    let mut broken = room_event(7, 1);
    broken.data = b"not what it should be".to_vec();
    test_host.publish("room", vec![broken]).await;
    caught_up(&test_host).await;
    let before = state(&test_host, 0);
    let letters = dead_letter::list(test_host.context("viewpage"), None, 10).unwrap();
    assert_eq!(letters.len(), 1);

    let began = Instant::now();
    rebuild::start(&test_host.host.deployer, test_host.context("viewpage")).unwrap();
    let again = rebuild::start(&test_host.host.deployer, test_host.context("viewpage"));
    assert!(
        matches!(again, Err(RebuildError::UnderWay { .. })),
        "{again:?}"
    );
    let mut seen = 0;
    while test_host.context("viewpage").generation() == 0 {
        let (status, view) = test_host
            .ask("viewpage", "GET", "/roomviews/{id}", 1, Value::Null)
            .await;
        assert_eq!(
            (status, view["desc"].as_str()),
            (200, Some("room 1, revision 20"))
        );
        let progress = rebuild::progress(&test_host.host.deployer, test_host.context("viewpage"))
            .unwrap()
            .unwrap();
        assert!(progress.handled >= seen, "{progress:?} after {seen}");
        seen = progress.handled;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = began.elapsed();
    let progress = done(&test_host).await;
    assert_eq!((progress.handled, progress.total), (10_001, 10_001));
    println!("10,001 events in {took:?}");

    assert_eq!(state(&test_host, 1), before);
    assert_eq!(state(&test_host, 0), []);
    let again = dead_letter::list(test_host.context("viewpage"), None, 10).unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, letters[0].id);

    // The new generation follows on, also after a restart.
    test_host.publish("room", vec![room_event(1, 21)]).await;
    let shows = async |test_host: &TestHost, desc: &str| {
        eventually(async || {
            let (_, view) = test_host
                .ask("viewpage", "GET", "/roomviews/{id}", 1, Value::Null)
                .await;
            (view["desc"] == desc).then_some(()).ok_or(view)
        })
        .await;
    };
    shows(&test_host, "room 1, revision 21").await;
    let test_host = test_host.reopen().await;
    assert_eq!(test_host.context("viewpage").generation(), 1);
    test_host.publish("room", vec![room_event(1, 22)]).await;
    shows(&test_host, "room 1, revision 22").await;
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_come_meanwhile_are_not_lost() {
    let test_host = TestHost::open(APP).await;
    fill(&test_host, 4).await;
    caught_up(&test_host).await;
    rebuild::start(&test_host.host.deployer, test_host.context("viewpage")).unwrap();
    let mut revision = 4;
    while test_host.context("viewpage").generation() == 0 {
        revision += 1;
        let events = (1..=20).map(|room| room_event(room, revision));
        test_host.publish("room", events.collect()).await;
        // As much as it can follow, however fast that is.
        caught_up(&test_host).await;
    }
    done(&test_host).await;
    caught_up(&test_host).await;
    for room in 1..=20 {
        let (_, view) = test_host
            .ask("viewpage", "GET", "/roomviews/{id}", room, Value::Null)
            .await;
        assert_eq!(view["desc"], format!("room {room}, revision {revision}"));
    }
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stop_leaves_of_a_rebuild_is_removed() {
    let test_host = TestHost::open(APP).await;
    fill(&test_host, 20).await;
    caught_up(&test_host).await;
    let before = state(&test_host, 0);
    rebuild::start(&test_host.host.deployer, test_host.context("viewpage")).unwrap();
    eventually(async || {
        let progress = rebuild::progress(&test_host.host.deployer, test_host.context("viewpage"))
            .unwrap()
            .unwrap();
        (progress.handled > 500).then_some(()).ok_or("not yet")
    })
    .await;
    let test_host = test_host.reopen().await;
    if test_host.context("viewpage").generation() == 0 {
        done(&test_host).await;
        assert_eq!(state(&test_host, 0), before);
        assert_eq!(state(&test_host, 1), []);
        // And it can be begun again.
        rebuild::start(&test_host.host.deployer, test_host.context("viewpage")).unwrap();
        done(&test_host).await;
    }
    assert_eq!(state(&test_host, 1), before);
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_projections_are_rebuilt() {
    let test_host = TestHost::open(APP).await;
    for (name, reason) in [("room", "it publishes"), ("bell", "it publishes")] {
        match rebuild::start(&test_host.host.deployer, test_host.context(name)) {
            Err(RebuildError::NotAProjection { reason: found, .. }) => {
                assert!(found.starts_with(reason), "{found}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(
            rebuild::progress(&test_host.host.deployer, test_host.context(name)),
            Ok(None)
        );
    }
    test_host.host.stop().await;
}
