//! The relay says what is, and one event that cannot be published does not stop the others.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::stream::{Config, DiscardPolicy};
use http::Method;
use innkeeper_tests::nats::{JETSTREAM, NatsServer, Received};
use innkeeper_tests::{Opening, Settings, TestHost, eventually, send};
use serde_json::Value;

use super::feed::{all_published, host};

/// A stream that takes no large events.
pub(super) fn narrow() -> Config {
    Config {
        name: "stay".to_owned(),
        subjects: vec!["stay.*.*".to_owned()],
        max_message_size: 2_000,
        ..Config::default()
    }
}

/// What is said of NATS, when it is as it should be.
async fn standing(host: &TestHost, is: impl Fn(&Value) -> bool) -> Value {
    eventually("NATS is as it should be", async || {
        let found = host.operators().get("/v1/contexts").await["nats"].clone();
        match is(&found) {
            true => Ok(found),
            false => Err(found.to_string()),
        }
    })
    .await
}

async fn metric(host: &TestHost, line: &str) {
    eventually(line, async || {
        let metrics = host.operators().client().get("/metrics").await.text;
        let found = metrics.lines().any(|found| found == line);
        found.then_some(()).ok_or("it is another")
    })
    .await;
}

fn error(nats: &Value) -> &str {
    nats["error"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn what_waits_is_known_while_no_server_is_there() {
    let mut server = NatsServer::start().await;
    let mut host = host(&server).await;
    host.stay().room("published").await;
    all_published(&host, &server).await;
    host.close().await;
    server.kill_9();
    host.reopen().await;
    standing(&host, |nats| nats["lag"] == 0).await;
    host.stay().room("waits").await;
    standing(&host, |nats| nats["lag"] == 1).await;
    metric(&host, "innkeeper_nats_relay_lag_events 1").await;
    metric(&host, "innkeeper_nats_up 0").await;
}

#[tokio::test]
async fn nothing_that_waits_is_no_reason_to_be_unready() {
    let mut server = NatsServer::start().await;
    server.kill_9();
    let settings = Settings::of_the_app().await.set("nats.url", server.url());
    let settings = settings.set("nats.unready_when_behind", 10);
    // It opens only when it is ready.
    let host = Opening::new(settings).open().await;
    standing(&host, |nats| nats["lag"] == 0).await;
}

#[tokio::test]
async fn a_server_that_stops_while_nothing_happens_is_noticed() {
    let mut server = NatsServer::start().await;
    let host = host(&server).await;
    metric(&host, "innkeeper_nats_up 1").await;
    server.kill_9();
    metric(&host, "innkeeper_nats_up 0").await;
    let nats = standing(&host, |nats| !error(nats).is_empty()).await;
    assert!(
        error(&nats).contains("connection to the NATS server was lost"),
        "{nats}"
    );
    server.restart().await;
    metric(&host, "innkeeper_nats_up 1").await;
}

#[tokio::test]
async fn a_full_stream_is_called_so() {
    let server = NatsServer::with(JETSTREAM).await;
    let full = Config {
        name: "stay".to_owned(),
        subjects: vec!["stay.*.*".to_owned()],
        max_messages: 1,
        discard: DiscardPolicy::New,
        ..Config::default()
    };
    let context = server.make(full.clone()).await;
    let host = host(&server).await;
    host.stay().room("the only one").await;
    host.stay().room("one too many").await;
    let nats = standing(&host, |nats| !error(nats).is_empty()).await;
    assert!(error(&nats).contains("the stream `stay` is full"), "{nats}");
    let wide = Config {
        max_messages: -1,
        ..full
    };
    context
        .update_stream(wide)
        .await
        .expect("it can be changed");
    all_published(&host, &server).await;
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_called_so() {
    let server = NatsServer::start().await;
    let host = host(&server).await;
    host.stay().room("a room").await;
    all_published(&host, &server).await;
    let context = async_nats::jetstream::new(server.client().await);
    context
        .delete_stream("stay")
        .await
        .expect("it can be deleted");
    // Nothing is published meanwhile. The host makes it anew, and says what is missing there.
    let nats = standing(&host, |nats| !nats["notice"].is_null()).await;
    let notice = nats["notice"].as_str().expect("a text");
    assert!(
        notice.contains("was missing and has been created again") && notice.contains("republish"),
        "{notice}"
    );
    assert_eq!(
        host.output()
            .lines_with("the stream `stay` no longer exists")
            .len(),
        1
    );
}

#[tokio::test]
async fn an_event_that_cannot_be_published_waits_for_an_operator_and_the_others_go_on() {
    let server = NatsServer::with(JETSTREAM).await;
    let narrow = narrow();
    let context = server.make(narrow.clone()).await;
    let mut host = host(&server).await;
    let stay = host.stay();
    stay.room("small").await;
    let large = stay.room(&"x".repeat(1_990)).await;
    stay.room("small again").await;
    // The view of it follows in other contexts: nothing of theirs is stopped.
    standing(&host, |nats| nats["lag"] == 0 && nats["deadLetters"] == 1).await;
    let letters = host.operators().get("/v1/nats/dead-letters").await;
    let letter = letters["deadLetters"][0].clone();
    assert_eq!(
        (&letter["context"], &letter["subject"]),
        (&"room".into(), &large.to_string().into())
    );
    let reason = letter["reason"].as_str().expect("a reason");
    assert!(reason.contains("max_msg_size"), "{reason}");
    assert_eq!(server.read("stay").await.len(), 2);
    // It survives a power cut, and fails again while nothing has changed.
    host.kill_9();
    host.reopen().await;
    standing(&host, |nats| nats["lag"] == 0 && nats["deadLetters"] == 1).await;
    let path = format!(
        "/v1/nats/dead-letters/{}",
        letter["id"].as_str().expect("an id")
    );
    let retry = format!("{path}/retry");
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect_problem(409);
    let wide = Config {
        max_message_size: -1,
        ..narrow
    };
    context
        .update_stream(wide)
        .await
        .expect("it can be changed");
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect(204);
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect_problem(404);
    host.stay().room("after that").await;
    let (told, received) = all_published(&host, &server).await;
    assert_eq!(received.len(), told.len());
    // The relay knows where to go on, whatever it published last.
    host.kill_9();
    host.reopen().await;
    all_published(&host, &server).await;
    assert_eq!(server.read("stay").await.len(), told.len());
}

#[tokio::test]
async fn what_could_not_be_published_is_refused_where_it_is_emitted() {
    let server = NatsServer::start().await;
    let settings = Settings::of_the_app()
        .await
        .with("unruly", "unruly")
        .await
        .set("nats.url", server.url());
    let mut host = TestHost::with(settings.clone()).await;
    let refused = async |host: &TestHost, way: &str, said: &str| {
        let emitted = host
            .gateway()
            .request(Method::POST, &format!("/unruly/{way}"));
        send(emitted).await.expect_problem(500);
        let log = eventually("the log says why", async || {
            match host.output().lines_with(said) {
                lines if lines.is_empty() => Err(host.output().tail(10)),
                lines => Ok(lines),
            }
        });
        log.await;
    };
    refused(&host, "subject", "subjects of events have at most 1024").await;
    refused(&host, "data", "nats.max_payload").await;
    host.stay().room("after them").await;
    all_published(&host, &server).await;
    assert_eq!(server.read("stay").await.len(), 1);
    // Where the manifest promises more than the server takes, the event waits apart, and the others go on.
    host.close().await;
    host.reopen_with(settings.set("nats.max_payload", "8MiB"))
        .await;
    let emitted = host.gateway().request(Method::POST, "/unruly/data");
    send(emitted).await.expect(204);
    host.stay().room("behind it").await;
    standing(&host, |nats| nats["lag"] == 0 && nats["deadLetters"] == 1).await;
}

#[tokio::test]
async fn one_that_is_larger_than_the_server_takes_can_be_dropped() {
    let directory = tempfile::TempDir::new().expect("a temporary directory can be made");
    let file = directory.path().join("nats.conf");
    std::fs::write(&file, "max_payload: 2500\n").expect("a file can be written");
    let server = NatsServer::with(&["-js", "-c", file.to_str().expect("UTF-8")]).await;
    let mut host = host(&server).await;
    host.stay().room(&"x".repeat(1_990)).await;
    host.stay().room("small").await;
    standing(&host, |nats| nats["lag"] == 0 && nats["deadLetters"] == 1).await;
    let letters = host.operators().get("/v1/nats/dead-letters").await;
    let id = letters["deadLetters"][0]["id"].as_str().expect("an id");
    let path = format!("/v1/nats/dead-letters/{id}");
    host.operators()
        .send(Method::DELETE, &path)
        .await
        .expect(204);
    standing(&host, |nats| nats["deadLetters"] == 0).await;
    // It stays so.
    host.kill_9();
    host.reopen().await;
    host.stay().room("another").await;
    standing(&host, |nats| nats["lag"] == 0 && nats["deadLetters"] == 0).await;
}

#[tokio::test]
async fn events_are_published_again_on_command() {
    let server = NatsServer::start().await;
    let mut host = host(&server).await;
    for number in 0..5 {
        host.stay().room(&format!("room {number}")).await;
    }
    all_published(&host, &server).await;
    host.close().await;
    let context = async_nats::jetstream::new(server.client().await);
    context
        .delete_stream("stay")
        .await
        .expect("it can be deleted");
    host.reopen().await;
    let nats = standing(&host, |nats| !nats["notice"].is_null()).await;
    assert!(
        nats["notice"]
            .as_str()
            .is_some_and(|text| text.contains("5 events were published before")),
        "{nats}"
    );
    host.stay().room("new").await;
    let republish = "/v1/nats/republish?context=room&from=1";
    let answer = host
        .operators()
        .send(Method::POST, republish)
        .await
        .expect(202);
    assert_eq!(
        answer.body["events"].as_u64().map(|events| events >= 5),
        Some(true)
    );
    let ids = async || -> BTreeMap<String, usize> {
        let mut ids = BTreeMap::new();
        for message in server.read("stay").await {
            *ids.entry(message.header("ce-id").to_owned()).or_default() += 1;
        }
        ids
    };
    eventually("all are there", async || match ids().await.len() {
        6 => Ok(()),
        other => Err(other),
    })
    .await;
    // The relay goes on where it was, also when it dies now.
    let before = ids().await;
    host.kill_9();
    host.reopen().await;
    host.stay().room("last").await;
    all_published(&host, &server).await;
    let after = ids().await;
    assert_eq!(after.len(), before.len() + 1);
    let repeated: usize = after.values().sum::<usize>() - after.len();
    assert!(repeated <= 6, "{after:?}");
    for path in ["context=cellar&from=1", "context=room&from=0"] {
        let status = if path.contains("cellar") { 404 } else { 400 };
        let path = format!("/v1/nats/republish?{path}");
        host.operators()
            .send(Method::POST, &path)
            .await
            .expect_problem(status);
    }
}

/// What the server had confirmed, and lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stream_has_lost_is_published_again() {
    let mut server = NatsServer::start().await;
    let mut host = host(&server).await;
    standing(&host, |nats| nats["lag"] == 0 && nats["error"].is_null()).await;
    let empty = server.save().await;
    host.stay().room("kept").await;
    all_published(&host, &server).await;
    let saved = server.save().await;
    let lose = async |host: &mut TestHost, server: &NatsServer, name: &str| {
        for number in 0..5 {
            host.stay().room(&format!("{name} {number}")).await;
        }
        all_published(host, server).await;
        // It keeps how far it has come when it ends.
        host.close().await;
        host.reopen().await;
        standing(host, |nats| nats["lag"] == 0 && nats["error"].is_null()).await;
    };
    lose(&mut host, &server, "while it runs").await;
    server.go_back(&saved).await;
    host.stay().room("behind it").await;
    let (told, received) = all_published(&host, &server).await;
    same(&told, &received);
    lose(&mut host, &server, "while it is down").await;
    host.close().await;
    server.go_back(&saved).await;
    host.reopen().await;
    host.stay().room("last").await;
    let (told, received) = all_published(&host, &server).await;
    same(&told, &received);
    lose(&mut host, &server, "since the beginning").await;
    server.go_back(&empty).await;
    host.stay().room("behind the beginning").await;
    let (told, received) = all_published(&host, &server).await;
    same(&told, &received);
    let said = host
        .output()
        .lines_with("lost messages that the server had confirmed");
    assert!(!said.is_empty(), "{}", host.output().tail(20));
}

/// Each event is there.
fn same(told: &[Value], received: &[Received]) {
    let published: BTreeSet<_> = received
        .iter()
        .map(|message| message.header("ce-id"))
        .collect();
    let missing: Vec<_> = told
        .iter()
        .filter(|event| !published.contains(event["id"].as_str().unwrap_or_default()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
