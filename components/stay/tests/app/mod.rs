//! The app, and what tests ask of it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses a part of it, and fails where that is not there"
)]

use innkeeper_sdk::testing::{Reply, TestApp};
use serde_json::json;

/// All of stay, with one room.
pub fn stay() -> TestApp {
    let app = TestApp::new()
        .with::<message::Component>("message")
        .with::<payment::Component>("payment")
        .with::<reservation::Component>("reservation")
        .with::<room::Component>("room")
        .with::<viewpage::Component>("viewpage");
    assert_eq!(app.post("/rooms", json!({"desc": "Quiet"})).status, 201);
    app.settle();
    app
}

/// Books a room.
pub fn book(app: &TestApp, room_id: u64, guest_id: Option<u64>) -> Reply {
    app.post(
        "/reservations",
        json!({"roomId": room_id, "guestId": guest_id}),
    )
}

/// The room's status, and what was last done with it.
pub fn room(app: &TestApp) -> (&'static str, &'static str) {
    let body = app.get("/rooms/1").body;
    let known = [
        "available",
        "reserved",
        "register",
        "cancelled",
        "modify",
        "review",
    ];
    let text = |field: &str| {
        known
            .into_iter()
            .find(|known| body[field] == *known)
            .unwrap()
    };
    (text("status"), text("lastAction"))
}
