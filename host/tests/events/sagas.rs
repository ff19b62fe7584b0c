//! Sagas: watched from start to end, and told when they are stuck.

use innkeeper::events::saga::{self, Saga, SagaState};
use innkeeper::journal::{Event, lane_of};
use innkeeper::manifest::HOST_SOURCE;
use serde_json::{Value, json};

use crate::test_host::{TestHost, eventually};

fn app(timeout: &str) -> String {
    format!(
        "[context.room]\ncomponent = ROOM\n[saga.stay]\nstarts = \"room.RoomRegistered\"\ncompletes = [\"room.RoomModified\"]\ncompensates = [\"room.RoomDeleted\"]\ntimeout = \"{timeout}\""
    )
}

async fn register(test_host: &TestHost, correlation_id: &str) -> u64 {
    let body = json!({"desc": "a room"});
    let (status, room) = test_host
        .ask_as("room", "POST", "/rooms", 0, body, correlation_id)
        .await;
    assert_eq!(status, 201);
    room["roomId"].as_u64().unwrap()
}

async fn known(test_host: &TestHost, state: Option<SagaState>, count: usize) -> Vec<Saga> {
    eventually(async || {
        let sagas = saga::list(&test_host.host.events, Some("stay"), state, 100).unwrap();
        let found = format!("{sagas:?}");
        (sagas.len() == count).then_some(sagas).ok_or(found)
    })
    .await
}

fn timeouts(test_host: &TestHost, correlation_id: &str) -> Vec<Event> {
    let ledger = test_host.host.ledger(HOST_SOURCE).unwrap();
    let lane = lane_of(correlation_id);
    let events = ledger.journal().events(lane, None, u64::MAX, 100).unwrap();
    events.into_iter().map(|(_, event)| event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saga_ends_completed_or_compensated() {
    let test_host = TestHost::open(&app("60s")).await;
    let first = register(&test_host, "first").await;
    let second = register(&test_host, "second").await;
    register(&test_host, "third").await;
    let running = known(&test_host, Some(SagaState::Running), 3).await;
    assert!(
        running
            .iter()
            .all(|saga| saga.deadline == saga.started_at + 60_000)
    );
    test_host
        .ask_as(
            "room",
            "PATCH",
            "/rooms/{id}",
            first,
            json!({"desc": "better"}),
            "first",
        )
        .await;
    test_host
        .ask_as(
            "room",
            "DELETE",
            "/rooms/{id}",
            second,
            Value::Null,
            "second",
        )
        .await;
    let completed = known(&test_host, Some(SagaState::Completed), 1).await;
    assert_eq!(
        (
            completed[0].correlation_id.as_str(),
            completed[0].subject.as_str()
        ),
        ("first", "1")
    );
    assert!(completed[0].ended_by.is_some());
    let compensated = known(&test_host, Some(SagaState::Compensated), 1).await;
    assert_eq!(compensated[0].correlation_id, "second");
    let test_host = test_host.reopen().await;
    let all = known(&test_host, None, 3).await;
    assert_eq!(
        saga::list(&test_host.host.events, None, None, 2).unwrap(),
        all[..2]
    );
    assert_eq!(
        saga::list(&test_host.host.events, Some("other"), None, 2).unwrap(),
        []
    );
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_saga_is_told_once_and_may_still_end() {
    let test_host = TestHost::open(&app("300ms")).await;
    let room = register(&test_host, "stuck").await;
    let quick = register(&test_host, "quick").await;
    test_host
        .ask_as(
            "room",
            "PATCH",
            "/rooms/{id}",
            quick,
            json!({"desc": "better"}),
            "quick",
        )
        .await;
    let stuck = known(&test_host, Some(SagaState::TimedOut), 1)
        .await
        .remove(0);
    assert_eq!(stuck.correlation_id, "stuck");
    let told = timeouts(&test_host, "stuck");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, "SagaTimedOut");
    assert!(told[0].time >= stuck.started_at + 300);
    let data: Value = serde_json::from_slice(&told[0].data).unwrap();
    assert_eq!(
        data,
        json!({"saga": "stay", "correlationId": "stuck", "startedAt": stuck.started_at, "subject": room.to_string(), "key": room.to_string()})
    );
    assert_eq!(timeouts(&test_host, "quick"), []);

    let test_host = test_host.reopen().await;
    test_host
        .ask_as("room", "DELETE", "/rooms/{id}", room, Value::Null, "stuck")
        .await;
    let ended = known(&test_host, Some(SagaState::Compensated), 1)
        .await
        .remove(0);
    assert_eq!(ended.timed_out_at, stuck.timed_out_at);
    assert_eq!(timeouts(&test_host, "stuck").len(), 1);
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passed_while_the_host_was_away_is_seen_at_its_return() {
    let test_host = TestHost::open(&app("1s")).await;
    register(&test_host, "c").await;
    known(&test_host, Some(SagaState::Running), 1).await;
    let test_host = test_host.reopen().await;
    known(&test_host, Some(SagaState::TimedOut), 1).await;
    assert_eq!(timeouts(&test_host, "c").len(), 1);
    test_host.host.stop().await;
}
