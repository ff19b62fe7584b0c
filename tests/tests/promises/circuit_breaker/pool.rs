//! Connection pools: what is too much is turned away at once, and nothing else suffers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use innkeeper_tests::{Opening, Reply, Settings, Siege, TestHost, eventually, send, siege};
use parking_lot::Mutex;
use serde_json::json;
use tokio::task::JoinSet;

use super::{ask, is_turned_away, metric, operator, settings};

/// The course's circuit breaker: one request may wait, and each has a connection of its own.
fn of_the_course(settings: Settings, context: &str) -> Settings {
    let key = |name| format!("context.{context}.circuit_breaker.{name}");
    settings
        .set(&key("max_pending_requests"), 1)
        .set(&key("max_requests_per_connection"), 1)
}

/// What clients were answered.
#[derive(Default)]
struct Answers {
    done: u64,
    turned_away: Vec<Duration>,
    others: Vec<Reply>,
}

/// So many clients, each asking anew as soon as it is answered, for so long.
async fn load(host: &TestHost, clients: usize, time: Duration, path: &'static str) -> Answers {
    let answers: Arc<Mutex<Answers>> = Arc::default();
    let mut tasks = JoinSet::new();
    let end = Instant::now() + time;
    for _ in 0..clients {
        let (client, answers) = (host.gateway().clone(), answers.clone());
        tasks.spawn(async move {
            while Instant::now() < end {
                let begun = Instant::now();
                let request = client.request(Method::POST, path);
                let reply = send(request.json(&json!({"desc": "Beautiful House3"}))).await;
                let mut answers = answers.lock();
                match (reply.status, reply.header("x-innkeeper-overloaded")) {
                    (200 | 201, _) => answers.done += 1,
                    (503, "pool") => answers.turned_away.push(begun.elapsed()),
                    _ => answers.others.push(reply),
                }
            }
        });
    }
    tasks.join_all().await;
    let mut answers = std::mem::take(&mut *answers.lock());
    answers.turned_away.sort();
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_is_served_and_of_many_a_part_is_turned_away_at_once() {
    let settings = of_the_course(settings().await, "shaky");
    let host = Opening::new(settings).alone().open().await;
    let one = load(&host, 1, Duration::from_secs(1), "/shaky/busy").await;
    assert!(one.done > 5, "{}", one.done);
    assert!(
        one.turned_away.is_empty() && one.others.is_empty(),
        "{:?}",
        one.others
    );

    let many = load(&host, 16, Duration::from_secs(2), "/shaky/busy").await;
    assert!(many.others.is_empty(), "{:?}", many.others.first());
    let count = many.turned_away.len();
    assert!(many.done > 20 && count > 20, "{} and {count}", many.done);
    let p99 = many.turned_away[count * 99 / 100];
    eprintln!(
        "{} done, {count} turned away, p99 of those {p99:?}",
        many.done
    );
    // The clients keep both processors busy as well. What waited for a guest would take as long as its deadline.
    assert!(p99 < Duration::from_millis(250), "{p99:?}");
    let name = r#"innkeeper_circuit_breaker_rejected_total{caller="gateway",callee="shaky",reason="pool"}"#;
    assert_eq!(metric(&host, name).await, count as f64);
    let said = operator(&host, &["status", "shaky"]).await;
    let expected = format!("{count} turned away by its connection pool");
    assert!(said.out.contains(&expected), "{said:?}");

    let after = load(&host, 1, Duration::from_millis(500), "/shaky/busy").await;
    assert!(after.done > 2, "{}", after.done);
    assert!(after.turned_away.is_empty() && after.others.is_empty());
}

#[tokio::test]
async fn a_connection_serves_as_many_requests_as_it_may() {
    let settings = settings().await.set(
        "context.shaky.circuit_breaker.max_requests_per_connection",
        3,
    );
    let host = TestHost::with(settings).await;
    let address = host
        .gateway()
        .base()
        .trim_start_matches("http://")
        .to_owned();
    let request = "POST /shaky/ok HTTP/1.1\r\nhost: inn\r\ncontent-length: 0\r\n\r\n";
    let elsewhere = "POST /one/ok HTTP/1.1\r\nhost: inn\r\ncontent-length: 0\r\n\r\n";
    let answers = answered_by_one_connection(&address, &request.repeat(5)).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "{answers}");
    assert_eq!(
        answers.to_lowercase().matches("connection: close").count(),
        1,
        "{answers}"
    );
    let answers = answered_by_one_connection(
        &address,
        &(elsewhere.repeat(5) + "GET /last HTTP/1.1\r\nhost: inn\r\nconnection: close\r\n\r\n"),
    )
    .await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 5, "{answers}");
}

