//! Calls that lead to calls: what is undone below is not taken for done.

use std::time::Duration;

use innkeeper::events::dead_letter;
use innkeeper::invocation;
use innkeeper::journal::{Event, KeyRange, Space};
use serde_json::{Value, json};

use crate::test_host::{TestHost, eventually, room_event};

/// A porter who has the steward book a room whenever a bell is rung, and who comes again that often.
fn app(porter: &str, mood: &str, attempts: u32) -> String {
    format!(
        "[context.bell]\ncomponent = BELL\n[context.room]\ncomponent = ROOM\n[context.payment]\ncomponent = PAYMENT\n\
         [context.steward]\ncomponent = STEWARD\n[context.steward.config]\nmood = \"{mood}\"\n\
         [context.porter]\ncomponent = {porter}\n\
         [context.porter.follow]\nattempts = {attempts}\ninitial_backoff = \"1ms\"\nmax_backoff = \"10ms\"\n"
    )
}

/// A new room.
async fn room(test_host: &TestHost) -> u64 {
    let body = json!({"desc": "a room"});
    let (status, room) = test_host.ask("room", "POST", "/rooms", 0, body).await;
    assert_eq!(status, 201);
    room["roomId"].as_u64().unwrap()
}

async fn status(test_host: &TestHost, room: u64) -> Value {
    let (_, room) = test_host
        .ask("room", "GET", "/rooms/{id}", room, Value::Null)
        .await;
    room["status"].clone()
}

async fn ring(test_host: &TestHost, bell: u64) {
    let wish = json!({"number": 1});
    let (status, _) = test_host
        .ask("bell", "POST", "/bells/{bell}/rings", bell, wish)
        .await;
    assert_eq!(status, 200);
}

/// How many keys there are.
fn count(test_host: &TestHost, context: &str, space: Space, range: &KeyRange) -> u64 {
    test_host
        .context(context)
        .ledger
        .count(space, range)
        .unwrap()
}

/// Waits until as much of room has been undone at least.
async fn undone(test_host: &TestHost, least: u64) {
    eventually(async || {
        let undone = count(test_host, "room", Space::Result, &KeyRange::prefix("undo:"));
        (undone >= least).then_some(()).ok_or(undone)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_abandoned_call_had_called_is_called_anew() {
    let test_host = TestHost::open(&app("PORTER", "refuse", 1_000)).await;
    let room = room(&test_host).await;
    ring(&test_host, room).await;
    undone(&test_host, 1).await;
    // The room has been released for good: now that the steward would, it is too late.
    let test_host = test_host.reopen_with(&app("PORTER", "", 2)).await;
    let carried = async || {
        test_host
            .ask("porter", "GET", "/carried", 0, Value::Null)
            .await
            .1
    };
    let before = carried().await;
    let letters = eventually(async || {
        let letters = dead_letter::list(test_host.context("porter"), None, 10).unwrap();
        let done = !letters.is_empty() || carried().await != before;
        done.then_some(letters).ok_or("neither booked nor given up")
    })
    .await;
    assert_eq!(letters.len(), 1, "it was booked: {}", carried().await);
    assert!(letters[0].reason.contains("has ended"), "{letters:?}");
    assert_eq!(status(&test_host, room).await, "available");
    let all = KeyRange::all();
    for context in ["porter", "steward"] {
        assert_eq!(
            count(&test_host, context, Space::Intent, &all),
            0,
            "{context}"
        );
        eventually(async || {
            let pending = count(&test_host, context, Space::Compensation, &all);
            (pending == 0).then_some(()).ok_or(pending)
        })
        .await;
    }
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_for_an_event_is_undone_when_it_is_no_longer_followed() {
    let test_host = TestHost::open(&app("PORTER", "dawdle", 1_000)).await;
    let room = room(&test_host).await;
    let bell = Event {
        kind: "BellRung".into(),
        data: json!({"bell": room, "number": 1}).to_string().into_bytes(),
        ..room_event(room, 2)
    };
    test_host.publish("room", vec![bell]).await;
    eventually(async || {
        let status = status(&test_host, room).await;
        (status != "available").then_some(()).ok_or(status)
    })
    .await;
    // Who comes next follows the same source, and no bells.
    let test_host = test_host.reopen_with(&app("VIEWPAGE", "dawdle", 2)).await;
    undone(&test_host, 1).await;
    assert_eq!(status(&test_host, room).await, "available");
    assert_eq!(dead_letter::count(test_host.context("porter")), Ok(0));
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_asked_whether_it_is_ready_cannot_call() {
    let test_host = TestHost::open(&app("PORTER", "", 2)).await;
    assert_eq!(room(&test_host).await, 1);
    let porter = test_host.context("porter");
    let version = porter.version().unwrap();
    let time = Duration::from_secs(5);
    let ready = invocation::check_health(
        &test_host.host.invoker,
        porter,
        &version,
        porter.generation(),
        invocation::Check::Ready,
        time,
    )
    .await;
    assert_eq!(ready, Ok(Ok(())));
    assert_eq!(status(&test_host, 1).await, "available");
    test_host.host.stop().await;
}
