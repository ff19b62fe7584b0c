//! Circuit breakers, for each pair of a caller and a callee, and faults that are injected to try them.

mod faults;
mod outliers;
mod pool;

use innkeeper_tests::{Reply, Said, Settings, TestHost, command, eventually};
use serde_json::{Value, json};

/// What fails on demand, and two that call it.
async fn settings() -> Settings {
    Settings::empty()
        .with("shaky", "shaky")
        .await
        .with("asker-one", "asker-one")
        .await
        .with("asker-two", "asker-two")
        .await
        .set("context.shaky.limits.deadline", "2s")
}

/// Asks at a path, such as `/one/ok`.
async fn ask(host: &TestHost, path: &str) -> Reply {
    host.gateway().post(path, json!(null)).await
}

/// Where the circuit breaker stands between a caller and the context that fails on demand, as `GET /v1/contexts/shaky` and `/v1/graph` both say it.
async fn state(host: &TestHost, caller: &str) -> String {
    let context = host.operators().context("shaky").await;
    let graph = host.operators().get("/v1/graph").await;
    let of = |callers: &Value, callee: &str| {
        let callers = callers.as_array().expect("a list").iter();
        let mut found = callers.filter(|one| one["caller"] == caller);
        let found = found.find(|one| one["callee"].is_null() || one["callee"] == callee);
        found.unwrap_or_else(|| panic!("{caller} in {context} and {graph}"))["circuitBreaker"]
            .clone()
    };
    let (status, graph) = (
        of(&context["callers"], "shaky"),
        of(&graph["calls"], "shaky"),
    );
    assert_eq!(status, graph);
    status.as_str().expect("a text").to_owned()
}

/// A metric as it is now.
async fn metric(host: &TestHost, name: &str) -> f64 {
    let metrics = host.operators().client().get("/metrics").await.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

/// A command of an operator.
async fn operator(host: &TestHost, arguments: &[&str]) -> Said {
    let operators = host.operators();
    let mut all = arguments.to_vec();
    all.extend(["--admin", operators.client().base()]);
    all.extend(["--admin-token", operators.token()]);
    command(&all).await
}

/// The data of the events that the host has told of a kind, when there are so many.
async fn told(host: &TestHost, kind: &str, count: usize) -> Vec<Value> {
    eventually("the host tells it", async || {
        let events = host.operators().events_of(kind).await;
        let of_host = |event: &&Value| {
            event["source"]
                .as_str()
                .is_some_and(|source| source.ends_with("innkeeper"))
        };
        let data: Vec<_> = events
            .iter()
            .filter(of_host)
            .map(|event| event["data"].clone())
            .collect();
        match data.len() == count {
            true => Ok(data),
            false => Err(format!("{events:?}")),
        }
    })
    .await
}

/// That a request was turned away at once, and why.
#[track_caller]
fn is_turned_away(reply: Reply, why: &str) {
    let kind = match why {
        "pool" => "connection-pool-full",
        _ => "circuit-breaker-open",
    };
    let reply = reply.expect_problem(503);
    assert_eq!(
        reply.body["type"],
        format!("urn:innkeeper:problem:{kind}"),
        "{reply:?}"
    );
    assert_eq!(reply.header("x-innkeeper-overloaded"), why, "{reply:?}");
    assert!(!reply.header("retry-after").is_empty(), "{reply:?}");
}