/// What comes back until the host closes the connection.
async fn answered_by_one_connection(address: &str, requests: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut wire = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    wire.write_all(requests.as_bytes())
        .await
        .expect("it is sent");
    let mut answers = Vec::new();
    let reading = wire.read_to_end(&mut answers);
    let read = tokio::time::timeout(Duration::from_secs(60), reading).await;
    // What was sent behind the last request that is served makes the end a reset.
    let _ = read.expect("it is closed");
    String::from_utf8_lossy(&answers).into_owned()
}

#[tokio::test]
async fn a_caller_has_so_many_connections_and_leaves_the_others_theirs() {
    let settings = settings()
        .await
        .set("context.shaky.limits.deadline", "10s")
        .set("context.shaky.circuit_breaker.max_connections", 1)
        .set("context.shaky.circuit_breaker.max_pending_requests", 0);
    let host = TestHost::with(settings).await;
    // One is kept where it is.
    let fault = "/v1/contexts/shaky/fault?delay=100%25:4s&for=1m";
    host.operators().send(Method::PUT, fault).await.expect(200);
    let beside = async {
        eventually("the connection is taken", async || {
            let context = host.operators().context("shaky").await;
            match context["invocations"]["running"] == 1 {
                true => Ok(()),
                false => Err(context.to_string()),
            }
        })
        .await;
        host.operators()
            .send(Method::DELETE, "/v1/contexts/shaky/fault")
            .await
            .expect(204);
        is_turned_away(ask(&host, "/shaky/ok").await, "pool");
        ask(&host, "/one/ok").await.expect(200);
        ask(&host, "/two/ok").await.expect(200);
    };
    let (held, ()) = tokio::join!(ask(&host, "/shaky/ok"), beside);
    held.expect(200);
    ask(&host, "/shaky/ok").await.expect(200);
}

/// The course's own tool and request. Its share of requests that are turned away depends on the machine; that nothing else fails does not.
#[tokio::test]
async fn with_siege_one_user_is_served_completely() {
    let settings = of_the_course(Settings::of_the_app().await, "room");
    let host = Opening::new(settings).alone().open().await;
    let Some(one) = besieged(&host, "-c1").await else {
        return;
    };
    assert_eq!((one.availability, one.failed), (100.0, 0), "{}", one.said);
    let many = besieged(&host, "-c25").await.expect("it is installed");
    assert!(many.done > 50, "{}", many.said);
    let name =
        r#"innkeeper_circuit_breaker_rejected_total{caller="gateway",callee="room",reason="pool"}"#;
    let rejected = metric(&host, name).await as u64;
    eprintln!(
        "siege -c25: {} done, {} failed, {rejected} turned away",
        many.done, many.failed
    );
    assert!(
        many.failed <= rejected,
        "{}: {rejected} were turned away",
        many.said
    );
    let after = besieged(&host, "-c1").await.expect("it is installed");
    assert_eq!(
        (after.availability, after.failed),
        (100.0, 0),
        "{}",
        after.said
    );
}

async fn besieged(host: &TestHost, clients: &str) -> Option<Siege> {
    let target = format!(
        r#"{}/rooms POST {{"desc": "Beautiful House3"}}"#,
        host.gateway().base()
    );
    siege(host.home(), &[clients, "-t2S", "-b"], &target).await
}
