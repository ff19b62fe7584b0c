//! Dead letters: kept with their reason until someone retries or drops them, while everything else goes on.

use http::Method;
use innkeeper_tests::{Settings, Stay, TestHost, eventually};
use serde_json::{Value, json};

const LETTERS: &str = "/v1/contexts/bell/dead-letters";

async fn bells(deaf: &str) -> Settings {
    Settings::empty()
        .with("bell", "bell")
        .await
        .set("context.bell.config.deaf", deaf)
        .set("context.bell.show", vec!["deaf"])
        .set("context.bell.follow.attempts", 3)
        .set("context.bell.follow.initial_backoff", "10ms")
        .set("context.bell.follow.max_backoff", "20ms")
        // Ten thousand attempts with a longer one would take longer than results are kept.
        .set("context.bell.limits.deadline", "5s")
}

async fn ring(stay: &Stay, bell: u64, number: u64) {
    let path = format!("/bells/{bell}/rings");
    stay.client()
        .post(&path, json!({"number": number}))
        .await
        .expect(200);
}

async fn heard(stay: &Stay, bell: u64, numbers: Value) -> Value {
    stay.shows(&format!("/bells/{bell}"), json!({"numbers": numbers}))
        .await
}

async fn letters(host: &TestHost, count: usize) -> Vec<Value> {
    host.operators().dead_letters("bell", count).await
}

