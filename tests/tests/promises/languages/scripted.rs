//! What a context in an interpreted language does in the place of room, between two contexts in Rust: in each language the same.

use http::Method;
use innkeeper_tests::{Issuer, Settings, Stay, TestHost, eventually, send};
use serde_json::{Value, json};

/// The app with a component in the place of room, and nobody who would follow what it does.
pub(super) async fn settings(component: &str) -> Settings {
    let settings = Settings::of_the_app().await;
    let settings = ["viewpage", "message"]
        .iter()
        .fold(settings, |settings, name| {
            settings.without(&format!("context.{name}"))
        });
    settings
        .with("room", component)
        .await
        .set("context.payment.config.declined_rooms", "13")
        // It fails on purpose, all the time.
        .set("context.room.healing.consecutive_failures", 0)
}

/// A path of which it says what it did there.
pub(super) async fn post(stay: &Stay, path: &str) -> innkeeper_tests::Reply {
    let path = format!("/scripted/{path}");
    stay.client().post(&path, json!({})).await
}

/// Waits until the log has one more line with a text than before.
pub(super) async fn says_again(host: &TestHost, text: &str, before: usize) {
    eventually("the log says it", async || {
        let lines = host.output().lines_with(text).len();
        (lines > before)
            .then_some(())
            .ok_or_else(|| format!("{lines} lines with {text:?}"))
    })
    .await;
}

pub(super) async fn says(host: &TestHost, text: &str) {
    says_again(host, text, 0).await;
}

pub(super) async fn marks(stay: &Stay) -> Vec<String> {
    let found = stay.at("/scripted/marks").await;
    let marks = found.as_array().expect("a list").iter();
    marks
        .map(|mark| mark.as_str().expect("a text").to_owned())
        .collect()
}

/// Rust calls it, and what does not end well is undone on both sides. `unexpected` are rooms that it fails at with what nobody expected, which is `unavailable` to its
/// caller: that goes on without a hold.
pub(super) async fn what_fails_is_undone_when_rust_calls(
    host: &TestHost,
    unexpected: &[(u64, &str)],
) {
    let stay = host.stay();
    let rsv = stay.book(5).await.expect(201).number("rsvId");
    assert_eq!(marks(&stay).await, [format!("held by {rsv}")]);
    let refused = stay.book(404).await.expect_problem(422);
    assert!(
        refused.text.contains("There is no such room."),
        "{}",
        refused.text
    );
    for (room, said) in unexpected {
        stay.book(*room).await.expect(201);
        says(host, said).await;
    }
    // Declined by payment, after the hold: that is taken back.
    stay.book(13).await.expect_problem(402);
    host.operators().nothing_pending().await;
    assert_eq!(marks(&stay).await, [format!("held by {rsv}")]);
}

/// It calls Rust: the payment stands where the call is committed, and is paid back where it is not.
pub(super) async fn what_fails_is_undone_when_it_calls(host: &TestHost) {
    let stay = host.stay();
    post(&stay, "pay/1000").await.expect(200);
    post(&stay, "pay/1001").await.expect_problem(409);
    host.operators().nothing_pending().await;
    let payments = stay.client().all("/payments").await;
    let status = |rsv: u64| {
        let found = payments.iter().find(|payment| payment["rsvId"] == rsv);
        found.map(|payment| payment["status"].clone())
    };
    assert_eq!(status(1000), Some(json!("paid")));
    assert_eq!(status(1001), Some(json!("cancelled")));
}

/// Each way to fail is one clear answer, commits nothing, and is in the log with where it was thrown.
pub(super) async fn each_failure_is_one_answer(host: &TestHost, failures: &[(&str, u16, &str)]) {
    let stay = host.stay();
    for (how, status, said) in failures {
        let before = host.output().lines_with(said).len();
        let reply = post(&stay, &format!("fail/{how}")).await;
        reply.expect_problem(*status);
        if !said.is_empty() {
            says_again(host, said, before).await;
        }
    }
    assert!(marks(&stay).await.is_empty(), "nothing of it was committed");
}

/// What a client sends is read to the last digit, or refused below 500: also what would take an interpreter too many calls.
pub(super) async fn what_is_sent_is_read_or_refused(host: &TestHost, refused: &[&str]) {
    let sent = async |body: String| {
        let request = host.gateway().request(Method::POST, "/scripted/read");
        let request = request.header("content-type", "application/json");
        send(request.body(body)).await
    };
    let largest = r#"{"number":18446744073709551615}"#;
    let read = sent(r#"{"number": 18446744073709551615}"#.to_owned()).await;
    assert_eq!(read.expect(200).text, largest);
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    for body in [
        format!(r#"{{"number":{open}"#),
        format!(r#"{{"number":{open}{close}}}"#),
        // A text that never ends.
        format!("{}\"{}", "[".repeat(128), "\\\"".repeat(50_000)),
    ] {
        sent(body).await.expect_problem(400);
    }
    for number in refused {
        let body = format!(r#"{{"number": {number}}}"#);
        sent(body).await.expect_problem(422);
    }
}

/// What a policy fails at is tried again, or given up on, with its text.
pub(super) async fn policies_are_tried_again_or_given_up_on(host: &TestHost) {
    let stay = host.stay();
    for name in ["calm", "boom", "odd", "rejected"] {
        post(&stay, &format!("marks/{name}")).await.expect(204);
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

/// These settings, with tokens of an issuer taken where somebody asks who asks.
pub(super) fn told_who_asks(settings: Settings, issuer: &Issuer) -> Settings {
    issuer
        .trusted_by(settings)
        .set("gateway.auth.claims", vec!["rooms"])
        .set(
            "context.room.routes.GET /scripted/asks.require",
            Vec::<String>::new(),
        )
}

/// An engine that was started once, and is copied for each invocation, would know no time and draw the same numbers each time: they are the invocation's own, as is who
/// asks.
pub(super) async fn time_chance_and_who_asks_are_its_own(host: &TestHost, issuer: &Issuer) {
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
