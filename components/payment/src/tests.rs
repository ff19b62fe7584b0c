use innkeeper_sdk::testing::TestContext;
use serde_json::{Value, json};

use crate::Component;
use crate::offers::payments::{Guest as _, PaymentError};

fn approve(guest: &TestContext<Component>, rsv_id: u64, room_id: u64) -> Result<u64, PaymentError> {
    guest.call(|| Component::approve(rsv_id, room_id))
}

fn cancel(guest: &TestContext<Component>, rsv_id: u64) -> u64 {
    guest.call(|| Component::cancel(rsv_id, 1)).unwrap()
}

fn refund(guest: &TestContext<Component>, rsv_id: u64, pay_id: u64) -> u64 {
    guest.call(|| Component::refund(rsv_id, 1, pay_id)).unwrap()
}

fn cancel_requested(guest: &TestContext<Component>, rsv_id: u64) {
    let data = json!({"rsvId": rsv_id, "roomId": 1, "status": "reqCancel", "payId": null});
    guest
        .deliver("reservation", "ReservationCancelRequested", "1", data)
        .unwrap();
}

fn events(guest: &TestContext<Component>) -> Vec<(String, Value)> {
    guest
        .events()
        .into_iter()
        .map(|event| (event.kind, event.data))
        .collect()
}

fn event(kind: &str, pay_id: Option<u64>, rsv_id: u64, status: &str) -> (String, Value) {
    (
        kind.into(),
        json!({"payId": pay_id, "rsvId": rsv_id, "roomId": 1, "status": status}),
    )
}

#[test]
fn a_reservation_is_paid_once_and_refunded_once() {
    let guest = TestContext::<Component>::new();
    assert_eq!(approve(&guest, 5, 1).unwrap(), 1);
    assert_eq!(approve(&guest, 5, 1).unwrap(), 1);
    assert_eq!(
        guest.get("/payments/1").body,
        json!({"payId": 1, "rsvId": 5, "roomId": 1, "status": "paid"})
    );
    cancel_requested(&guest, 5);
    cancel_requested(&guest, 5);
    assert_eq!(cancel(&guest, 5), 1);
    assert_eq!(
        guest.get("/payments").body["items"],
        json!([{"payId": 1, "rsvId": 5, "roomId": 1, "status": "cancelled"}])
    );
    assert_eq!(
        events(&guest),
        [
            event("PaymentApproved", Some(1), 5, "paid"),
            event("PaymentCancelled", Some(1), 5, "cancelled")
        ]
    );
    assert!(matches!(
        approve(&guest, 5, 1),
        Err(PaymentError::Declined(_))
    ));
}

#[test]
fn an_approval_is_undone_by_its_own_payment() {
    let guest = TestContext::<Component>::new();
    approve(&guest, 5, 1).unwrap();
    assert_eq!(refund(&guest, 5, 2), 0, "another approval made that one");
    assert_eq!(
        refund(&guest, 6, 1),
        0,
        "it was made for another reservation"
    );
    assert_eq!(refund(&guest, 5, 1), 1);
    assert_eq!(refund(&guest, 5, 1), 1, "once");
}

#[test]
fn cancelling_what_was_never_paid_ends_the_saga_and_the_payment_cannot_come_late() {
    let guest = TestContext::<Component>::new();
    assert_eq!(cancel(&guest, 5), 0);
    assert_eq!(events(&guest), []);
    cancel_requested(&guest, 5);
    assert_eq!(
        events(&guest),
        [event("PaymentCancelled", None, 5, "cancelled")]
    );
    assert!(matches!(
        approve(&guest, 5, 1),
        Err(PaymentError::Declined(_))
    ));
    assert_eq!(guest.get("/payments").body["total"], json!(0));
}

#[test]
fn payments_for_some_rooms_are_declined() {
    let guest = TestContext::<Component>::new();
    guest.configure("declined_rooms", "13, 17");
    assert!(matches!(
        approve(&guest, 1, 17),
        Err(PaymentError::Declined(_))
    ));
    assert!(approve(&guest, 2, 1).is_ok());
    assert_eq!(guest.get("/payments").body["total"], json!(1));
}
