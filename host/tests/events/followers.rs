//! Following: in order, once, from where it was.

use innkeeper::events;
use serde_json::{Value, json};

use crate::inn::{Inn, eventually, room_event};

const BELL: &str = "[context.bell]\ncomponent = BELL";

async fn heard(inn: &Inn, bell: u64) -> Value {
    let (_, heard) = inn
        .ask("bell", "GET", "/bells/{bell}", bell, Value::Null)
        .await;
    heard["numbers"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_handled_once_and_in_order_over_several_lives() {
    let mut inn = Inn::open(BELL).await;
    let mut expected = Vec::new();
    for life in 0..3 {
        let numbers = life * 20..life * 20 + 20;
        for number in numbers.clone() {
            for bell in 1..=5 {
                let wish = json!({"number": number});
                let (status, _) = inn
                    .ask("bell", "POST", "/bells/{bell}/rings", bell, wish)
                    .await;
                assert_eq!(status, 200);
            }
        }
        expected.extend(numbers);
        // It is stopped while it still follows.
        inn = inn.reopen().await;
    }
    for bell in 1..=5 {
        eventually(async || {
            let heard = heard(&inn, bell).await;
            (heard == json!(expected)).then_some(()).ok_or(heard)
        })
        .await;
    }
    // A follower notes where it is a moment after what it did can be seen.
    eventually(async || {
        let lag = events::lag(&inn.host.events, inn.context("bell")).unwrap();
        let none = lag.iter().all(|lag| lag.events == 0);
        none.then_some(()).ok_or(format!("{lag:?}"))
    })
    .await;
    inn.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_forgets_is_followed_from_its_new_beginning() {
    let app = "[context.room]\ncomponent = ROOM\njournal = \"memory\"\n[context.viewpage]\ncomponent = VIEWPAGE";
    let inn = Inn::open(app).await;
    let rooms = |first: u64| {
        (first..first + 40)
            .map(|room| room_event(room, 1))
            .collect()
    };
    let shows = async |inn: &Inn, room: u64| {
        eventually(async || {
            let (status, view) = inn
                .ask("viewpage", "GET", "/roomviews/{id}", room, Value::Null)
                .await;
            (status == 200).then_some(()).ok_or(view)
        })
        .await;
    };
    for first in [1, 41, 81] {
        inn.publish("room", rooms(first)).await;
    }
    for room in 1..=120 {
        shows(&inn, room).await;
    }
    let inn = inn.reopen().await;
    shows(&inn, 1).await;
    // Fewer commits than before: they lie before where the cursors stood.
    inn.publish("room", rooms(201)).await;
    for room in 201..=240 {
        shows(&inn, room).await;
    }
    inn.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_followed_is_passed_by() {
    let inn =
        Inn::open("[context.room]\ncomponent = ROOM\n[context.viewpage]\ncomponent = VIEWPAGE")
            .await;
    let mut ignored = room_event(1, 1);
    ignored.kind = "ReviewCreated".into();
    // One lane only, and enough for the cursor to be written without an event that is followed.
    for _ in 0..5 {
        inn.publish("room", vec![ignored.clone(); 1_000]).await;
    }
    inn.publish("room", vec![room_event(1, 1)]).await;
    eventually(async || {
        let (status, view) = inn
            .ask("viewpage", "GET", "/roomviews/{id}", 1, Value::Null)
            .await;
        (status == 200).then_some(()).ok_or(view)
    })
    .await;
    inn.host.stop().await;
}
