//! What keeps an event from being handled is seen while it is tried, and an operator can end that.

use innkeeper_tests::{Said, Settings, TestHost, command, eventually};
use serde_json::json;

/// A bell that answers `retry` to each ring of this number, and asks for a long pause between attempts.
async fn bells() -> Settings {
    Settings::empty()
        .with("bell", "bell")
        .await
        .set("context.bell.config.deaf", "retry 1")
        .set("context.bell.follow.attempts", 7)
        .set("context.bell.follow.initial_backoff", "10m")
        .set("context.bell.follow.max_backoff", "10m")
        .set("journal.result_retention", "2h")
}

async fn operator(host: &TestHost, arguments: &[&str]) -> Said {
    let operators = host.operators();
    let mut all = arguments.to_vec();
    all.extend(["--admin", operators.client().base()]);
    all.extend(["--admin-token", operators.token()]);
    command(&all).await
}

#[tokio::test]
async fn what_is_stuck_is_shown_and_can_be_given_up_on() {
    let host = TestHost::with(bells().await).await;
    let stay = host.stay();
    for number in [1, 2] {
        let ring = stay
            .client()
            .post("/bells/1/rings", json!({"number": number}));
        ring.await.expect(200);
    }
    // The first ring keeps the second from being heard: both are about one bell.
    let stuck = eventually("the event is stuck", async || {
        let context = host.operators().context("bell").await;
        let retries = context["retries"].as_array().cloned().unwrap_or_default();
        match <[_; 1]>::try_from(retries) {
            Ok([retry]) => Ok(retry),
            Err(retries) => Err(format!("{retries:?}")),
        }
    })
    .await;
    assert_eq!(
        (&stuck["attempts"], &stuck["limit"]),
        (&json!(1), &json!(7))
    );
    assert_eq!(stuck["event"]["data"]["number"], 1);
    let id = stuck["id"].as_str().expect("an id");

    let said = operator(&host, &["status", "bell"]).await;
    let line = said.out.lines().find(|line| line.starts_with("stuck"));
    let line = line.unwrap_or_else(|| panic!("{said:?}"));
    let reason = stuck["reason"].as_str().expect("a reason");
    for part in [id, "1 of 7 attempts failed", " min", reason] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let next = format!("innkeeper dead-letters give-up bell {id}");
    assert!(said.err.contains(&next), "{said:?}");

    let said = operator(&host, &["dead-letters", "give-up", "bell", id]).await;
    assert!(said.is_well, "{said:?}");
    stay.shows("/bells/1", json!({"numbers": [2]})).await;
    let letters = host.operators().dead_letters("bell", 1).await;
    assert_eq!(
        (&letters[0]["id"], &letters[0]["attempts"]),
        (&json!(id), &json!(1))
    );
    let why = letters[0]["reason"].as_str().expect("a reason");
    assert!(
        why.contains("an operator gave up") && why.contains(reason),
        "{why}"
    );

    // What is not tried cannot be given up on, and it is said where to look.
    let said = operator(&host, &["dead-letters", "give-up", "bell", id]).await;
    assert!(
        !said.is_well && said.err.contains("innkeeper dead-letters bell"),
        "{said:?}"
    );
    let said = operator(&host, &["status", "bell"]).await;
    assert!(!said.out.contains("stuck"), "{said:?}");
    let said = operator(&host, &["status", "bel"]).await;
    assert!(said.err.contains("did you mean `bell`?"), "{said:?}");
}
