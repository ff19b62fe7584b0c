//! The picture of the app in the README is what the running app is drawn as.

use innkeeper_tests::{Settings, TestHost, artifacts};

#[tokio::test]
async fn the_picture_of_the_app_is_what_is_drawn_of_it() {
    let host = TestHost::open().await;
    let drawn = host.command(&["graph", "--svg"]).await;
    assert!(drawn.is_well, "{drawn:?}");
    let file = artifacts::repository().join("docs/stay.svg");
    let shown = std::fs::read_to_string(&file).expect("it is there");
    assert!(
        drawn.out == shown,
        "`innkeeper graph --svg > docs/stay.svg` while the app runs: it is another one now\n{}",
        drawn.out
    );
    // What goes on in the app changes nothing.
    let room = host.stay().room("drawn").await;
    host.stay().booked(room).await;
    assert_eq!(host.command(&["graph", "--svg"]).await.out, shown);
}

#[tokio::test]
async fn another_app_is_another_picture() {
    let settings = Settings::of_the_app().await.without("context.message");
    let host = TestHost::with(settings).await;
    let drawn = host.command(&["graph", "--svg"]).await.out;
    assert!(drawn.contains(">viewpage</text>"), "{drawn}");
    assert!(!drawn.contains(">message</text>"), "{drawn}");
}
