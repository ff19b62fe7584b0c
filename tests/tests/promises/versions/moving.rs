//! Versions whose state has another shape: it is migrated, or filled anew, while the old version serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::Method;
use innkeeper_tests::{Opening, Settings, TestHost, artifacts, eventually, flood, request};
use serde_json::{Value, json};

/// So many are not followed again in no time.
const EVENTS: u64 = 6_000;

async fn component(name: &str) -> Vec<u8> {
    std::fs::read(&artifacts::components().await[name]).expect("it was built")
}

async fn ledgerbook() -> TestHost {
    TestHost::with(Settings::empty().with("ledgerbook", "ledgerbook-one").await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_is_migrated_while_it_changes_and_nothing_is_lost() {
    let host = ledgerbook().await;
    let client = host.gateway().clone();
    for number in 0..1_000 {
        client
            .post("/entries", json!({"text": format!("entry {number}")}))
            .await
            .expect(201);
    }
    // Whoever writes meanwhile is answered, and what is written is there afterwards.
    let (stop, written) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(1_000)),
    );
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (client, stop, written) = (client.clone(), stop.clone(), written.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    client
                        .post("/entries", json!({"text": "written meanwhile"}))
                        .await
                        .expect(201);
                    written.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let reply = host
        .operators()
        .deploy("ledgerbook", component("ledgerbook-two").await, "")
        .await
        .expect(201);
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("every request was answered");
    }
    let steps = reply.body["steps"].as_array().unwrap();
    assert!(
        steps.iter().any(|step| step["gate"] == "migration"),
        "{}",
        reply.text
    );
    let entries = client.all("/entries").await;
    assert_eq!(entries.len() as u64, written.load(Ordering::Relaxed));
    let one = client.get("/entries/7").await.expect(200);
    assert_eq!(one.body["edition"], "two", "{}", one.text);
    assert_eq!(one.number("words"), 2);
    // The state is not what the first version knows.
    let refused = host
        .operators()
        .rollback("ledgerbook")
        .await
        .expect_problem(422);
    assert!(refused.text.contains("schema"), "{}", refused.text);
    // So is every other version that does not, whether it knows of schemas or not.
    for (other, gate) in [("ledgerbook-one", "migration"), ("bell", "schema")] {
        let other = component(other).await;
        let refused = host.operators().deploy("ledgerbook", other, "").await;
        let refused = refused.expect_problem(422);
        assert_eq!(refused.body["gate"], gate, "{}", refused.text);
        assert!(refused.text.contains("`migrate`"), "{}", refused.text);
    }
    let one = client.get("/entries/7").await.expect(200);
    assert_eq!(one.body["edition"], "two");
}

/// Each commit moves a hundred entries to where a migration would bring them, or back: three hundred keys, more than one step of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_move_to_where_they_are_migrated_to_are_not_lost() {
    const ENTRIES: u64 = 1_000;
    let host = ledgerbook().await;
    let client = host.gateway().clone();
    for number in 0..ENTRIES {
        client
            .post("/entries", json!({"text": format!("entry {number}")}))
            .await
            .expect(201);
    }
    let moving = client.clone();
    let mover = tokio::spawn(async move {
        let mut moved = 0_u64;
        loop {
            for there in [true, true, false, true, false, false] {
                let reply = match there {
                    true => moving.post("/conversions", json!({})).await,
                    false => moving.delete("/conversions").await,
                };
                if reply.status == 404 {
                    // The new edition has no such route.
                    return moved;
                }
                reply.expect(204);
                moved += 1;
            }
        }
    });
    host.operators()
        .deploy("ledgerbook", component("ledgerbook-two").await, "")
        .await
        .expect(201);
    assert!(mover.await.expect("every request was answered") > 0);
    let entries = client.all("/entries").await;
    assert_eq!(entries.len() as u64, ENTRIES);
    let words = client.get("/words/2").await.expect(200);
    assert_eq!(words.number("entries"), ENTRIES);
}

