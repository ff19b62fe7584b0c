//! What a context in Python does, and what becomes of it, in the place of room between two contexts in Rust.

use http::Method;
use innkeeper_tests::{Issuer, Settings, TestHost, eventually, is_left_out, send};
use serde_json::{Value, json};

use super::{marks, says, says_again};

async fn settings() -> Settings {
    let settings = Settings::of_the_app().await;
    let settings = ["viewpage", "message"]
        .iter()
        .fold(settings, |settings, name| {
            settings.without(&format!("context.{name}"))
        });
    settings
        .with("room", "scripted-python")
        .await
        .set("context.payment.config.declined_rooms", "13")
        // It fails on purpose, all the time.
        .set("context.room.healing.consecutive_failures", 0)
}

/// The first that opens compiles the component for all.
async fn open(settings: Settings) -> TestHost {
    let _turn = super::COMPILING.lock().await;
    TestHost::with(settings).await
}

/// Rust calls Python, which calls Rust; what an interface names as an error arrives as that, and what does not end well is undone on both sides.
#[tokio::test]
async fn python_and_rust_call_each_other_and_what_fails_is_undone() {
    if is_left_out("python") {
        return;
    }
    let host = open(settings().await).await;
    let stay = host.stay();
    let rsv = stay.book(5).await.expect(201).number("rsvId");
    assert_eq!(marks(&stay).await, [format!("held by {rsv}")]);
    let refused = stay.book(404).await.expect_problem(422);
    assert!(
        refused.text.contains("There is no such room."),
        "{}",
        refused.text
    );
    // What nobody expected is `unavailable` to its caller, which goes on without a hold: an exception, an error that the interface does not name, one that carries what it
    // does not, and an answer that it does not have.
    for (room, said) in [
        (
            500,
            "the function stay:room/rooms#hold: TypeError: on purpose",
        ),
        (501, "Failure: haunted"),
        (502, "comes later"),
        (503, "Failure: taken"),
        (504, "where nothing is wanted"),
    ] {
        stay.book(room).await.expect(201);
        says(&host, said).await;
    }
    // Declined by payment, after the hold: that is taken back.
    stay.book(13).await.expect_problem(402);
    host.operators().nothing_pending().await;
    assert_eq!(marks(&stay).await, [format!("held by {rsv}")]);

    // And the other way: the payment stands where the call of Python is committed, and is paid back where it is not.
    let post = |path: String| {
        let client = stay.client().clone();
        async move { client.post(&path, json!({})).await }
    };
    post("/scripted/pay/1000".into()).await.expect(200);
    post("/scripted/pay/1001".into()).await.expect_problem(409);
    host.operators().nothing_pending().await;
    let payments = stay.client().all("/payments").await;
    let status = |rsv: u64| {
        let found = payments.iter().find(|payment| payment["rsvId"] == rsv);
        found.map(|payment| payment["status"].clone())
    };
    assert_eq!(status(1000), Some(json!("paid")));
    assert_eq!(status(1001), Some(json!("cancelled")));
    // A parameter that the interface does not take is an exception where it is given.
    post("/scripted/pay/7".into()).await.expect_problem(500);
    says(&host, "where one of the type int is wanted").await;
    for parameter in ["-1", "18446744073709551616"] {
        post(format!("/scripted/overflow/{parameter}"))
            .await
            .expect_problem(500);
        says(&host, &format!("{parameter} is no u64")).await;
    }
    // The largest one that it takes arrives as what it is.
    post(format!("/scripted/overflow/{}", u64::MAX))
        .await
        .expect(200);
    let payments = stay.client().all("/payments").await;
    assert!(
        payments.iter().any(|payment| payment["rsvId"] == u64::MAX),
        "{payments:?}"
    );
}

