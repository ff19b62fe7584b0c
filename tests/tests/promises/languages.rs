//! A context is the same thing in each language: `message` of the app, in Rust, JavaScript and Python, which is built as an author's is; and what a context in JavaScript
//! or Python does wrong is said as clearly as what one in Rust does.

mod indexed;
mod javascript;
mod moved;
mod price;
mod python;
mod scripted;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use innkeeper_tests::{
    Client, Load, Operators, Record, Reply, Settings, Stay, TestHost, Traffic, artifacts,
    eventually, is_left_out, request,
};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// How long message stays in each language at least, in seconds: the long form of the test.
const SECONDS: &str = "INNKEEPER_TESTS_LANGUAGE_SECONDS";
/// How many book meanwhile.
const GUESTS: u64 = 3;

/// The languages of `message`, what they are called where they are left out, and its component in each.
const MESSAGES: [(&str, &str, &str); 4] = [
    ("Rust", "rust", "message"),
    ("JavaScript", "javascript", "message-javascript"),
    (
        "JavaScript on StarlingMonkey",
        "starlingmonkey",
        "message-starlingmonkey",
    ),
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

/// Whoever holds it may have a large component compiled: what one has compiled, the next need not, and several at once would take the longer.
static COMPILING: Mutex<()> = Mutex::const_new(());

/// Opens a host whose app has a large component: the first that opens compiles it for all.
async fn open(settings: Settings) -> TestHost {
    let _turn = COMPILING.lock().await;
    TestHost::with(settings).await
}

/// Brings message in a language, and says that it may be slower.
async fn deploy(operators: &Operators, component_name: &str) {
    try_deploy(operators, component_name).await.expect(201);
}

/// The same, where it may be refused.
async fn try_deploy(operators: &Operators, component_name: &str) -> Reply {
    let bytes = component(component_name).await;
    let _turn = COMPILING.lock().await;
    operators
        .deploy("message", bytes, "expect-slower=100")
        .await
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

/// What the app's document says of the routes of message, with the schemas in the place where they are referred to, and without the members `left_out`.
async fn told_of_message(client: &Client, left_out: &[&str]) -> [Value; 2] {
    let document = client.get("/openapi.json").await.expect(200).body;
    let told = ["/messages", "/messages/{id}"]
        .map(|path| resolved(&document["paths"][path], &document, left_out));
    let answer = &told[1]["get"]["responses"]["200"]["content"]["application/json"];
    let id = &answer["schema"]["properties"]["msgId"];
    assert_eq!(id["type"], "integer", "{told:#?}");
    told
}

/// A part of a document with what it refers to, none of which contains itself.
fn resolved(part: &Value, document: &Value, left_out: &[&str]) -> Value {
    match part {
        Value::Object(members) => {
            let to = members.get("$ref").and_then(Value::as_str);
            let schema = to.map(|to| {
                let found = document.pointer(to.trim_start_matches('#'));
                let schema = found.and_then(Value::as_object);
                schema.unwrap_or_else(|| panic!("{to} leads nowhere"))
            });
            let all = members.iter().chain(schema.into_iter().flatten());
            let kept = all.filter(|(name, _)| !left_out.contains(&name.as_str()));
            let kept = kept.map(|(name, part)| (name.clone(), resolved(part, document, left_out)));
            Value::Object(kept.collect())
        }
        Value::Array(parts) => {
            let parts = parts.iter();
            let parts = parts.map(|part| resolved(part, document, left_out));
            Value::Array(parts.collect())
        }
        plain => plain.clone(),
    }
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

/// Guests book and cancel all the time, while message goes from one language to the next and back, twice when more time is given: each is told once of what became of it, and
/// nobody notices.
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
    let load = Load::start(host.gateway(), &record, GUESTS, 7);
    let reading = Traffic::start(host.gateway().base(), 1, |_| {
        request("GET", "/messages?size=1", "")
    });
    let rounds = if seconds > 0 { 2 } else { 1 };
    let rounds = languages
        .iter()
        .cycle()
        .skip(1)
        .take(rounds * languages.len());
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
    let read = reading.stop().await;
    load.stop().await;
    // Whoever asked was answered, by each of them.
    let failed: Vec<_> = read.iter().filter(|answer| answer.status != 200).collect();
    assert!(
        failed.is_empty(),
        "{} of {}: {failed:?}",
        failed.len(),
        read.len()
    );
    let by: BTreeSet<_> = read
        .iter()
        .filter_map(|answer| answer.version.split(' ').next_back())
        .collect();
    assert_eq!(by.len(), languages.len(), "{by:?}");
    // One message for each booking that was confirmed, one for each that was cancelled, and no dead letter.
    let book = host.at_rest().await;
    let differences = record.differences(&book);
    assert!(differences.is_empty(), "{differences:#?}");
}
