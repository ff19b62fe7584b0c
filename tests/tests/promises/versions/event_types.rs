//! What events are made of: it is shown, and may grow.

use innkeeper_tests::{TestHost, artifacts, in_a_mood};
use serde_json::Value;

/// What a context says of the data of an event.
async fn made_of(host: &TestHost, context: &str, source: Option<&str>, kind: &str) -> String {
    let shown = host.operators().context(context).await;
    let events = shown["description"]["events"].as_array().cloned();
    let found = events.unwrap_or_default().into_iter().find(|event| {
        event["kind"] == kind && event.get("source").and_then(Value::as_str) == source
    });
    let found = found.unwrap_or_else(|| panic!("{context} does not say what {kind} is: {shown}"));
    found["value"].as_str().expect("a type").to_owned()
}

#[tokio::test]
async fn what_events_are_made_of_is_shown_and_may_grow() {
    let host = TestHost::open().await;
    let told = made_of(&host, "room", None, "RoomRegistered").await;
    assert!(
        told.contains("roomId: u64") && told.contains("rsvId: option<u64>"),
        "{told}"
    );
    // A follower says as much as it reads.
    let read = made_of(&host, "viewpage", Some("room"), "RoomRegistered").await;
    assert!(
        read.contains("desc: string") && !read.contains("lastAction"),
        "{read}"
    );

    // Another field is nobody's trouble: it passes, followers go on, and it is shown.
    let moody = std::fs::read(&artifacts::components().await["room-moody"]);
    let more = in_a_mood(moody.expect("it was built"), "event-field-is-new");
    host.operators().deploy("room", more, "").await.expect(201);
    let told = made_of(&host, "room", None, "RoomRegistered").await;
    assert!(told.contains("stars: u64"), "{told}");
    let room = host.stay().room("with stars").await;
    host.operators().nothing_pending().await;
    assert_eq!(host.stay().view(room).await["desc"], "with stars");
}
