//! Sagas: watched from start to end, and told when they are stuck.

use innkeeper::events::saga::{self, Saga, SagaState};
use innkeeper::journal::{Event, lane_of};
use innkeeper::manifest::HOST_SOURCE;
use serde_json::{Value, json};

use crate::inn::{Inn, eventually};

fn app(timeout: &str) -> String {
    format!(
        "[context.room]\ncomponent = ROOM\n[saga.stay]\nstarts = \"room.RoomRegistered\"\ncompletes = [\"room.RoomModified\"]\ncompensates = [\"room.RoomDeleted\"]\ntimeout = \"{timeout}\""
    )
}

async fn register(inn: &Inn, correlation_id: &str) -> u64 {
    let body = json!({"desc": "a room"});
    let (status, room) = inn
        .ask_as("room", "POST", "/rooms", 0, body, correlation_id)
        .await;
    assert_eq!(status, 201);
    room["roomId"].as_u64().unwrap()
}

async fn known(inn: &Inn, state: Option<SagaState>, count: usize) -> Vec<Saga> {
    eventually(async || {
        let sagas = saga::list(&inn.host.events, Some("stay"), state, 100).unwrap();
        let found = format!("{sagas:?}");
        (sagas.len() == count).then_some(sagas).ok_or(found)
    })
    .await
}

fn timeouts(inn: &Inn, correlation_id: &str) -> Vec<Event> {
    let ledger = inn.host.ledger(HOST_SOURCE).unwrap();
    let lane = lane_of(correlation_id);
    let events = ledger.journal().events(lane, None, u64::MAX, 100).unwrap();
    events.into_iter().map(|(_, event)| event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saga_ends_completed_or_compensated() {
    let inn = Inn::open(&app("60s")).await;
    let first = register(&inn, "first").await;
    let second = register(&inn, "second").await;
    register(&inn, "third").await;
    let running = known(&inn, Some(SagaState::Running), 3).await;
    assert!(
        running
            .iter()
            .all(|saga| saga.deadline == saga.started_at + 60_000)
    );
    inn.ask_as(
        "room",
        "PATCH",
        "/rooms/{id}",
        first,
        json!({"desc": "better"}),
        "first",
    )
    .await;
    inn.ask_as(
        "room",
        "DELETE",
        "/rooms/{id}",
        second,
        Value::Null,
        "second",
    )
    .await;
    let completed = known(&inn, Some(SagaState::Completed), 1).await;
    assert_eq!(
        (
            completed[0].correlation_id.as_str(),
            completed[0].subject.as_str()
        ),
        ("first", "1")
    );
    assert!(completed[0].ended_by.is_some());
    let compensated = known(&inn, Some(SagaState::Compensated), 1).await;
    assert_eq!(compensated[0].correlation_id, "second");
    let inn = inn.reopen().await;
    let all = known(&inn, None, 3).await;
    assert_eq!(
        saga::list(&inn.host.events, None, None, 2).unwrap(),
        all[..2]
    );
    assert_eq!(
        saga::list(&inn.host.events, Some("other"), None, 2).unwrap(),
        []
    );
    inn.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_saga_is_told_once_and_may_still_end() {
    let inn = Inn::open(&app("300ms")).await;
    let room = register(&inn, "stuck").await;
    let quick = register(&inn, "quick").await;
    inn.ask_as(
        "room",
        "PATCH",
        "/rooms/{id}",
        quick,
        json!({"desc": "better"}),
        "quick",
    )
    .await;
    let stuck = known(&inn, Some(SagaState::TimedOut), 1).await.remove(0);
    assert_eq!(stuck.correlation_id, "stuck");
    let told = timeouts(&inn, "stuck");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, "SagaTimedOut");
    assert!(told[0].time >= stuck.started_at + 300);
    let data: Value = serde_json::from_slice(&told[0].data).unwrap();
    assert_eq!(
        data,
        json!({"saga": "stay", "correlationId": "stuck", "startedAt": stuck.started_at, "subject": room.to_string(), "key": room.to_string()})
    );
    assert_eq!(timeouts(&inn, "quick"), []);

    let inn = inn.reopen().await;
    inn.ask_as("room", "DELETE", "/rooms/{id}", room, Value::Null, "stuck")
        .await;
    let ended = known(&inn, Some(SagaState::Compensated), 1).await.remove(0);
    assert_eq!(ended.timed_out_at, stuck.timed_out_at);
    assert_eq!(timeouts(&inn, "stuck").len(), 1);
    inn.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passed_while_the_host_was_away_is_seen_at_its_return() {
    let inn = Inn::open(&app("1s")).await;
    register(&inn, "c").await;
    known(&inn, Some(SagaState::Running), 1).await;
    let inn = inn.reopen().await;
    known(&inn, Some(SagaState::TimedOut), 1).await;
    assert_eq!(timeouts(&inn, "c").len(), 1);
    inn.host.stop().await;
}
