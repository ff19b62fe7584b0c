//! What events are made of: it is shown, and may grow.

use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Settings, TestHost, artifacts, eventually, in_a_mood, is_left_out};
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

/// Room in a mood.
async fn room_in(mood: &str) -> Vec<u8> {
    let moody = std::fs::read(&artifacts::components().await["room-moody"]);
    in_a_mood(moody.expect("it was built"), mood)
}

/// The reason for which room is refused in a mood at the gate `events`.
async fn refused(host: &TestHost, context: &str, mood: &str) -> String {
    let deployed = host.operators().deploy(context, room_in(mood).await, "");
    let problem = deployed.await.expect_problem(422).text;
    assert!(problem.contains("the gate `events`"), "{mood}: {problem}");
    problem
}

#[tokio::test]
async fn what_followers_read_is_not_narrowed_and_anything_else_may_change() {
    let host = TestHost::open().await;
    for (mood, says) in [
        (
            "event-field-is-gone",
            "`RoomRegistered.desc` is read, and not published",
        ),
        (
            "event-field-is-optional",
            "`RoomRegistered.desc` is published as option<string>, and read as string",
        ),
        (
            "event-field-is-wider",
            "`RoomRegistered.revision` is published as u128, and read as u64",
        ),
    ] {
        let reason = refused(&host, "room", mood).await;
        assert!(
            reason.contains("context viewpage reads") && reason.contains(says),
            "{mood}: {reason}"
        );
    }
    // Less is published than is read, or what nobody reads is not.
    for mood in [
        "event-field-is-narrower",
        "event-field-nobody-names-is-gone",
        "event-case-is-gone",
        "event-case-is-new",
    ] {
        let deployed = host
            .operators()
            .deploy("room", room_in(mood).await, "")
            .await;
        assert_eq!(deployed.status, 201, "{mood}: {}", deployed.text);
        host.operators().rollback("room").await.expect(200);
    }
    let room = host.stay().room("still heard of").await;
    host.operators().nothing_pending().await;
    assert_eq!(host.stay().view(room).await["desc"], "still heard of");
}

#[tokio::test]
async fn cases_are_compared_and_who_does_not_say_what_it_reads_is_told_what_it_was() {
    let settings = Settings::of_the_app().await.with("gossip", "gossip").await;
    let host = TestHost::with(settings).await;
    for (mood, says) in [
        (
            "event-case-is-new",
            [
                "context gossip reads RoomModified",
                "the case `RoomModified.lastAction.painted` is not known",
            ],
        ),
        (
            "event-field-nobody-names-is-gone",
            [
                "context gossip follows RoomRegistered and does not say what it reads",
                "`RoomRegistered.rsvId` is not published any more",
            ],
        ),
    ] {
        let reason = refused(&host, "room", mood).await;
        for part in says {
            assert!(reason.contains(part), "{mood}: {reason}");
        }
    }
    let fewer = room_in("event-case-is-gone").await;
    host.operators().deploy("room", fewer, "").await.expect(201);
}

#[tokio::test]
async fn a_follower_in_another_app_has_no_say() {
    let server = NatsServer::start().await;
    let settings = Settings::of_the_app().await.set("nats.url", server.url());
    let host = TestHost::with(settings).await;
    let room = [("source".to_owned(), "room".into())];
    let elsewhere = Settings::empty()
        .with("gossip", "gossip")
        .await
        .set("app.name", "elsewhere")
        .set("nats.url", server.url())
        .following("gossip", "stay.room.*", room.into_iter().collect());
    let elsewhere = TestHost::with(elsewhere).await;
    let hears = async |room: u64| {
        eventually("it is heard elsewhere", async || {
            let heard = elsewhere.gateway().get(&format!("/gossip/{room}")).await;
            (heard.status == 200).then_some(()).ok_or(heard.text)
        })
        .await;
    };
    hears(host.stay().room("heard of").await).await;
    // In this app it would be refused.
    let less = room_in("event-field-nobody-names-is-gone").await;
    host.operators().deploy("room", less, "").await.expect(201);
    hears(host.stay().room("heard of as well").await).await;
}

#[tokio::test]
async fn a_follower_in_another_language_has_its_say() {
    for (language, component) in [
        ("javascript", "message-javascript"),
        ("python", "message-python"),
    ] {
        if is_left_out(language) {
            continue;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let publisher = directory.path().join("reservation.wasm");
        let tells = room_in("tells-of-reservations").await;
        std::fs::write(&publisher, tells).expect("it can be written");
        let settings = Settings::empty()
            .component("reservation", &publisher)
            .component("message", artifacts::component(component).await);
        let host = TestHost::with(settings).await;
        let reason = refused(&host, "reservation", "tells-less-of-reservations").await;
        assert!(
            reason.contains("context message reads ReservationConfirmed")
                && reason.contains("`ReservationConfirmed.roomId` is read, and not published"),
            "{language}: {reason}"
        );
    }
}
