//! Following: in order, once, from where it was.

use innkeeper::events;
use serde_json::{Value, json};

use crate::test_host::{TestHost, eventually, room_event};

const BELL: &str = "[context.bell]\ncomponent = BELL";

async fn heard(test_host: &TestHost, bell: u64) -> Value {
    let (_, heard) = test_host
        .ask("bell", "GET", "/bells/{bell}", bell, Value::Null)
        .await;
    heard["numbers"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_handled_once_and_in_order_over_several_lives() {
    let mut test_host = TestHost::open(BELL).await;
    let mut expected = Vec::new();
    for life in 0..3 {
        let numbers = life * 20..life * 20 + 20;
        for number in numbers.clone() {
            for bell in 1..=5 {
                let wish = json!({"number": number});
                let (status, _) = test_host
                    .ask("bell", "POST", "/bells/{bell}/rings", bell, wish)
                    .await;
                assert_eq!(status, 200);
            }
        }
        expected.extend(numbers);
        // It is stopped while it still follows.
        test_host = test_host.reopen().await;
    }
    for bell in 1..=5 {
        eventually(async || {
            let heard = heard(&test_host, bell).await;
            (heard == json!(expected)).then_some(()).ok_or(heard)
        })
        .await;
    }
    // A follower notes where it is a moment after what it did can be seen.
    eventually(async || {
        let lag = events::lag(&test_host.host.events, test_host.context("bell")).unwrap();
        let none = lag.iter().all(|lag| lag.events == 0);
        none.then_some(()).ok_or(format!("{lag:?}"))
    })
    .await;
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_forgets_is_followed_from_its_new_beginning() {
    let app = "[context.room]\ncomponent = ROOM\njournal = \"memory\"\n[context.viewpage]\ncomponent = VIEWPAGE";
    let test_host = TestHost::open(app).await;
    let rooms = |first: u64| {
        (first..first + 40)
            .map(|room| room_event(room, 1))
            .collect()
    };
    let shows = async |test_host: &TestHost, room: u64| {
        eventually(async || {
            let (status, view) = test_host
                .ask("viewpage", "GET", "/roomviews/{id}", room, Value::Null)
                .await;
            (status == 200).then_some(()).ok_or(view)
        })
        .await;
    };
    for first in [1, 41, 81] {
        test_host.publish("room", rooms(first)).await;
    }
    for room in 1..=120 {
        shows(&test_host, room).await;
    }
    let test_host = test_host.reopen().await;
    shows(&test_host, 1).await;
    // Fewer commits than before: they lie before where the cursors stood.
    test_host.publish("room", rooms(201)).await;
    for room in 201..=240 {
        shows(&test_host, room).await;
    }
    test_host.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_followed_is_passed_by() {
    let test_host = TestHost::open(
        "[context.room]\ncomponent = ROOM\n[context.viewpage]\ncomponent = VIEWPAGE",
    )
    .await;
    let mut ignored = room_event(1, 1);
    ignored.kind = "ReviewCreated".into();
    // One lane only, and enough for the cursor to be written without an event that is followed.
    for _ in 0..5 {
        test_host
            .publish("room", vec![ignored.clone(); 1_000])
            .await;
    }
    test_host.publish("room", vec![room_event(1, 1)]).await;
    eventually(async || {
        let (status, view) = test_host
            .ask("viewpage", "GET", "/roomviews/{id}", 1, Value::Null)
            .await;
        (status == 200).then_some(()).ok_or(view)
    })
    .await;
    test_host.host.stop().await;
}
