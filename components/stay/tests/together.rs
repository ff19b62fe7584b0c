//! What the contexts of stay do together, in one process.

mod app;

use app::{book, room, stay};
use serde_json::json;

#[test]
fn a_room_is_booked_shown_and_cancelled() {
    let app = stay();
    let reply = book(&app, 1, None);
    assert_eq!((reply.status, &reply.body["payId"]), (201, &json!(1)));
    app.settle();
    assert_eq!(room(&app), ("reserved", "reserved"));
    let view = json!({
        "roomId": 1, "desc": "Quiet", "reviewCnt": 0, "roomStatus": "reserved",
        "rsvId": 1, "rsvStatus": "reserved", "payId": 1, "payStatus": "paid",
    });
    assert_eq!(app.get("/roomviews/1").body, view);
    assert_eq!(app.get("/messages").body["total"], 1);

    assert_eq!(
        app.patch("/reservations/1", json!({"status": "reqCancel"}))
            .status,
        200
    );
    app.settle();
    assert_eq!(room(&app), ("available", "cancelled"));
    assert_eq!(app.get("/reservations/1").body["status"], "cancelled");
    assert_eq!(app.get("/payments/1").body["status"], "cancelled");
    assert_eq!(app.get("/messages").body["total"], 2);
    assert_eq!(app.dead_letters(), []);
}

#[test]
fn a_room_that_is_taken_leaves_nothing_behind() {
    let app = stay();
    book(&app, 1, None);
    app.calls();
    assert_eq!(book(&app, 1, None).status, 409);
    assert_eq!(app.calls().len(), 1, "nobody is asked to pay");
    app.settle();
    assert_eq!(app.get("/reservations").body["total"], 1);
}

#[test]
fn what_is_not_paid_is_not_held() {
    let app = stay();
    app.configure("payment", "declined_rooms", "1");
    assert_eq!(book(&app, 1, None).status, 402);
    let calls: Vec<_> = app
        .calls()
        .into_iter()
        .map(|call| (call.function, call.undone))
        .collect();
    assert_eq!(
        calls,
        [
            ("stay:room/rooms#hold".into(), true),
            ("stay:payment/payments#approve".into(), false)
        ]
    );
    assert_eq!(room(&app), ("available", "register"));
    app.configure("payment", "declined_rooms", "");
    assert_eq!(book(&app, 1, None).status, 201, "the room can be had");
}

#[test]
fn a_call_that_does_not_end_in_time_is_told_as_its_interface_can() {
    let app = stay();
    app.hangs("payment");
    assert_eq!(book(&app, 1, None).status, 504);
    let calls = app.calls();
    assert!(calls[0].undone, "the room is not held");
    assert!(calls[1].answer.as_ref().unwrap_err()["DeadlineExceeded"].is_string());
    app.up("payment");
    app.hangs("room");
    assert_eq!(book(&app, 1, None).status, 201);
    assert!(app.calls()[0].answer.as_ref().unwrap_err()["Unavailable"].is_string());
}

#[test]
fn without_payment_nothing_is_booked_and_without_room_it_is_told_later() {
    let app = stay();
    app.down("payment");
    assert_eq!(book(&app, 1, None).status, 503);
    app.up("payment");
    assert_eq!(book(&app, 1, None).status, 201);
    app.down("room");
    assert_eq!(
        book(&app, 1, None).status,
        201,
        "reservations are taken round the clock"
    );
    app.up("room");
    app.settle();
    let statuses: Vec<_> = app.get("/reservations").body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reservation| reservation["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        statuses,
        ["reserved", "cancelled"],
        "the second is rolled back, and refunded"
    );
    assert_eq!(app.get("/payments/2").body["status"], "cancelled");
}