#[tokio::test]
async fn a_version_that_reads_both_can_be_gone_back_to() {
    let host = ledgerbook().await;
    let client = host.gateway();
    client
        .post("/entries", json!({"text": "one two three"}))
        .await
        .expect(201);
    host.operators()
        .deploy("ledgerbook", component("ledgerbook-back").await, "")
        .await
        .expect(201);
    host.operators()
        .deploy("ledgerbook", component("ledgerbook-two").await, "")
        .await
        .expect(201);
    let entry = client.get("/entries/1").await.expect(200);
    assert_eq!(entry.body["edition"], "two");
    host.operators().rollback("ledgerbook").await.expect(200);
    let entry = client.get("/entries/1").await.expect(200);
    assert_eq!(entry.body["edition"], "back", "{}", entry.text);
    assert_eq!(entry.body["text"], "one two three");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_everything_as_it_was() {
    let mut host = ledgerbook().await;
    for text in ["good", "poison", "good again"] {
        host.gateway()
            .post("/entries", json!({"text": text}))
            .await
            .expect(201);
    }
    let before = host.gateway().all("/entries").await;
    let refused = host
        .operators()
        .deploy("ledgerbook", component("ledgerbook-three").await, "")
        .await;
    let refused = refused.expect_problem(422);
    assert!(
        refused.text.contains("poison") && refused.text.contains("migration"),
        "{}",
        refused.text
    );
    assert_eq!(host.gateway().all("/entries").await, before);
    host.gateway()
        .post("/entries", json!({"text": "and on"}))
        .await
        .expect(201);
    // A power cut in the middle of one does the same.
    let operators = host.operators().clone();
    let migrating = operators.deploy("ledgerbook", component("ledgerbook-two").await, "");
    let _ = tokio::time::timeout(std::time::Duration::from_millis(30), migrating).await;
    host.kill_9();
    host.reopen().await;
    let entries = host.gateway().all("/entries").await;
    assert_eq!(entries.len(), 4);
}

/// Whatever `put` refuses could never be changed again.
#[tokio::test]
async fn a_migration_makes_nothing_that_put_refuses() {
    let host = ledgerbook().await;
    let three = component("ledgerbook-three").await;
    for (text, says) in [
        ("nameless", "a state key of 0 bytes"),
        ("too long a name", "a state key of 1025 bytes"),
        ("too much", "limits.staged"),
    ] {
        let entry = host
            .gateway()
            .post("/entries", json!({"text": text}))
            .await
            .expect(201)
            .number("id");
        let refused = host.operators().deploy("ledgerbook", three.clone(), "");
        let refused = refused.await.expect_problem(422);
        assert_eq!(refused.body["gate"], "migration", "{}", refused.text);
        assert!(refused.text.contains(says), "{}", refused.text);
        // The old version serves, and can take it away.
        let path = format!("/entries/{entry}");
        let request = host.gateway().request(Method::DELETE, &path);
        innkeeper_tests::send(request).await.expect(200);
    }
    host.gateway()
        .post("/entries", json!({"text": "longest name"}))
        .await
        .expect(201);
    let taken = host.operators().deploy("ledgerbook", three, "");
    taken.await.expect(201);
}

/// A version that moves the state gets all of the work at once, and that is said.
#[tokio::test]
async fn a_ramp_that_is_left_out_is_said() {
    let host = ledgerbook().await;
    let two = component("ledgerbook-two").await;
    for (how, status) in [("dry-run=true&", 200), ("", 201)] {
        let how = format!("{how}ramp=10,100&step=60s");
        let reply = host
            .operators()
            .deploy("ledgerbook", two.clone(), &how)
            .await;
        let reply = reply.expect(status);
        let steps = reply.body["steps"].as_array().expect("a list").iter();
        let mut said = steps.filter_map(|step| step["what"].as_str());
        assert!(
            said.any(|what| what.starts_with("the ramp 10 % is skipped")),
            "{}",
            reply.text
        );
    }
}

#[tokio::test]
async fn a_projection_is_filled_anew_for_the_version_that_asks_for_it() {
    let host = TestHost::open().await;
    let stay = host.stay();
    for number in 0..50 {
        let room = stay.room(&format!("room {number}")).await;
        if number % 2 == 0 {
            stay.booked(room).await;
        }
    }
    let before = host.at_rest().await.views.len();
    let reply = host
        .operators()
        .deploy("viewpage", component("viewpage-two").await, "")
        .await;
    reply.expect(201);
    let views = host.gateway().all("/roomviews").await;
    assert_eq!(views.len(), before);
    let is_new = |view: &Value| view["edition"] == 2;
    assert!(views.iter().all(is_new), "{views:?}");
    // It follows on.
    let room = stay.room("afterwards").await;
    let path = format!("/roomviews/{room}");
    stay.shows(&path, json!({"desc": "afterwards", "edition": 2}))
        .await;
    host.operators().nothing_pending().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_ends_where_another_version_takes_over() {
    let settings = Settings::of_the_app().await;
    let host = Opening::new(settings.set("journal.durability", "relaxed")).alone();
    let host = host.open().await;
    let post = |_| request("POST", "/rooms", r#"{"desc": "Beautiful House3"}"#);
    let flooded = flood(host.gateway().base(), 32, EVENTS, post).await;
    assert_eq!(flooded.successes, EVENTS);
    let operators = host.operators();
    operators.nothing_pending().await;
    let edition = artifacts::edited("viewpage", "overtakes").await;
    // So that it need not be compiled any more.
    let tried = operators.deploy("viewpage", edition.clone(), "dry-run=true");
    tried.await.expect(200);
    let rebuild = "/v1/contexts/viewpage/rebuild";
    operators.send(Method::POST, rebuild).await.expect(202);
    operators.deploy("viewpage", edition, "").await.expect(201);
    let ended = eventually("the rebuild ends", async || {
        let progress = operators.get(rebuild).await;
        match progress["state"].as_str() {
            Some("done" | "failed") => Ok(progress),
            _ => Err(progress),
        }
    })
    .await;
    assert_eq!(ended["state"], "failed", "it came in time: {ended}");
    assert!(ended.to_string().contains("another version"), "{ended}");
    let views = host.gateway().get("/roomviews?size=1").await;
    assert_eq!(views.number("total"), EVENTS);
    // It can be done anew.
    operators.send(Method::POST, rebuild).await.expect(202);
    eventually("it is rebuilt", async || {
        let progress = operators.get(rebuild).await;
        match progress["state"] == "done" {
            true => Ok(()),
            false => Err(progress),
        }
    })
    .await;
    let views = host.gateway().get("/roomviews?size=1").await;
    assert_eq!(views.number("total"), EVENTS);
}
