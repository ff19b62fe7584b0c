//! What a version in Rust has written is moved by one in another language: in each the same.

use innkeeper_tests::TestHost;

/// A message becomes one that says how long it is; a version that is not ready does not come to serve, and says why.
pub(super) async fn the_state_of_rust_is_migrated(component: &str) {
    let host = TestHost::with(super::settings().await).await;
    let (stay, operators) = (host.stay(), host.operators());
    let moved = async || super::try_deploy(operators, component).await;
    // It sees a state in which nothing is yet.
    let refused = moved().await;
    assert!(
        refused.status >= 400 && refused.text.contains("nobody was told anything yet"),
        "{}",
        refused.text
    );
    super::told_of_both(&stay, 0).await;
    let before = stay.at("/messages/1").await;
    moved().await.expect(201);
    let after = stay.at("/messages/1").await;
    let length = before["content"].as_str().map(str::len);
    assert_eq!(
        (&after["content"], after["length"].as_u64()),
        (&before["content"], length.map(|length| length as u64)),
        "{after}"
    );
}

/// An exception while a row is migrated ends the rollout with its reason, and the version before goes on.
pub(super) async fn an_exception_ends_the_rollout(component: &str) {
    let host = TestHost::with(super::settings().await).await;
    let (stay, operators) = (host.stay(), host.operators());
    for _ in 0..13 {
        stay.room("told").await;
    }
    stay.booked(13).await;
    stay.counts("/messages", 1).await;
    let refused = super::try_deploy(operators, component).await;
    assert!(
        refused.status >= 400
            && refused
                .text
                .contains("from 0: nobody was ever told of room 13"),
        "{}",
        refused.text
    );
    assert_eq!(stay.at("/messages/1").await["roomId"], 13);
}
