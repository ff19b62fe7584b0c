//! What cannot be a key is refused by whichever way it comes, and leaves nothing.

use http::Method;
use innkeeper_tests::{Settings, TestHost, eventually, send};

#[tokio::test]
async fn a_key_that_is_empty_or_too_long_is_refused_and_nothing_is_changed() {
    let settings = Settings::empty().with("archive", "archive").await;
    let host = TestHost::with(settings).await;
    let ask = async |method: Method, length: usize| {
        send(host.gateway().request(method, &format!("/raw/{length}"))).await
    };
    ask(Method::POST, 1_024).await.expect(204);
    let keys = async || {
        let found = host.operators().context("archive").await;
        let quota = found["quota"].as_array().expect("what it keeps");
        let keys = quota.iter().find(|used| used["resource"] == "keys");
        keys.expect("keys are counted")["used"].clone()
    };
    let before = keys().await;
    for length in [0, 1_025, 4_000] {
        for method in [Method::POST, Method::DELETE] {
            let refused = ask(method, length).await.expect_problem(500);
            assert_eq!(
                refused.body["type"], "urn:innkeeper:problem:guest-failed",
                "{length}: {refused:?}"
            );
        }
        eventually("it is logged why", async || {
            let says = format!("a state key of {length} bytes is not allowed");
            let lines = host.output().lines_with(&says);
            (lines.len() >= 2).then_some(()).ok_or(lines.len())
        })
        .await;
    }
    assert_eq!(keys().await, before);
    ask(Method::DELETE, 1_024).await.expect(204);
}
