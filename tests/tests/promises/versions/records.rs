//! Records are read as what they are, by every version that is let near them. What is not is refused: see also the gallery's cases for the gate `schema`.

use http::Method;
use innkeeper_tests::{Reply, Settings, TestHost, artifacts, eventually, send};
use serde_json::{Value, json};

async fn component(name: &str) -> Vec<u8> {
    std::fs::read(&artifacts::components().await[name]).expect("it was built")
}

async fn shelf() -> TestHost {
    let settings = Settings::empty().with("shelf", "shelf-one").await;
    // Few ask for books here.
    TestHost::with(settings.set("context.shelf.rollout.on_too_little", "promote")).await
}

fn steps(reply: &Reply) -> Vec<String> {
    let steps = reply.body["steps"].as_array().expect("a list of steps");
    steps.iter().map(Value::to_string).collect()
}

fn first() -> Value {
    json!({"author": "Ursula", "title": "The Dispossessed", "binding": {"kind": "Cloth", "threads": u64::MAX}, "copies": (1_u64 << 53) + 1})
}

async fn book(host: &TestHost, id: u64) -> Value {
    host.gateway()
        .get(&format!("/books/{id}"))
        .await
        .expect(200)
        .body
}

/// On 827c28f the second edition passes every gate, and serves the author for the title; and the first cannot read a book without tags.
#[tokio::test]
async fn fields_that_change_places_are_not_mistaken_for_each_other() {
    let host = shelf().await;
    let client = host.gateway();
    let shown = json!({"id": 1, "author": "Ursula", "title": "The Dispossessed", "kind": "Cloth", "threads": u64::MAX, "copies": (1_u64 << 53) + 1});
    let written = client.post("/books", first()).await.expect(201);
    assert_eq!(written.body, shown);
    assert_eq!(book(&host, 1).await, shown);
    let deployed = host
        .operators()
        .deploy("shelf", component("shelf-two").await, "ramp=50,100&step=1s")
        .await;
    let deployed = deployed.expect(202);
    assert!(
        deployed.text.contains("it reads the state as it is"),
        "{}",
        deployed.text
    );
    // Whichever of the two answers, it does not take one field for the other.
    for _ in 0..20 {
        let found = book(&host, 1).await;
        assert_eq!(found["author"], "Ursula", "{found}");
        assert_eq!(found["title"], "The Dispossessed", "{found}");
    }
    host.operators().rollout_ended("shelf").await;
    let mut by_now = shown.clone();
    by_now["stars"] = Value::Null;
    by_now["labels"] = json!([]);
    assert_eq!(book(&host, 1).await, by_now);
    let second = json!({"author": "Stanisław", "title": "Solaris", "tags": ["sea"], "binding": {"kind": "Paper"}, "copies": 1, "stars": 5});
    client.post("/books", second).await.expect(201);
    // And back: the first edition reads what the second wrote.
    host.operators().rollback("shelf").await.expect(200);
    assert_eq!(book(&host, 1).await, shown);
    assert_eq!(
        book(&host, 2).await,
        json!({"id": 2, "author": "Stanisław", "title": "Solaris", "tags": ["sea"], "kind": "Paper", "copies": 1})
    );
}

/// A version that reads what there is, and is not read by the one before it, takes over at once: the two never serve side by side.
#[tokio::test]
async fn versions_that_do_not_read_each_other_never_serve_together() {
    let host = shelf().await;
    let client = host.gateway();
    client.post("/books", first()).await.expect(201);
    let three = component("shelf-three").await;
    let deployed = host
        .operators()
        .deploy("shelf", three, "ramp=50,100&step=60s")
        .await
        .expect(201);
    let steps = steps(&deployed);
    assert!(
        steps
            .iter()
            .any(|step| step.contains("no ramp") && step.contains("does not read schema 1")),
        "{steps:?}"
    );
    let leather =
        json!({"author": "x", "title": "y", "binding": {"kind": "Leather"}, "copies": u64::MAX});
    client.post("/books", leather).await.expect(201);
    let found = book(&host, 1).await;
    assert_eq!(found["author"], "Ursula");
    assert_eq!(found["copies"], (1_u64 << 53) + 1);
    assert_eq!(book(&host, 2).await["kind"], "Leather");
    for refused in [
        host.operators().rollback("shelf").await,
        host.operators()
            .deploy("shelf", component("shelf-two").await, "")
            .await,
    ] {
        let refused = refused.expect_problem(422);
        assert_eq!(refused.body["gate"], "schema", "{}", refused.text);
        assert!(refused.text.contains("schema 0, 1") || refused.text.contains("schema 1"));
    }
}

#[tokio::test]
async fn what_could_not_be_read_is_refused_when_it_is_written() {
    let host = shelf().await;
    let put = async |path: &str| send(host.gateway().request(Method::PUT, path)).await;
    assert_eq!(put("/trees/15").await.expect(200).body, json!(15));
    // The guest's stack would not be enough to read it.
    put("/trees/16").await.expect_problem(500);
    put("/hidden").await.expect_problem(500);
    for reason in ["32 deep", "the table hidden"] {
        eventually("the log says why", async || {
            let lines = host.output().tail(100);
            match lines.contains(reason) {
                true => Ok(()),
                false => Err(lines),
            }
        })
        .await;
    }
    // What is described can be seen.
    let context = host.operators().context("shelf").await;
    let tables = &context["description"]["tables"];
    assert_eq!(tables[0]["name"], "books", "{context}");
    assert_eq!(tables[0]["key"], "u64");
    let value = tables[0]["value"].as_str().expect("a type");
    assert!(
        value.contains("binding: variant { Paper, Cloth(record { threads: u64 }) }"),
        "{value}"
    );
}
