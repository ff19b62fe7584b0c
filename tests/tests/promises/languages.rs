//! A context is the same thing in each language: `message` of the app, in Rust, JavaScript and Python, which is built as an author's is; and what a context in JavaScript
//! or Python does wrong is said as clearly as what one in Rust does.

mod python;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use innkeeper_tests::{
    Client, Issuer, Load, Operators, Record, Reply, Settings, Stay, TestHost, artifacts,
    eventually, is_left_out, send,
};
use serde_json::{Value, json};

/// How long message stays in each language at least, in seconds: the long form of the test.
const SECONDS: &str = "INNKEEPER_TESTS_LANGUAGE_SECONDS";

/// The languages of `message`, what they are called where they are left out, and its component in each.
const MESSAGES: [(&str, &str, &str); 3] = [
    ("Rust", "rust", "message"),
    ("JavaScript", "javascript", "message-javascript"),
    ("Python", "python", "message-python"),
];

/// Those that are not left out.
fn messages() -> Vec<(&'static str, &'static str)> {
    let all = MESSAGES.into_iter();
    let tried = all.filter(|(_, name, _)| !is_left_out(name));
    tried
        .map(|(language, _, component)| (language, component))
        .collect()
}

async fn component(name: &str) -> Vec<u8> {
    std::fs::read(artifacts::component(name).await).expect("it was built")
}

async fn settings() -> Settings {
    Settings::of_the_app()
        .await
        .set("gateway.version_header", true)
}

/// Brings message in a language, and says that it may be slower.
async fn deploy(operators: &Operators, component_name: &str) {
    let bytes = component(component_name).await;
    operators
        .deploy("message", bytes, "expect-slower=100")
        .await
        .expect(201);
}

/// What a client can see of an answer, whoever made it.
fn seen(reply: &Reply) -> (u16, String, Vec<String>) {
    let headers = ["content-type", "link", "retry-after"];
    let headers = headers.map(|name| reply.header(name).to_owned());
    (reply.status, reply.text.clone(), headers.to_vec())
}

/// All that message can be asked.
const ASKED: [&str; 13] = [
    "/messages",
    "/messages?size=1",
    "/messages?page=1&size=1",
    "/messages?after=1&size=1",
    "/messages?page=7",
    "/messages?size=0",
    "/messages?size=1&size=2",
    "/messages?page=1&after=1",
    "/messages?page=x",
    "/messages/1",
    "/messages/2",
    "/messages/999999",
    "/messages/01",
];

async fn asked(client: &Client) -> Vec<(&'static str, (u16, String, Vec<String>))> {
    let mut answers = Vec::new();
    for path in ASKED {
        answers.push((path, seen(&client.get(path).await)));
    }
    answers
}

/// Somebody books a room and cancels that, and is told of both.
async fn told_of_both(stay: &Stay, messages: usize) {
    let room = stay.room("told").await;
    let rsv = stay.booked(room).await;
    stay.counts("/messages", messages + 1).await;
    stay.cancel(rsv).await.expect(200);
    let found = stay.counts("/messages", messages + 2).await;
    let content = |index: usize| found[messages + index]["content"].clone();
    assert_eq!(
        [content(0), content(1)],
        [
            json!(format!(
                "Your reservation {rsv} of room {room} is confirmed."
            )),
            json!(format!(
                "Your reservation {rsv} of room {room} is cancelled, and your payment refunded."
            )),
        ]
    );
}

/// The same questions get the same answers to the byte, and each language goes on in the state that the others have written.
#[tokio::test]
async fn message_is_the_same_in_each_language_and_each_reads_what_the_others_wrote() {
    let languages = messages();
    // With one alone nothing is exchanged: what serves already would be brought again.
    if languages.len() < 2 {
        return;
    }
    let host = TestHost::with(settings().await).await;
    let (stay, operators) = (host.stay(), host.operators());
    let mut messages = 0;
    let mut before = None;
    for &(language, component_name) in languages.iter().chain([&languages[0]]) {
        if messages > 0 {
            deploy(operators, component_name).await;
            // What others wrote is read, before anything of its own is.
            assert_eq!(before, Some(asked(stay.client()).await), "{language}");
        }
        told_of_both(&stay, messages).await;
        messages += 2;
        before = Some(asked(stay.client()).await);
    }
    let last = stay.at(&format!("/messages/{messages}")).await;
    assert_eq!(last["msgId"], messages, "the numbers go on: {last}");
}

/// Guests book and cancel all the time, while message goes from one language to the next and back, twice: each is told once of what became of it, and nobody notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_changes_its_language_under_load_and_nothing_is_lost() {
    let languages = messages();
    if languages.len() < 2 {
        return;
    }
    let seconds = std::env::var(SECONDS).ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(0);
    let host = TestHost::with(settings().await).await;
    // All are compiled before anybody comes.
    for (_, name) in languages[1..].iter().chain(&languages[..1]) {
        deploy(host.operators(), name).await;
    }
    let record = Arc::new(Record::default());
    let load = Load::start(host.gateway(), &record, 8, 7);
    let rounds = languages.iter().cycle().skip(1).take(2 * languages.len());
    for &(language, name) in rounds {
        deploy(host.operators(), name).await;
        let digest = artifacts::digest(&component(name).await);
        assert_eq!(
            host.operators().serving("message").await,
            digest,
            "{language}"
        );
        // What is written from now on is written in it.
        let before = host.stay().at("/messages?size=1").await["total"].clone();
        eventually("messages are written in this language", async || {
            let now = host.stay().at("/messages?size=1").await["total"].clone();
            let more = now.as_u64() > before.as_u64().map(|count| count + 20);
            more.then_some(())
                .ok_or_else(|| format!("{before} -> {now}"))
        })
        .await;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
    load.stop().await;
    // One message for each booking that was confirmed, one for each that was cancelled, and no dead letter.
    let book = host.at_rest().await;
    let differences = record.differences(&book);
    assert!(differences.is_empty(), "{differences:#?}");
}

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

/// Waits until the log has one more line with a text than before.
async fn says_again(host: &TestHost, text: &str, before: usize) {
    eventually("the log says it", async || {
        let lines = host.output().lines_with(text).len();
        (lines > before)
            .then_some(())
            .ok_or_else(|| format!("{lines} lines with {text:?}"))
    })
    .await;
}

async fn says(host: &TestHost, text: &str) {
    says_again(host, text, 0).await;
}

async fn marks(stay: &Stay) -> Vec<String> {
    let found = stay.at("/scripted/marks").await;
    let marks = found.as_array().expect("a list").iter();
    marks
        .map(|mark| mark.as_str().expect("a text").to_owned())
        .collect()
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
