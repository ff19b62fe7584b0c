//! Names that lead nowhere are told: at the start, at each gate, and for as long as it is so.

use innkeeper_tests::artifacts::components;
use innkeeper_tests::artifacts::edited;
use innkeeper_tests::{Opening, Settings, TestHost, in_a_mood};

/// What operators are told of a context.
async fn notices(host: &TestHost, context: &str) -> String {
    let found = host.operators().get("/v1/contexts").await;
    let contexts = found["contexts"].as_array().expect("a list");
    let context = contexts.iter().find(|one| one["name"] == context);
    context.expect("it is there")["notices"].to_string()
}

/// Whether the log has warned of something.
fn warned(host: &TestHost, of: &str) -> bool {
    let lines = host.output().lines_with("a dependency is missing");
    lines.iter().any(|line| line.contains(of))
}

#[tokio::test]
async fn a_sagas_misspelt_event_is_told() {
    let settings = Settings::of_the_app()
        .await
        .set("saga.booking.completes", vec!["room.RoomReservd"]);
    let host = TestHost::with(settings).await;
    let told = notices(&host, "room").await;
    let expected = "[saga.booking] waits for room.RoomReservd, which room does not publish; did you mean `RoomReserved`?";
    assert!(told.contains(expected), "{told}");
    assert!(warned(&host, "RoomReservd"));
    // At the gate, too.
    let edition = edited("room", "dry").await;
    let tried = host.operators().deploy("room", edition, "dry-run=true");
    let tried = tried.await.expect(200);
    assert!(
        tried.text.contains("did you mean `RoomReserved`?"),
        "{}",
        tried.text
    );
    assert_eq!(notices(&host, "payment").await, "null");
}

#[tokio::test]
async fn an_import_that_nobody_offers_and_a_source_that_is_not_there_are_told() {
    let settings = Settings::of_the_app().await.without("context.payment");
    let host = TestHost::with(settings).await;
    let told = notices(&host, "reservation").await;
    assert!(
        told.contains("it imports stay:payment/payments@") && told.contains("`unavailable`"),
        "{told}"
    );
    assert!(warned(&host, "stay:payment/payments@"));
    // What serves follows payment; a version that does as well is no worse.
    let told = notices(&host, "viewpage").await;
    assert!(
        told.contains("of `payment`, which is neither a context of this app"),
        "{told}"
    );
    let edition = edited("viewpage", "as before").await;
    let deployed = host.operators().deploy("viewpage", edition, "");
    deployed.await.expect(201);
    host.stay().room("Beautiful House").await;
}

#[tokio::test]
async fn a_source_outside_is_one_when_the_manifest_names_it() {
    let moody = std::fs::read(&components().await["room-moody"]).expect("it was built");
    let follower = in_a_mood(moody, "source-is-nowhere");
    // Nobody answers there: what is followed is known all the same.
    let settings = Settings::of_the_app()
        .await
        .set("nats.url", "nats://127.0.0.1:1");
    let source: toml::Table = r#"source = "paymnt""#.parse().expect("TOML");
    let settings = settings.following("message", "pms.>", source);
    let host = Opening::new(settings.clone()).open().await;
    let tried = host
        .operators()
        .deploy("room", follower.clone(), "dry-run=true");
    tried.await.expect(200);
    let source: toml::Table = "source = \"paymnt\"\nkind = \"PaymentApprovd\""
        .parse()
        .expect("TOML");
    let settings = Settings::of_the_app()
        .await
        .set("nats.url", "nats://127.0.0.1:1");
    let settings = settings.following("message", "pms.>", source);
    let host = Opening::new(settings).open().await;
    let refused = host.operators().deploy("room", follower, "dry-run=true");
    let refused = refused.await.expect_problem(422);
    assert!(
        refused.text.contains("did you mean `PaymentApprovd`?"),
        "{}",
        refused.text
    );
}
