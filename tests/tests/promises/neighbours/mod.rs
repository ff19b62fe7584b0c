//! What one context can take from its neighbours: nothing. Each trick of the context `hostile` is tried against what all contexts share.

mod commits;
mod logs;
mod matrix;
mod memory;
mod quotas;
mod sequences;
mod transfers;
mod work;

use innkeeper_tests::{Reply, Settings, TestHost};
use serde_json::{Value, json};

/// The hostile context, and one that wants to work beside it.
async fn settings() -> Settings {
    Settings::empty()
        .with("hostile", "hostile")
        .await
        .with("archive", "archive")
        .await
        .set("context.hostile.limits.deadline", "20s")
        .set("context.archive.limits.answers", 0)
}

/// Has the hostile context do something.
async fn does(host: &TestHost, trick: &str) -> Reply {
    let path = format!("/hostile/{trick}");
    host.gateway().post(&path, json!(null)).await
}

/// That the neighbour works as ever.
async fn neighbour_works(host: &TestHost) {
    let client = host.gateway();
    client.post("/entries/3", json!(null)).await.expect(204);
    client.get("/entries?size=1").await.expect(200);
}

/// How much a context keeps of a resource.
async fn used(host: &TestHost, context: &str, resource: &str) -> u64 {
    quota(host, context, resource).await["used"]
        .as_u64()
        .expect("a number")
}

async fn quota(host: &TestHost, context: &str, resource: &str) -> Value {
    let seen = host.operators().context(context).await;
    let all = seen["quota"].as_array().expect("a list");
    let found = all.iter().find(|used| used["resource"] == resource);
    found.expect("each resource is shown").clone()
}

/// The value of a metric, by its whole name with labels; 0 when it is not there.
async fn metric(host: &TestHost, name: &str) -> f64 {
    let metrics = host.operators().client().get("/metrics").await.text;
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().expect("a number"))
}
