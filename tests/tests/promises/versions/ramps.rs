//! Ramps: a part of the work goes to a new version, always the same part.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use innkeeper_tests::artifacts::{digest, edited};
use innkeeper_tests::{Settings, TestHost, eventually};
use serde_json::Value;
use tokio::time::timeout;

async fn settings() -> Settings {
    Settings::of_the_app()
        .await
        .set("gateway.version_header", true)
}

#[tokio::test]
async fn a_client_stays_on_one_side_and_a_part_of_them_is_on_the_new_one() {
    let settings = settings()
        .await
        .set("context.room.rollout.key", "header:x-guest");
    let host = TestHost::with(settings).await;
    let edition = edited("room", "ramped").await;
    let new = digest(&edition)[..12].to_owned();
    let begun = host
        .operators()
        .deploy("room", edition, "ramp=30,100&step=120s")
        .await;
    begun.expect(202);
    let mut sides = BTreeMap::new();
    for round in 0..3 {
        for guest in 0..100 {
            let request = host
                .gateway()
                .request(Method::GET, "/rooms")
                .header("x-guest", guest.to_string());
            let reply = innkeeper_tests::send(request).await.expect(200);
            let is_new = reply.header("innkeeper-version").contains(&new);
            let side = sides.entry(guest).or_insert(is_new);
            assert_eq!(
                *side, is_new,
                "guest {guest} changed sides in round {round}"
            );
        }
    }
    let new = sides.values().filter(|is_new| **is_new).count();
    assert!((15..45).contains(&new), "{new} of 100 are on the new side");
    let shown = host.operators().context("room").await;
    assert_eq!(shown["candidate"]["weight"], 30);
    host.operators().rollback("room").await.expect(200);
}

#[tokio::test]
async fn what_is_about_one_thing_is_on_one_side() {
    let host = TestHost::with(settings().await).await;
    let mut rooms = Vec::new();
    for number in 0..40 {
        rooms.push(host.stay().room(&format!("room {number}")).await);
    }
    let edition = edited("room", "half").await;
    let new = digest(&edition);
    host.operators()
        .deploy("room", edition, "ramp=50,100&step=120s")
        .await
        .expect(202);
    // The path says which room it is; so does the event that follows, and the call of a booking.
    let mut sides = BTreeMap::new();
    for room in &rooms {
        let reply = host
            .gateway()
            .get(&format!("/rooms/{room}"))
            .await
            .expect(200);
        sides.insert(
            *room,
            reply.header("innkeeper-version").contains(&new[..12]),
        );
        host.gateway()
            .post("/reservations", serde_json::json!({"roomId": room}))
            .await
            .expect(201);
    }
    let both: std::collections::BTreeSet<_> = sides.values().collect();
    assert_eq!(both.len(), 2, "rooms are on both sides");
    host.at_rest().await;
    let commits = host
        .operators()
        .get("/v1/contexts/room/commits?limit=1000")
        .await;
    let mut seen = 0;
    for event in host.operators().events_of("RoomReserved").await {
        let room: u64 = event["subject"].as_str().unwrap().parse().unwrap();
        let made = commits["commits"]
            .as_array()
            .unwrap()
            .iter()
            .find(|commit| commit["invocation"] == event["causationid"]);
        let made = made.expect("the commit of the event");
        assert_eq!(made["version"] == new, sides[&room], "room {room}");
        seen += 1;
    }
    assert_eq!(seen, rooms.len());
    host.operators().rollback("room").await.expect(200);
}

#[tokio::test]
async fn a_ramp_ends_with_all_of_it() {
    // Nobody comes meanwhile.
    let settings = settings()
        .await
        .set("context.room.rollout.on_too_little", "promote");
    let host = TestHost::with(settings).await;
    let edition = edited("room", "all of it").await;
    let new = digest(&edition);
    let begun = host
        .operators()
        .deploy("room", edition, "ramp=10,50,100&step=300ms")
        .await;
    begun.expect(202);
    let ended = host.operators().rollout_ended("room").await;
    assert_eq!(ended["outcome"], "current", "{ended}");
    assert_eq!(host.operators().serving("room").await, new);
    let steps = ended["steps"].as_array().unwrap();
    let ramps = steps.iter().filter(|step| step["gate"] == "ramp").count();
    assert_eq!(ramps, 2, "{ended}");
    let told = eventually("it is told as events", async || {
        let told = host.operators().events_of("VersionCurrent").await;
        told.into_iter()
            .find(|event| event["data"]["digest"] == new)
            .ok_or("none yet")
    })
    .await;
    assert_eq!(told["data"]["context"], "room");
}

#[tokio::test]
async fn a_rollout_is_told_as_it_goes() {
    // Nobody comes meanwhile.
    let settings = settings()
        .await
        .set("context.room.rollout.on_too_little", "promote");
    let host = TestHost::with(settings).await;
    let edition = edited("room", "told as it goes").await;
    let begun = host
        .operators()
        .deploy("room", edition, "ramp=10,50,100&step=300ms")
        .await;
    begun.expect(202);
    let request = host
        .operators()
        .request(Method::GET, "/v1/contexts/room/rollout");
    let told = request.header("accept", "text/event-stream").send().await;
    // The stream ends with the rollout, so that its text has an end.
    let text = timeout(Duration::from_secs(60), told.unwrap().text()).await;
    let text = text.expect("it ends in time").expect("it is complete");
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let told: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let (last, earlier) = told.split_last().expect("something is told");
    assert_eq!(last["stage"], "ended", "{text}");
    assert_eq!(last["outcome"], "current", "{text}");
    assert!(earlier.iter().all(|one| one["outcome"].is_null()), "{text}");
    let mut weights: Vec<_> = earlier
        .iter()
        .filter_map(|one| one["weight"].as_u64())
        .collect();
    weights.dedup();
    assert!(
        weights.ends_with(&[10, 50]) || weights.ends_with(&[10, 50, 100]),
        "{weights:?}"
    );
    let steps = |one: &Value| one["steps"].as_array().map_or(0, Vec::len);
    assert!(told.is_sorted_by_key(steps), "{text}");
    // Its steps are a story.
    let id = last["id"].as_str().expect("an id");
    let kinds = eventually("all is told", async || {
        let story = host.operators().get(&format!("/v1/stories/{id}")).await;
        let invocations = story["invocations"].as_array().expect("a list").iter();
        let events = invocations.filter_map(|invocation| invocation["events"].as_array());
        let kinds = events.flatten().filter_map(|event| event["kind"].as_str());
        let kinds: Vec<_> = kinds.map(str::to_owned).collect();
        let is_complete = kinds.iter().any(|kind| kind == "VersionDrained");
        is_complete.then_some(kinds).ok_or(story)
    })
    .await;
    assert_eq!(kinds[..2], ["VersionUploaded", "VersionRamping"]);
}
