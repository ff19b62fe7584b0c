//! An answer is given again without running the guest while nothing of what it came from has changed, and not a moment longer.

use innkeeper_tests::{Settings, Stay, TestHost, eventually};
use serde_json::{Value, json};

/// How many answers of a context were given again.
async fn reused(host: &TestHost, context: &str) -> u64 {
    let metrics = host.operators().client().get("/metrics").await.text;
    let name = format!("innkeeper_answers_reused_total{{context=\"{context}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.expect("a line with it").parse().expect("a number")
}

async fn describe(stay: &Stay, room: u64, desc: &str) {
    let path = format!("/rooms/{room}");
    let change = json!({"desc": desc});
    stay.client().patch(&path, change).await.expect(200);
}

#[tokio::test]
async fn an_answer_is_given_again_until_what_it_read_changes() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let (one, other) = (stay.room("one").await, stay.room("other").await);
    let path = format!("/rooms/{one}");
    let first = stay.client().get(&path).await.expect(200);
    let before = reused(&host, "room").await;
    for _ in 0..5 {
        let again = stay.client().get(&path).await.expect(200);
        assert_eq!(again.body, first.body);
        assert_ne!(
            again.headers["x-correlation-id"],
            first.headers["x-correlation-id"]
        );
    }
    assert_eq!(reused(&host, "room").await, before + 5);

    // What it has not read may change.
    describe(&stay, other, "changed").await;
    stay.client().get(&path).await.expect(200);
    assert_eq!(reused(&host, "room").await, before + 6);

    // What it has read may not.
    describe(&stay, one, "changed").await;
    assert_eq!(stay.at(&path).await["desc"], "changed");
    assert_eq!(reused(&host, "room").await, before + 6);
    assert_eq!(stay.at(&path).await["desc"], "changed");
    assert_eq!(reused(&host, "room").await, before + 7);
}

#[tokio::test]
async fn what_was_not_there_and_what_was_counted_are_read_too() {
    let host = TestHost::open().await;
    let stay = host.stay();
    for _ in 0..3 {
        stay.client().get("/rooms/1").await.expect_problem(404);
        assert_eq!(stay.at("/rooms").await["total"], 0);
    }
    assert_eq!(stay.room("the first").await, 1);
    stay.client().get("/rooms/1").await.expect(200);
    assert_eq!(stay.at("/rooms").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_answered_is_never_shown_what_was_before() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let rooms = futures::future::join_all((0..4).map(|_| stay.room("0"))).await;
    let number = |value: Value| -> u64 { value["desc"].as_str().unwrap().parse().unwrap() };
    let check = async |room: u64| {
        let path = format!("/rooms/{room}");
        let write = async |round: u64| describe(&stay, room, &round.to_string()).await;
        let mut latest = 0;
        for round in 1..=50 {
            // Two who only look are at it while it changes.
            let look = async || number(stay.at(&path).await);
            let (seen, also_seen, ()) = tokio::join!(look(), look(), write(round));
            assert!(seen.min(also_seen) >= latest && seen.max(also_seen) <= round);
            latest = look().await;
            assert_eq!(latest, round, "an answered change of room {room} is seen");
        }
    };
    futures::future::join_all(rooms.into_iter().map(check)).await;
    assert!(
        reused(&host, "room").await > 0,
        "the test has tried what it is for"
    );
}

#[tokio::test]
async fn a_changed_configuration_is_seen() {
    let settings = Settings::empty()
        .with("bell", "bell")
        .await
        .set("context.bell.config.motto", "clear");
    let mut host = TestHost::with(settings.clone()).await;
    let stay = host.stay();
    for _ in 0..3 {
        assert_eq!(stay.at("/motto").await, "clear");
    }
    assert_eq!(reused(&host, "bell").await, 2);
    host.rewrite(settings.set("context.bell.config.motto", "loud"));
    eventually("the new motto is shown", async || {
        match stay.at("/motto").await {
            motto if motto == "loud" => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_rebuilt_projection_answers_anew() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("to be seen").await;
    let path = format!("/roomviews/{room}");
    stay.shows(&path, json!({"desc": "to be seen"})).await;
    stay.at(&path).await;
    let before = reused(&host, "viewpage").await;
    assert!(before > 0);
    let rebuild = "/v1/contexts/viewpage/rebuild";
    let operators = host.operators();
    operators
        .send(http::Method::POST, rebuild)
        .await
        .expect(202);
    eventually("it is rebuilt", async || {
        match operators.get(rebuild).await {
            now if now["state"] == "done" => Ok(()),
            now => Err(now.to_string()),
        }
    })
    .await;
    // The answer came from the old state: the new one's first is the guest's.
    let before = reused(&host, "viewpage").await;
    assert_eq!(stay.at(&path).await["desc"], "to be seen");
    assert_eq!(reused(&host, "viewpage").await, before);
    stay.at(&path).await;
    assert_eq!(reused(&host, "viewpage").await, before + 1);
}

#[tokio::test]
async fn what_differs_from_time_to_time_is_never_given_again() {
    let host = TestHost::with(Settings::empty().with("bell", "bell").await).await;
    let stay = host.stay();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(stay.at("/fresh").await.to_string());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3);
    assert_eq!(reused(&host, "bell").await, 0);
}

#[tokio::test]
async fn other_headers_make_another_request_and_zero_bytes_switch_it_off() {
    let host = TestHost::open().await;
    let stay = host.stay();
    stay.room("plain").await;
    let get = async |language: &str| {
        let request = stay.client().request(http::Method::GET, "/rooms/1");
        innkeeper_tests::send(request.header("accept-language", language)).await
    };
    get("de").await.expect(200);
    get("en").await.expect(200);
    assert_eq!(reused(&host, "room").await, 0);
    get("en").await.expect(200);
    assert_eq!(reused(&host, "room").await, 1);

    let off = Settings::of_the_app()
        .await
        .set("context.room.limits.answers", 0);
    let host = TestHost::with(off).await;
    let stay = host.stay();
    stay.room("plain").await;
    for _ in 0..3 {
        stay.client().get("/rooms/1").await.expect(200);
    }
    assert_eq!(reused(&host, "room").await, 0);
}
