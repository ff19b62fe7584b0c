use innkeeper_sdk::testing::{Reply, TestContext};
use serde_json::{Value, json};

use crate::Component;
use crate::offers::rooms::{Guest as _, RoomError};

fn with_room() -> TestContext<Component> {
    let guest = TestContext::<Component>::new();
    assert_eq!(guest.post("/rooms", json!({"desc": "Quiet"})).status, 201);
    guest.events();
    guest
}

fn hold(guest: &TestContext<Component>, rsv_id: u64) -> Result<(), RoomError> {
    guest.call(|| Component::hold(1, rsv_id))
}

fn release(guest: &TestContext<Component>, rsv_id: u64) {
    guest.call(|| Component::release(1, rsv_id)).unwrap();
}

fn reservation(guest: &TestContext<Component>, kind: &str, room_id: u64, rsv_id: u64) {
    let data = json!({"rsvId": rsv_id, "roomId": room_id, "status": "any", "payId": 1});
    guest
        .deliver("reservation", kind, &rsv_id.to_string(), data)
        .unwrap();
}

fn review(guest: &TestContext<Component>, kind: &str, review_id: u64) {
    guest
        .deliver(
            "room",
            kind,
            "1",
            json!({"reviewId": review_id, "roomId": 1, "content": "Good"}),
        )
        .unwrap();
}

fn kinds(guest: &TestContext<Component>) -> Vec<String> {
    guest.events().into_iter().map(|event| event.kind).collect()
}

/// Status, last action and number of reviews.
fn room(guest: &TestContext<Component>) -> (String, String, u64) {
    let body = guest.get("/rooms/1").body;
    let text = |field: &str| body[field].as_str().unwrap().to_owned();
    (
        text("status"),
        text("lastAction"),
        body["reviewCnt"].as_u64().unwrap(),
    )
}

fn expect(status: &str, last_action: &str, review_cnt: u64) -> (String, String, u64) {
    (status.into(), last_action.into(), review_cnt)
}

#[test]
fn a_room_is_registered_shown_modified_and_deleted() {
    let guest = TestContext::<Component>::new();
    let reply = guest.post("/rooms", json!({"desc": "Beautiful House"}));
    let body = json!({"roomId": 1, "desc": "Beautiful House", "status": "available", "reviewCnt": 0, "lastAction": "register"});
    assert_eq!(
        (reply.status, reply.header("location"), &reply.body),
        (201, Some("/rooms/1"), &body)
    );
    assert_eq!(guest.get("/rooms/1").body, body);
    assert_eq!(
        guest.get("/rooms").body,
        json!({"items": [body], "page": 0, "size": 20, "total": 1})
    );
    let reply = guest.patch("/rooms/1", json!({"desc": "New"}));
    assert_eq!(
        (reply.status, &reply.body["desc"], &reply.body["lastAction"]),
        (200, &json!("New"), &json!("modify"))
    );
    assert_eq!(guest.delete("/rooms/1").status, 204);
    assert_eq!(guest.get("/rooms/1").status, 404);
    assert_eq!(guest.delete("/rooms/1").status, 404);
    let events = guest.events();
    assert_eq!(
        events
            .iter()
            .map(|event| event.kind.as_str())
            .collect::<Vec<_>>(),
        ["RoomRegistered", "RoomModified", "RoomDeleted"]
    );
    assert_eq!(
        events
            .iter()
            .map(|event| event.data["revision"].as_u64())
            .collect::<Vec<_>>(),
        [Some(1), Some(2), Some(3)]
    );
    assert!(events.iter().all(|event| event.subject == "1"));
}

#[test]
fn a_list_links_to_its_other_parts() {
    let guest = TestContext::<Component>::new();
    for number in 1..=7 {
        guest.post("/rooms", json!({"desc": number.to_string()}));
    }
    let ids = |reply: &Reply| {
        let items = reply.body["items"].as_array().unwrap();
        let ids = items.iter().map(|room| room["roomId"].as_u64().unwrap());
        ids.collect::<Vec<_>>()
    };
    let reply = guest.get("/rooms?size=3&color=deep%20blue");
    assert_eq!(ids(&reply), [1, 2, 3]);
    let links = reply.header("link").unwrap();
    assert_eq!(
        links,
        "</rooms?color=deep%20blue&page=0&size=3>; rel=\"first\", \
         </rooms?color=deep%20blue&after=3&size=3>; rel=\"next\", \
         </rooms?color=deep%20blue&page=2&size=3>; rel=\"last\""
    );
    let reply = guest.get("/rooms?after=3&size=3");
    assert_eq!(
        (ids(&reply), &reply.body["after"]),
        (vec![4, 5, 6], &json!(3))
    );
    assert_eq!(reply.body["total"], 7);
    let reply = guest.get("/rooms?after=6&size=3");
    assert_eq!(ids(&reply), [7]);
    assert!(!reply.header("link").unwrap().contains("next"));
    let reply = guest.get("/rooms?page=2&size=3");
    assert_eq!(ids(&reply), [7]);
    assert!(
        reply
            .header("link")
            .unwrap()
            .contains("</rooms?page=1&size=3>; rel=\"prev\"")
    );
}