/// Each exception is one clear answer, commits nothing, and is in the log with where it was raised.
#[tokio::test]
async fn an_exception_of_python_is_an_answer_and_its_text_is_in_the_log() {
    if is_left_out("python") {
        return;
    }
    let host = open(settings().await).await;
    let stay = host.stay();
    for (how, status, said) in [
        ("type", 500, "POST /scripted/fail/{how}: AttributeError"),
        ("exit", 500, "POST /scripted/fail/{how}: SystemExit: a text"),
        (
            "interrupt",
            500,
            "POST /scripted/fail/{how}: KeyboardInterrupt",
        ),
        ("deep", 500, "RecursionError"),
        ("answer", 500, "object has no JSON"),
        ("later", 500, "comes later"),
        ("status", 500, "an answer has a status from 100 to 599"),
        ("bare", 500, "a value that has no text"),
        ("state", 500, "a record of marks cannot be stored: name"),
        ("half", 500, "TypeError: half \u{fffd}"),
        // What the host would not take is an exception before it gets there.
        ("cancel", 500, "the id of a timer is a text, not None"),
        ("cancel-half", 500, "the id of a timer is a text, not '"),
        ("limit", 500, "a whole number, not 1.5"),
        ("subject", 500, "the subject of Nobody"),
        ("missing", 500, "KeyError: 'missing'"),
        ("problem", 409, ""),
    ] {
        let before = host.output().lines_with(said).len();
        let reply = stay
            .client()
            .post(&format!("/scripted/fail/{how}"), json!({}))
            .await;
        reply.expect_problem(status);
        if !said.is_empty() {
            says_again(&host, said, before).await;
        }
    }
    assert!(marks(&stay).await.is_empty(), "nothing of it was committed");

    // What a client sends is read to the last digit, or refused below 500: also what would take an interpreter too many calls.
    let sent = async |body: String| {
        let request = stay.client().request(Method::POST, "/scripted/read");
        send(
            request
                .header("content-type", "application/json")
                .body(body),
        )
        .await
    };
    let read = sent(r#"{"number": 18446744073709551615}"#.to_owned()).await;
    assert_eq!(read.expect(200).text, r#"{"number":18446744073709551615}"#);
    for body in [
        format!(r#"{{"number":{}"#, "[".repeat(100_000)),
        format!(
            r#"{{"number":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        ),
        format!("{}\"{}", "[".repeat(128), "\\\"".repeat(50_000)),
    ] {
        sent(body).await.expect_problem(400);
    }
    for number in ["18446744073709551616", &"1".repeat(10_000), "1e5", "true"] {
        sent(format!(r#"{{"number": {number}}}"#))
            .await
            .expect_problem(422);
    }

    // A policy's: tried again, or given up on, with its text.
    for name in ["calm", "boom", "odd", "rejected"] {
        let path = format!("/scripted/marks/{name}");
        stay.client().post(&path, json!({})).await.expect(204);
    }
    for name in ["calm", "boom", "odd"] {
        eventually("it was followed, and its timer fired", async || {
            let rings = stay.at(&format!("/scripted/rings/{name}")).await;
            (rings == 11).then_some(()).ok_or(rings)
        })
        .await;
    }
    let letters = host.operators().dead_letters("room", 1).await;
    assert!(
        letters[0].to_string().contains("rejected is rejected"),
        "{letters:?}"
    );
}

/// An interpreter that was started once, and is copied for each invocation, would draw the same numbers each time: they are the invocation's own, as are the time and who
/// asks.
#[tokio::test]
async fn time_chance_and_who_asks_are_the_invocations_own_in_python() {
    if is_left_out("python") {
        return;
    }
    let issuer = Issuer::new();
    let settings = issuer
        .trusted_by(settings().await)
        .set("gateway.auth.claims", vec!["rooms"])
        .set(
            "context.room.routes.GET /scripted/asks.require",
            Vec::<String>::new(),
        );
    let host = open(settings).await;
    let stay = host.stay();
    let (one, other) = (
        stay.at("/scripted/own").await,
        stay.at("/scripted/own").await,
    );
    for own in [&one, &other] {
        assert_eq!(own["date"], own["now"], "{own}");
        assert!(own["now"].as_u64() > Some(1_700_000_000_000), "{own}");
    }
    assert_eq!(one["early"], other["early"]);
    assert_ne!(one["random"], other["random"]);
    assert_ne!(one["uuid"], other["uuid"]);

    assert_eq!(one["identity"], Value::Null);
    let asks = || stay.client().request(Method::GET, "/scripted/asks");
    send(asks()).await.expect_problem(401);
    let token = issuer.token(&[("rooms", json!([1, 2])), ("photo", json!("large"))]);
    let known = send(asks().bearer_auth(token)).await.expect(200).body;
    let wanted = json!({
        "subject": "guest",
        "issuer": "https://login.example",
        "scopes": ["look"],
        "mayLook": true,
        "rooms": [1, 2],
        "photo": null,
    });
    assert_eq!(known, wanted);
}

/// What a version in Rust has written is moved by one in Python; what it cannot move, and what is not ready, does not come to serve, and says why.
#[tokio::test]
async fn the_state_of_rust_is_migrated_by_python_or_stays_as_it_was() {
    if is_left_out("python") {
        return;
    }
    let host = TestHost::with(super::settings().await).await;
    let (stay, operators) = (host.stay(), host.operators());
    let moved = async || super::try_deploy(operators, "message-moved").await;
    // It sees a state in which nothing is yet.
    let refused = moved().await;
    assert!(
        refused.status >= 400 && refused.text.contains("nobody was told anything yet"),
        "{}",
        refused.text
    );
    super::told_of_both(&stay, 0).await;
    let before = stay.at("/messages/1").await;
    moved().await.expect(201);
    let after = stay.at("/messages/1").await;
    let length = before["content"].as_str().map(str::len);
    assert_eq!(
        (&after["content"], after["length"].as_u64()),
        (&before["content"], length.map(|length| length as u64)),
        "{after}"
    );
}

/// An exception while a row is migrated ends the rollout with the row and its reason, and the version before goes on.
#[tokio::test]
async fn an_exception_while_rows_are_migrated_ends_the_rollout() {
    if is_left_out("python") {
        return;
    }
    let host = TestHost::with(super::settings().await).await;
    let (stay, operators) = (host.stay(), host.operators());
    for _ in 0..13 {
        stay.room("told").await;
    }
    stay.booked(13).await;
    stay.counts("/messages", 1).await;
    let refused = super::try_deploy(operators, "message-moved").await;
    assert!(
        refused.status >= 400
            && refused
                .text
                .contains("from 0: nobody was ever told of room 13"),
        "{}",
        refused.text
    );
    assert_eq!(stay.at("/messages/1").await["roomId"], 13);
}
