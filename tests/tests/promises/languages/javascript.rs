//! What a context in JavaScript does, and what becomes of it, in the place of room between two contexts in Rust.

use http::Method;
use innkeeper_tests::{Issuer, Settings, TestHost, eventually, is_left_out, send};
use serde_json::{Value, json};

use super::{marks, says, says_again};

/// A context in JavaScript in the place of room, between two in Rust.
async fn scripted() -> TestHost {
    TestHost::with(scripted_settings().await).await
}

async fn scripted_settings() -> Settings {
    let settings = Settings::of_the_app().await;
    let settings = ["viewpage", "message"]
        .iter()
        .fold(settings, |settings, name| {
            settings.without(&format!("context.{name}"))
        });
    settings
        .with("room", "scripted")
        .await
        .set("context.payment.config.declined_rooms", "13")
        // It fails on purpose, all the time.
        .set("context.room.healing.consecutive_failures", 0)
}

/// Rust calls JavaScript, which calls Rust; what an interface names as an error arrives as that, and what does not end well is undone on both sides.
#[tokio::test]
async fn contexts_in_two_languages_call_each_other_and_what_fails_is_undone() {
    if is_left_out("javascript") {
        return;
    }
    let host = scripted().await;
    let stay = host.stay();
    let rsv = stay.book(5).await.expect(201).number("rsvId");
    assert_eq!(marks(&stay).await, [format!("held by {rsv}")]);
    let refused = stay.book(404).await.expect_problem(422);
    assert!(
        refused.text.contains("There is no such room."),
        "{}",
        refused.text
    );
    // An exception that nobody expected is `unavailable` to its caller, which goes on without a hold.
    stay.book(500).await.expect(201);
    says(
        &host,
        "the function stay:room/rooms#hold: TypeError: on purpose",
    )
    .await;
    // So is an error that the interface does not name, which would be a trap, and a promise.
    for (room, said) in [
        (501, "Failure: haunted"),
        (502, "is a promise"),
        (503, "Failure: declined: it was another's"),
    ] {
        stay.book(room).await.expect(201);
        says(&host, said).await;
    }
    // Declined by payment, after the hold: that is taken back.
    stay.book(13).await.expect_problem(402);
    host.operators().nothing_pending().await;
    assert_eq!(marks(&stay).await, [format!("held by {rsv}")]);

    // And the other way: the payment stands where the call of JavaScript is committed, and is paid back where it is not.
    let paid = |rsv: u64| {
        let client = stay.client().clone();
        async move {
            client
                .post(&format!("/scripted/pay/{rsv}"), json!({}))
                .await
        }
    };
    paid(1000).await.expect(200);
    paid(1001).await.expect_problem(409);
    host.operators().nothing_pending().await;
    let payments = stay.client().all("/payments").await;
    let status = |rsv: u64| {
        let found = payments.iter().find(|payment| payment["rsvId"] == rsv);
        found.map(|payment| payment["status"].clone())
    };
    assert_eq!(status(1000), Some(json!("paid")));
    assert_eq!(status(1001), Some(json!("cancelled")));
}

/// Each exception is one clear answer, commits nothing, and is in the log with where it was thrown.
#[tokio::test]
async fn an_exception_of_javascript_is_an_answer_and_its_text_is_in_the_log() {
    if is_left_out("javascript") {
        return;
    }
    let host = scripted().await;
    let stay = host.stay();
    for (how, status, said) in [
        ("type", 500, "POST /scripted/fail/{how}: TypeError"),
        ("text", 500, "POST /scripted/fail/{how}: a text"),
        ("nothing", 500, "POST /scripted/fail/{how}: undefined"),
        ("deep", 500, "stack"),
        ("answer", 500, "no JSON on purpose"),
        ("promise", 500, "is a promise"),
        ("later", 500, "is a promise"),
        ("status", 500, "from 100 to 599"),
        ("bare", 500, "a value that has no text"),
        (
            "contract",
            500,
            "POST /scripted/fail/{how}: [object Object]",
        ),
        ("state", 500, "a record of marks cannot be stored: name"),
        ("half", 500, "TypeError: half \u{fffd}"),
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
    ] {
        sent(body).await.expect_problem(400);
    }
    sent(r#"{"number": 18446744073709551616}"#.to_owned())
        .await
        .expect_problem(422);

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

/// An engine that was started once, and is copied for each invocation, would know no time and draw the same numbers each time: they are the invocation's own, as is who
/// asks.
#[tokio::test]
async fn time_chance_and_who_asks_are_the_invocations_own_in_javascript() {
    if is_left_out("javascript") {
        return;
    }
    let issuer = Issuer::new();
    let settings = issuer
        .trusted_by(scripted_settings().await)
        .set("gateway.auth.claims", vec!["rooms"])
        .set(
            "context.room.routes.GET /scripted/asks.require",
            Vec::<String>::new(),
        );
    let host = TestHost::with(settings).await;
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
