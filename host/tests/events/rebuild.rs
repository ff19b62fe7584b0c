//! Rebuilds: the new state is filled while the old one serves, and ends equal.

use std::time::{Duration, Instant};

use innkeeper::events::dead_letter;
use innkeeper::events::lag;
use innkeeper::journal::{Entry, KeyRange, Space};
use innkeeper::rollout::rebuild::{self, Progress, RebuildError, RebuildState};
use serde_json::Value;

use crate::inn::{Inn, eventually, room_event};

const APP: &str = "[context.room]\ncomponent = ROOM\n[context.viewpage]\ncomponent = VIEWPAGE\n[context.bell]\ncomponent = BELL";
const ROOMS: u64 = 500;

/// So many events of each room.
async fn fill(inn: &Inn, revisions: u64) {
    for revision in 1..=revisions {
        let events = (1..=ROOMS).map(|room| room_event(room, revision));
        inn.publish("room", events.collect()).await;
    }
}

async fn caught_up(inn: &Inn) {
    eventually(async || {
        let lag = lag(&inn.host.events, inn.context("viewpage")).unwrap();
        let behind = lag.iter().any(|lag| lag.events > 0);
        if behind {
            Err(format!("{lag:?}"))
        } else {
            Ok(())
        }
    })
    .await;
}

fn state(inn: &Inn, generation: u32) -> Vec<Entry> {
    let ledger = &inn.context("viewpage").ledger;
    ledger
        .scan(
            Space::State(generation),
            &KeyRange::all(),
            usize::MAX,
            false,
        )
        .unwrap()
}

async fn done(inn: &Inn) -> Progress {
    eventually(async || {
        let progress = rebuild::progress(&inn.host.deployer, inn.context("viewpage"))
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
    let inn = Inn::open(APP).await;
    fill(&inn, 20).await;
    let mut broken = room_event(7, 1);
    broken.data = b"not what it should be".to_vec();
    inn.publish("room", vec![broken]).await;
    caught_up(&inn).await;
    let before = state(&inn, 0);
    let letters = dead_letter::list(inn.context("viewpage"), None, 10).unwrap();
    assert_eq!(letters.len(), 1);

    let began = Instant::now();
    rebuild::start(&inn.host.deployer, inn.context("viewpage")).unwrap();
    let again = rebuild::start(&inn.host.deployer, inn.context("viewpage"));
    assert!(
        matches!(again, Err(RebuildError::UnderWay { .. })),
        "{again:?}"
    );
    let mut seen = 0;
    while inn.context("viewpage").generation() == 0 {
        let (status, view) = inn
            .ask("viewpage", "GET", "/roomviews/{id}", 1, Value::Null)
            .await;
        assert_eq!(
            (status, view["desc"].as_str()),
            (200, Some("room 1, revision 20"))
        );
        let progress = rebuild::progress(&inn.host.deployer, inn.context("viewpage"))
            .unwrap()
            .unwrap();
        assert!(progress.handled >= seen, "{progress:?} after {seen}");
        seen = progress.handled;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = began.elapsed();
    let progress = done(&inn).await;
    assert_eq!((progress.handled, progress.total), (10_001, 10_001));
    println!("10,001 events in {took:?}");

    assert_eq!(state(&inn, 1), before);
    assert_eq!(state(&inn, 0), []);
    let again = dead_letter::list(inn.context("viewpage"), None, 10).unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, letters[0].id);

    // The new generation follows on, also after a restart.
    inn.publish("room", vec![room_event(1, 21)]).await;
    let shows = async |inn: &Inn, desc: &str| {
        eventually(async || {
            let (_, view) = inn
                .ask("viewpage", "GET", "/roomviews/{id}", 1, Value::Null)
                .await;
            (view["desc"] == desc).then_some(()).ok_or(view)
        })
        .await;
    };
    shows(&inn, "room 1, revision 21").await;
    let inn = inn.reopen().await;
    assert_eq!(inn.context("viewpage").generation(), 1);
    inn.publish("room", vec![room_event(1, 22)]).await;
    shows(&inn, "room 1, revision 22").await;
    inn.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_come_meanwhile_are_not_lost() {
    let inn = Inn::open(APP).await;
    fill(&inn, 4).await;
    caught_up(&inn).await;
    rebuild::start(&inn.host.deployer, inn.context("viewpage")).unwrap();
    let mut revision = 4;
    while inn.context("viewpage").generation() == 0 {
        revision += 1;
        let events = (1..=20).map(|room| room_event(room, revision));
        inn.publish("room", events.collect()).await;
        // As much as it can follow, however fast that is.
        caught_up(&inn).await;
    }
    done(&inn).await;
    caught_up(&inn).await;
    for room in 1..=20 {
        let (_, view) = inn
            .ask("viewpage", "GET", "/roomviews/{id}", room, Value::Null)
            .await;
        assert_eq!(view["desc"], format!("room {room}, revision {revision}"));
    }
    inn.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stop_leaves_of_a_rebuild_is_removed() {
    let inn = Inn::open(APP).await;
    fill(&inn, 20).await;
    caught_up(&inn).await;
    let before = state(&inn, 0);
    rebuild::start(&inn.host.deployer, inn.context("viewpage")).unwrap();
    eventually(async || {
        let progress = rebuild::progress(&inn.host.deployer, inn.context("viewpage"))
            .unwrap()
            .unwrap();
        (progress.handled > 500).then_some(()).ok_or("not yet")
    })
    .await;
    let inn = inn.reopen().await;
    if inn.context("viewpage").generation() == 0 {
        done(&inn).await;
        assert_eq!(state(&inn, 0), before);
        assert_eq!(state(&inn, 1), []);
        // And it can be begun again.
        rebuild::start(&inn.host.deployer, inn.context("viewpage")).unwrap();
        done(&inn).await;
    }
    assert_eq!(state(&inn, 1), before);
    inn.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_projections_are_rebuilt() {
    let inn = Inn::open(APP).await;
    for (name, reason) in [("room", "it publishes"), ("bell", "it publishes")] {
        match rebuild::start(&inn.host.deployer, inn.context(name)) {
            Err(RebuildError::NotAProjection { reason: found, .. }) => {
                assert!(found.starts_with(reason), "{found}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(
            rebuild::progress(&inn.host.deployer, inn.context(name)),
            Ok(None)
        );
    }
    inn.host.stop().await;
}
