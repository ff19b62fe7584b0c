use innkeeper_sdk::testing::TestContext;
use serde_json::{Value, json};

use crate::Component;

type Delivery = (&'static str, &'static str, Value);

fn room(kind: &'static str, revision: u64, status: &str) -> Delivery {
    (
        "room",
        kind,
        json!({"roomId": 1, "desc": "Quiet", "status": status, "reviewCnt": revision, "lastAction": "any", "rsvId": null, "revision": revision}),
    )
}

fn reservation(kind: &'static str, rsv_id: u64, status: &str) -> Delivery {
    (
        "reservation",
        kind,
        json!({"rsvId": rsv_id, "roomId": 1, "status": status, "payId": if status == "reqReserve" { None } else { Some(rsv_id) }}),
    )
}

fn payment(kind: &'static str, rsv_id: u64, status: &str) -> Delivery {
    (
        "payment",
        kind,
        json!({"payId": rsv_id, "rsvId": rsv_id, "roomId": 1, "status": status}),
    )
}

fn after(events: &[Delivery]) -> TestContext<Component> {
    let guest = TestContext::<Component>::new();
    for (source, kind, data) in events {
        guest.deliver(source, kind, "1", data.clone()).unwrap();
    }
    guest
}

fn view(events: &[Delivery]) -> Value {
    after(events).get("/roomviews/1").body
}

/// Every order of the events.
fn orders(events: &[Delivery]) -> Vec<Vec<Delivery>> {
    let Some((first, rest)) = events.split_first() else {
        return vec![vec![]];
    };
    let insert = |order: Vec<Delivery>| {
        (0..=order.len()).map(move |place| {
            let mut order = order.clone();
            order.insert(place, first.clone());
            order
        })
    };
    orders(rest).into_iter().flat_map(insert).collect()
}

#[test]
fn a_booking_shows_the_same_in_whatever_order_its_events_come() {
    let events = [
        room("RoomRegistered", 1, "available"),
        room("RoomReserved", 2, "reserved"),
        reservation("ReservationCreated", 5, "reqReserve"),
        reservation("ReservationConfirmed", 5, "reserved"),
        reservation("ReservationCancelRequested", 5, "reqCancel"),
        payment("PaymentApproved", 5, "paid"),
        payment("PaymentCancelled", 5, "cancelled"),
    ];
    let expected = json!({
        "roomId": 1, "desc": "Quiet", "reviewCnt": 2, "roomStatus": "reserved",
        "rsvId": 5, "rsvStatus": "reqCancel", "payId": 5, "payStatus": "cancelled",
    });
    for order in orders(&events) {
        assert_eq!(view(&order), expected, "{order:?}");
    }
}

#[test]
fn what_is_known_is_shown_before_the_rest_is() {
    let partial = view(&[reservation("ReservationCreated", 5, "reqReserve")]);
    assert_eq!(
        partial,
        json!({
            "roomId": 1, "desc": null, "reviewCnt": null, "roomStatus": null,
            "rsvId": 5, "rsvStatus": "reqReserve", "payId": null, "payStatus": null,
        })
    );
    assert_eq!(
        after(&[payment("PaymentApproved", 5, "paid")])
            .get("/roomviews/1")
            .status,
        404
    );
}

#[test]
fn late_events_of_an_old_reservation_do_not_hide_the_new_one() {
    let events = [
        reservation("ReservationConfirmed", 5, "reserved"),
        reservation("ReservationCancelled", 5, "cancelled"),
        payment("PaymentCancelled", 5, "cancelled"),
        reservation("ReservationConfirmed", 6, "reserved"),
        payment("PaymentApproved", 6, "paid"),
    ];
    for order in orders(&events) {
        let view = view(&order);
        assert_eq!(
            (
                &view["rsvId"],
                &view["rsvStatus"],
                &view["payId"],
                &view["payStatus"]
            ),
            (&json!(6), &json!("reserved"), &json!(6), &json!("paid")),
            "{order:?}"
        );
    }
}

#[test]
fn a_booking_that_was_rolled_back_does_not_hide_the_one_that_has_the_room() {
    let events = [
        reservation("ReservationConfirmed", 5, "reserved"),
        reservation("ReservationConfirmed", 6, "reserved"),
        reservation("ReservationCancelled", 6, "cancelled"),
        payment("PaymentCancelled", 7, "cancelled"),
    ];
    for order in orders(&events) {
        assert_eq!(view(&order)["rsvId"], json!(5), "{order:?}");
    }
}

#[test]
fn a_deleted_room_stays_deleted() {
    let events = [
        room("RoomRegistered", 1, "available"),
        room("RoomDeleted", 2, "available"),
        reservation("ReservationCancelled", 5, "cancelled"),
    ];
    for order in orders(&events) {
        let guest = after(&order);
        assert_eq!(guest.get("/roomviews/1").status, 404, "{order:?}");
        assert_eq!(guest.get("/roomviews").body["total"], json!(0));
    }
}
