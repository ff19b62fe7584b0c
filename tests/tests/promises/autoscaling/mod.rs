//! A context has as many slots as its load asks for, within what is said of it and what the host has; one that is idle leaves memory, and comes back unnoticed.

mod idle;
mod neighbours;
mod siege;

use innkeeper_tests::{Operators, eventually};
use serde_json::Value;

/// How a context is scaled.
async fn scaled(operators: &Operators, context: &str) -> Value {
    let found = operators.get("/v1/autoscalers").await;
    let autoscalers = found["autoscalers"].as_array().expect("a list");
    let one = autoscalers.iter().find(|one| one["context"] == context);
    one.cloned().unwrap_or_default()
}

/// Waits until a context has so many slots, and gives how it is scaled then.
async fn has_slots(operators: &Operators, context: &str, slots: u64) -> Value {
    eventually("the context has its slots", async || {
        let scaled = scaled(operators, context).await;
        match scaled["slots"] == slots {
            true => Ok(scaled),
            false => Err(scaled.to_string()),
        }
    })
    .await
}

/// What the host has told of a context, of one kind: the data of the events, when there are at least so many.
async fn told(operators: &Operators, kind: &str, context: &str, count: usize) -> Vec<Value> {
    eventually("it is told", async || {
        let mut events = operators.events_of(kind).await;
        events.retain(|event| event["subject"] == context);
        let data: Vec<_> = events.iter().map(|event| event["data"].clone()).collect();
        match data.len() >= count {
            true => Ok(data),
            false => Err(format!("{data:?}")),
        }
    })
    .await
}

/// A condition of an autoscaler: its status and its reason.
fn condition<'a>(scaled: &'a Value, kind: &str) -> (&'a str, &'a str) {
    let conditions = scaled["conditions"].as_array().expect("conditions");
    let found = conditions.iter().find(|one| one["type"] == kind);
    let found = found.expect("each kind is there");
    let text = |key: &str| found[key].as_str().expect("a text");
    (text("status"), text("reason"))
}

/// A metric of a context.
async fn metric(operators: &Operators, name: &str, labels: &str) -> f64 {
    let metrics = operators.client().get("/metrics").await.text;
    let begin = format!("{name}{{{labels}}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&begin));
    line.map_or(0.0, |number| number.parse().expect("a number"))
}