#[test]
fn what_a_client_may_not_set_is_refused_and_changes_nothing() {
    let guest = with_room();
    for body in [
        json!({}),
        json!({"desc": ""}),
        json!({"desc": 1}),
        json!({"desc": "x", "status": "reserved"}),
        json!({"desc": "x".repeat(2001)}),
    ] {
        assert_eq!(guest.post("/rooms", body.clone()).status, 422, "{body}");
        assert_eq!(guest.patch("/rooms/1", body.clone()).status, 422, "{body}");
    }
    for body in [
        json!({"roomId": 2, "content": "x"}),
        json!({"content": "x"}),
        json!({"roomId": 1}),
        json!({"roomId": 1, "content": "x", "reviewId": 7}),
    ] {
        assert_eq!(guest.post("/reviews", body.clone()).status, 422, "{body}");
    }
    for path in [
        "/rooms/abc",
        "/rooms/-1",
        "/rooms/01",
        "/rooms/99999999999999999999",
        "/rooms?page=x",
        "/rooms?size=0",
        "/rooms?size=101",
        "/rooms?page=1&page=2",
        "/rooms?after=x",
        "/rooms?after=-1",
        "/rooms?after=1&page=1",
    ] {
        assert_eq!(guest.get(path).status, 400, "{path}");
    }
    assert_eq!(
        (kinds(&guest), room(&guest)),
        (vec![], expect("available", "register", 0))
    );
}

#[test]
fn one_reservation_has_the_room_and_only_that_one_frees_it() {
    let guest = with_room();
    hold(&guest, 1).unwrap();
    hold(&guest, 1).unwrap();
    assert!(matches!(hold(&guest, 2), Err(RoomError::Taken(_))));
    assert!(matches!(
        guest.call(|| Component::hold(9, 2)),
        Err(RoomError::NotFound(_))
    ));
    reservation(&guest, "ReservationConfirmed", 1, 1);
    assert_eq!(room(&guest), expect("reserved", "reserved", 0));
    release(&guest, 2);
    reservation(&guest, "ReservationCancelled", 1, 3);
    assert_eq!(room(&guest), expect("reserved", "reserved", 0));
    assert_eq!(kinds(&guest), ["RoomReserved"]);
    reservation(&guest, "ReservationCancelled", 1, 1);
    reservation(&guest, "ReservationCancelled", 1, 1);
    assert_eq!(room(&guest), expect("available", "cancelled", 0));
    let events = guest.events();
    assert_eq!(
        (
            events.len(),
            events[0].kind.as_str(),
            &events[0].data["rsvId"]
        ),
        (1, "RoomCancelled", &json!(1))
    );
}

#[test]
fn a_hold_that_comes_to_nothing_is_heard_of_by_nobody() {
    let guest = with_room();
    hold(&guest, 1).unwrap();
    assert_eq!(room(&guest), expect("reserved", "register", 0));
    assert_eq!(guest.patch("/rooms/1", json!({"desc": "New"})).status, 200);
    assert_eq!(guest.delete("/rooms/1").status, 409);
    release(&guest, 1);
    assert_eq!(room(&guest), expect("available", "modify", 0));
    let events = guest.events();
    assert_eq!(
        (events.len(), &events[0].data["status"]),
        (1, &json!("available"))
    );
}

#[test]
fn a_reservation_without_a_hold_takes_the_room_or_is_told_why_not() {
    let guest = with_room();
    reservation(&guest, "ReservationConfirmed", 1, 1);
    reservation(&guest, "ReservationConfirmed", 1, 1);
    assert_eq!(kinds(&guest), ["RoomReserved"]);
    for (room_id, rsv_id) in [(1, 2), (9, 3)] {
        reservation(&guest, "ReservationConfirmed", room_id, rsv_id);
        let events = guest.events();
        let data: &Value = &events[0].data;
        assert_eq!(
            (events[0].kind.as_str(), &data["roomId"], &data["rsvId"]),
            ("RoomUnavailable", &json!(room_id), &json!(rsv_id))
        );
    }
    assert_eq!(room(&guest), expect("reserved", "reserved", 0));
}

#[test]
fn nothing_late_takes_a_room_for_a_reservation_that_has_ended() {
    let guest = with_room();
    reservation(&guest, "ReservationCancelled", 1, 1);
    release(&guest, 2);
    reservation(&guest, "ReservationConfirmed", 1, 1);
    assert!(hold(&guest, 1).is_err() && hold(&guest, 2).is_err());
    assert_eq!(
        (kinds(&guest), room(&guest)),
        (vec![], expect("available", "register", 0))
    );
}

#[test]
fn each_review_is_counted_once_however_often_and_late_its_events_come() {
    let guest = with_room();
    assert_eq!(
        guest
            .post("/reviews", json!({"roomId": 1, "content": "Good Room"}))
            .status,
        201
    );
    review(&guest, "ReviewCreated", 1);
    review(&guest, "ReviewCreated", 1);
    assert_eq!(room(&guest), expect("available", "review", 1));
    assert_eq!(
        guest.patch("/reviews/1", json!({"content": "Fine"})).body["content"],
        json!("Fine")
    );
    assert_eq!(guest.delete("/reviews/1").status, 204);
    review(&guest, "ReviewDeleted", 1);
    review(&guest, "ReviewDeleted", 1);
    review(&guest, "ReviewCreated", 1);
    assert_eq!(room(&guest), expect("available", "review", 0));
    assert_eq!(
        kinds(&guest),
        [
            "ReviewCreated",
            "RoomModified",
            "ReviewModified",
            "ReviewDeleted",
            "RoomModified"
        ]
    );
}