/// Changes what the bell is deaf to, and waits until it knows.
async fn make(host: &mut TestHost, deaf: &str) {
    host.rewrite(bells(deaf).await);
    eventually("the new configuration is read", async || {
        let context = host.operators().context("bell").await;
        if context["config"]["deaf"] == deaf {
            Ok(())
        } else {
            Err(context["config"].to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn a_rejected_event_is_kept_and_the_next_ones_go_on() {
    let mut host = TestHost::with(bells("reject 2").await).await;
    let stay = host.stay();
    for number in 1..=3 {
        ring(&stay, 1, number).await;
    }
    heard(&stay, 1, json!([1, 3])).await;
    let found = letters(&host, 1).await;
    let letter = &found[0];
    assert_eq!(
        (&letter["reason"], &letter["attempts"]),
        (&json!("ring 2 was not wanted"), &json!(1))
    );
    assert_eq!(
        (
            &letter["event"]["subject"],
            &letter["event"]["data"]["number"]
        ),
        (&json!("1"), &json!(2))
    );
    let retry = format!("{LETTERS}/{}/retry", letter["id"].as_str().unwrap());

    // It fails again, and is kept.
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect_problem(409);
    assert_eq!(letters(&host, 1).await[0]["givenUp"], 2);

    // Whoever asks needs the token.
    innkeeper_tests::send(host.operators().client().request(Method::POST, &retry))
        .await
        .expect_problem(401);

    // It survives a power cut.
    host.kill_9();
    host.reopen().await;
    assert_eq!(letters(&host, 1).await[0]["id"], letter["id"]);

    make(&mut host, "no more").await;
    let stay = host.stay();
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect(200);
    heard(&stay, 1, json!([1, 3, 2])).await;
    letters(&host, 0).await;
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect_problem(404);
}

#[tokio::test]
async fn a_dropped_letter_is_gone() {
    let mut host = TestHost::with(bells("reject").await).await;
    let stay = host.stay();
    ring(&stay, 1, 1).await;
    ring(&stay, 1, 2).await;
    let found = letters(&host, 2).await;
    let first = format!("{LETTERS}/{}", found[0]["id"].as_str().unwrap());
    host.operators()
        .send(Method::DELETE, &first)
        .await
        .expect(204);
    host.operators()
        .send(Method::DELETE, &first)
        .await
        .expect_problem(404);
    make(&mut host, "").await;
    host.operators()
        .send(Method::POST, &format!("{LETTERS}/retry"))
        .await
        .expect(200);
    heard(&stay, 1, json!([2])).await;
    letters(&host, 0).await;
    host.operators()
        .send(Method::DELETE, &format!("{LETTERS}/nonsense"))
        .await
        .expect_problem(400);
}

#[tokio::test]
async fn letters_of_one_subject_are_retried_in_order() {
    let mut host = TestHost::with(bells("trap").await).await;
    let stay = host.stay();
    for number in 1..=3 {
        for bell in 1..=3 {
            ring(&stay, bell, number).await;
        }
    }
    let found = letters(&host, 9).await;
    assert!(
        found.iter().all(|letter| letter["attempts"] == 3),
        "{found:?}"
    );
    make(&mut host, "reject 2").await;
    let retried = host
        .operators()
        .send(Method::POST, &format!("{LETTERS}/retry"))
        .await
        .expect(200);
    assert_eq!(
        retried.body,
        json!({"handled": 3, "failed": 3, "heldBack": 3})
    );
    make(&mut host, "").await;
    // The last one of a subject takes the older ones with it.
    let last = letters(&host, 6).await;
    let last = last
        .iter()
        .rfind(|letter| letter["event"]["subject"] == "2")
        .unwrap();
    let retry = format!("{LETTERS}/{}/retry", last["id"].as_str().unwrap());
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect(200);
    heard(&stay, 2, json!([1, 2, 3])).await;
    letters(&host, 4).await;
    host.operators()
        .send(Method::POST, &format!("{LETTERS}/retry"))
        .await
        .expect(200);
    for bell in [1, 3] {
        heard(&stay, bell, json!([1, 2, 3])).await;
    }
    letters(&host, 0).await;
}

#[tokio::test]
async fn a_retried_event_blocks_its_lane_only_and_succeeds_when_it_can() {
    let settings = bells("retry 13")
        .await
        .set("context.bell.follow.attempts", 10_000);
    let mut host = TestHost::with(settings).await;
    let stay = host.stay();
    ring(&stay, 1, 13).await;
    ring(&stay, 1, 14).await;
    for bell in 2..=40 {
        ring(&stay, bell, 1).await;
    }
    // One of sixteen lanes waits; whoever is not in it is heard.
    let others = async || {
        let mut count = 0;
        for bell in 2..=40 {
            count += usize::from(stay.at(&format!("/bells/{bell}")).await["numbers"] == json!([1]));
        }
        if count >= 30 { Ok(()) } else { Err(count) }
    };
    eventually("the other lanes go on", others).await;
    assert_eq!(stay.at("/bells/1").await["numbers"], json!([]));
    host.rewrite(bells("").await.set("context.bell.follow.attempts", 10_000));
    let found = heard(&stay, 1, json!([13, 14])).await;
    assert!(found["attempts"][0].as_u64().unwrap() > 1, "{found}");
    for bell in 2..=40 {
        heard(&stay, bell, json!([1])).await;
    }
    letters(&host, 0).await;
}

/// A bell that holds back what comes after a dead letter of it.
async fn holding(deaf: &str) -> Settings {
    let settings = bells(deaf).await;
    settings.set("context.bell.follow.on_dead_letter", "hold_subject")
}

#[tokio::test]
async fn later_events_of_a_subject_wait_behind_its_dead_letter() {
    let mut host = TestHost::with(holding("reject 2").await).await;
    let stay = host.stay();
    for number in 1..=4 {
        ring(&stay, 1, number).await;
    }
    let found = letters(&host, 3).await;
    let held: Vec<_> = found
        .iter()
        .map(|letter| letter["heldBack"].clone())
        .collect();
    assert_eq!(held, [json!(false), json!(true), json!(true)]);
    // Others of the same lane go on, whichever those are.
    for bell in 2..=33 {
        ring(&stay, bell, 1).await;
    }
    for bell in 2..=33 {
        heard(&stay, bell, json!([1])).await;
    }
    heard(&stay, 1, json!([1])).await;

    // They wait across a power cut, and so does what comes then.
    host.kill_9();
    host.reopen().await;
    ring(&host.stay(), 1, 5).await;
    letters(&host, 4).await;
    heard(&host.stay(), 1, json!([1])).await;

    // What fails again holds the others back still.
    let retry = format!("{LETTERS}/{}/retry", found[0]["id"].as_str().unwrap());
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect_problem(409);
    letters(&host, 4).await;
    host.close().await;
    host.reopen_with(holding("no more").await).await;
    heard(&host.stay(), 1, json!([1])).await;
    host.operators()
        .send(Method::POST, &retry)
        .await
        .expect(200);
    heard(&host.stay(), 1, json!([1, 2, 3, 4, 5])).await;
    letters(&host, 0).await;
    ring(&host.stay(), 1, 6).await;
    heard(&host.stay(), 1, json!([1, 2, 3, 4, 5, 6])).await;
}

#[tokio::test]
async fn what_waits_behind_a_dropped_letter_is_handled_in_order() {
    let mut host = TestHost::with(holding("reject 1").await).await;
    let stay = host.stay();
    for number in 1..=40 {
        ring(&stay, 1, number).await;
    }
    let found = letters(&host, 40).await;
    let first = format!("{LETTERS}/{}", found[0]["id"].as_str().unwrap());
    host.operators()
        .send(Method::DELETE, &first)
        .await
        .expect(204);
    // It is killed while they are handled, and more come.
    eventually("some are handled", async || {
        let left = host.operators().context("bell").await["deadLetters"].clone();
        (left != 39).then_some(()).ok_or(left)
    })
    .await;
    host.kill_9();
    host.reopen().await;
    for number in 41..=50 {
        ring(&host.stay(), 1, number).await;
    }
    let all: Vec<u64> = (2..=50).collect();
    heard(&host.stay(), 1, json!(all)).await;
    letters(&host, 0).await;
}
