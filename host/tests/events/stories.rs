//! Stories: what happened under one correlation id.

use innkeeper::admin::story::{self, Kind, Outcome};
use serde_json::json;

use crate::test_host::{TestHost, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_its_event_and_who_handled_it_are_one_story() {
    let test_host = TestHost::open(
        "[context.room]\ncomponent = ROOM\n[context.viewpage]\ncomponent = VIEWPAGE",
    )
    .await;
    let body = json!({"desc": "a room"});
    let (status, _) = test_host
        .ask_as("room", "POST", "/rooms", 0, body, "order-7")
        .await;
    assert_eq!(status, 201);
    let story = eventually(async || {
        let story = story::story(&test_host.host, &"order-7".parse().unwrap())
            .unwrap()
            .unwrap();
        let handled = story.invocations[0].events[0].children.len() == 1;
        if handled {
            Ok(story)
        } else {
            Err(format!("{story:?}"))
        }
    })
    .await;
    let [root] = &story.invocations[..] else {
        panic!("{story:?}")
    };
    assert_eq!(
        (root.kind, root.context.as_str(), root.name.as_str()),
        (Kind::Web, "room", "POST /rooms")
    );
    assert_eq!(
        (root.status, root.outcome, root.attempt),
        (Some(201), Outcome::Committed, 1)
    );
    assert_eq!(root.events[0].kind, "RoomRegistered");
    let handler = &root.events[0].children[0];
    assert_eq!(
        (
            handler.kind,
            handler.context.as_str(),
            handler.name.as_str()
        ),
        (Kind::Event, "viewpage", "room.RoomRegistered")
    );
    assert_eq!(
        story::story(&test_host.host, &"another".parse().unwrap()),
        Ok(None)
    );
    test_host.host.stop().await;
}
