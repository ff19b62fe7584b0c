//! Typed calls from outside: by any client of NATS, in JSON.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Message};
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{TestHost, eventually};
use serde_json::{Value, json};

use super::feed::host;

const HOLD: &str = "stay.call.room.rooms.hold";

/// Somebody outside who calls.
pub struct Caller(Client);

impl Caller {
    /// One whose calls are answered.
    pub async fn of(host: &TestHost, server: &NatsServer) -> Self {
        let caller = Self(server.client().await);
        eventually("calls are answered", async || {
            let asked = caller
                .0
                .request("stay.call.room.rooms.nothing", "".into())
                .await;
            asked
                .map(|_| ())
                .map_err(|error| format!("{error}\n{}", host.output().tail(5)))
        })
        .await;
        caller
    }

    /// Calls, and waits for the answer.
    pub async fn call(
        &self,
        subject: &str,
        headers: &[(&str, &str)],
        body: impl ToString,
    ) -> Message {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, *value);
        }
        let body = body.to_string().into();
        let asked = self.0.request_with_headers(subject.to_owned(), all, body);
        let answer = tokio::time::timeout(Duration::from_secs(60), asked).await;
        answer.expect("in time").expect("it is answered")
    }
}

fn header<'a>(message: &'a Message, name: &str) -> &'a str {
    let headers = message.headers.as_ref().expect("headers");
    headers.get(name).map_or("", |value| value.as_str())
}

/// What an answer says.
pub fn body(message: &Message) -> Value {
    serde_json::from_slice(&message.payload).expect("an answer is JSON")
}

/// The answer is a problem with this status, also for clients that only look at headers.
fn expect_problem(message: &Message, status: u16, detail: &str) {
    let body = body(message);
    assert_eq!(body["status"], status, "{body}");
    assert!(
        body["detail"]
            .as_str()
            .is_some_and(|found| found.contains(detail)),
        "{body}"
    );
    assert_eq!(header(message, "content-type"), "application/problem+json");
    assert_eq!(
        header(message, "Nats-Service-Error-Code"),
        status.to_string()
    );
    assert_ne!(header(message, "Nats-Service-Error"), "");
}

#[tokio::test]
async fn any_client_can_call_a_context() {
    let server = NatsServer::start().await;
    let host = host(&server).await;
    let caller = Caller::of(&host, &server).await;
    let room = host.stay().room("to be held").await;
    let correlation = [("X-Correlation-Id", "story-of-a-hold")];
    let held = caller
        .call(HOLD, &correlation, json!({"room-id": room, "rsv-id": 901}))
        .await;
    assert_eq!(body(&held), json!({"ok": null}));
    assert_eq!(header(&held, "content-type"), "application/json");
    assert_eq!(header(&held, "x-correlation-id"), "story-of-a-hold");
    let story = host.operators().get("/v1/stories/story-of-a-hold").await;
    assert!(story.to_string().contains("rooms@0.1.0#hold"), "{story}");
    // The parameters in their order, and an answer that says no.
    let taken = caller.call(HOLD, &[], json!([room, 902])).await;
    assert_eq!(
        body(&taken),
        json!({"err": {"taken": format!("Room {room} is taken.")}})
    );
    let missing = caller.call(HOLD, &[], json!([4711, 902])).await;
    assert!(body(&missing)["err"]["not-found"].is_string());
    let released = caller
        .call("stay.call.room.rooms.release", &[], json!([room, 901]))
        .await;
    assert_eq!(body(&released), json!({"ok": null}));
}

#[tokio::test]
async fn what_cannot_be_called_is_a_problem() {
    let server = NatsServer::start().await;
    let host = host(&server).await;
    let caller = Caller::of(&host, &server).await;
    for (subject, detail) in [
        (
            "stay.call.cellar.rooms.hold",
            "there is no context `cellar`",
        ),
        ("stay.call.room.cellars.hold", "it offers: rooms"),
        ("stay.call.room.rooms.hug", "it has: hold, release"),
        ("stay.call.room.rooms", "<context>.<interface>.<function>"),
    ] {
        expect_problem(&caller.call(subject, &[], "{}").await, 404, detail);
    }
    expect_problem(&caller.call(HOLD, &[], "{").await, 400, "not JSON");
    for (parameters, detail) in [
        ("", "room-id: is missing"),
        ("[1]", "`room-id`, `rsv-id`"),
        ("7", "`room-id`, `rsv-id`"),
        (r#"{"room-id": 1}"#, "rsv-id: is missing"),
        (
            r#"{"room-id": 1, "rsv-id": 2, "x\r\ny": 3}"#,
            "is not known",
        ),
        (
            r#"{"room-id": "1", "rsv-id": 2}"#,
            "room-id: must be a whole number",
        ),
        (r#"{"room-id": -1, "rsv-id": 2}"#, "out of the range"),
    ] {
        expect_problem(&caller.call(HOLD, &[], parameters).await, 422, detail);
    }
    let headers = [("X-Correlation-Id", "a, b")];
    expect_problem(
        &caller.call(HOLD, &headers, "[1, 2]").await,
        400,
        "x-correlation-id",
    );
    let headers = [("Idempotency-Key", "a b")];
    expect_problem(
        &caller.call(HOLD, &headers, "[1, 2]").await,
        400,
        "Idempotency-Key",
    );
}

#[tokio::test]
async fn a_key_makes_a_call_safe_to_repeat_also_after_a_power_cut() {
    let server = NatsServer::start().await;
    let mut host = host(&server).await;
    let caller = Caller::of(&host, &server).await;
    let room = host.stay().room("to be held once").await;
    let ok = json!({"ok": null});
    let key = [("Idempotency-Key", "hold-1")];
    let (parameters, of_another) = (json!([room, 901]), json!([room, 902]));
    let calls = (0..5).map(|_| caller.call(HOLD, &key, parameters.clone()));
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| body(answer) == ok));
    let taken = caller.call(HOLD, &[], of_another.clone()).await;
    assert!(body(&taken)["err"]["taken"].is_string());
    let release = "stay.call.room.rooms.release";
    let released = caller.call(release, &[], parameters.clone()).await;
    assert_eq!(body(&released), ok);

    host.kill_9();
    host.reopen().await;
    let caller = Caller::of(&host, &server).await;
    let again = caller.call(HOLD, &key, parameters).await;
    assert_eq!(body(&again), ok, "as it was answered");
    let other = caller.call(HOLD, &key, of_another.clone()).await;
    expect_problem(&other, 422, "different request");
    // Had the repeat held the room again, it would be taken.
    assert_eq!(body(&caller.call(HOLD, &[], of_another).await), ok);
}
