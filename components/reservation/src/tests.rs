use innkeeper_sdk::testing::{Reply, TestContext};
use serde_json::json;

use crate::Component;
use crate::calls::payments::{self, PaymentError};
use crate::calls::rooms::{self, RoomError};
use crate::guest;
use crate::reservation::{RESERVATIONS, Reservation};

/// A context with the reservation 1 of room 1 by guest 7.
fn booked() -> TestContext<Component> {
    let guest = TestContext::<Component>::new();
    let mut reservation = Reservation::new(1, 1, Some(7));
    reservation.confirm(1);
    RESERVATIONS.put(1, &reservation).unwrap();
    guest::enter(Some(7), 1).unwrap();
    guest
}

fn payment_cancelled(guest: &TestContext<Component>, rsv_id: u64) {
    let data = json!({"payId": null, "rsvId": rsv_id, "roomId": 1, "status": "cancelled"});
    guest
        .deliver("payment", "PaymentCancelled", "1", data)
        .unwrap();
}

fn room_unavailable(guest: &TestContext<Component>, rsv_id: u64) {
    guest
        .deliver(
            "room",
            "RoomUnavailable",
            "1",
            json!({"roomId": 1, "rsvId": rsv_id, "reason": "It is taken."}),
        )
        .unwrap();
}

fn kinds(guest: &TestContext<Component>) -> Vec<String> {
    guest.events().into_iter().map(|event| event.kind).collect()
}

fn status(guest: &TestContext<Component>) -> String {
    guest.get("/reservations/1").body["status"]
        .as_str()
        .unwrap()
        .into()
}

#[test]
fn cancelling_waits_for_the_payment_and_happens_once() {
    let guest = booked();
    for _ in 0..2 {
        let reply = guest.patch("/reservations/1", json!({"status": "reqCancel"}));
        let body =
            json!({"rsvId": 1, "roomId": 1, "status": "reqCancel", "payId": 1, "guestId": 7});
        assert_eq!((reply.status, reply.body), (200, body));
    }
    assert_eq!(kinds(&guest), ["ReservationCancelRequested"]);
    payment_cancelled(&guest, 1);
    payment_cancelled(&guest, 1);
    assert_eq!(
        (status(&guest), kinds(&guest)),
        ("cancelled".into(), vec!["ReservationCancelled".into()])
    );
    assert_eq!(
        guest
            .patch("/reservations/1", json!({"status": "reqCancel"}))
            .body["status"],
        json!("cancelled")
    );
    room_unavailable(&guest, 1);
    assert_eq!(
        (status(&guest), kinds(&guest)),
        ("cancelled".into(), vec![])
    );
}

#[test]
fn a_reservation_that_cannot_have_its_room_is_rolled_back() {
    let guest = booked();
    room_unavailable(&guest, 1);
    room_unavailable(&guest, 1);
    assert_eq!(
        (status(&guest), kinds(&guest)),
        (
            "reqCancel".into(),
            vec!["ReservationCancelRequested".into()]
        )
    );
    payment_cancelled(&guest, 1);
    assert_eq!(
        (status(&guest), kinds(&guest)),
        ("cancelled".into(), vec!["ReservationCancelled".into()])
    );
}

#[test]
fn a_payment_that_was_cancelled_unasked_ends_its_reservation_and_no_other() {
    let guest = booked();
    payment_cancelled(&guest, 2);
    assert_eq!((status(&guest), kinds(&guest)), ("reserved".into(), vec![]));
    payment_cancelled(&guest, 1);
    assert_eq!(
        (status(&guest), kinds(&guest)),
        ("cancelled".into(), vec!["ReservationCancelled".into()])
    );
}

#[test]
fn a_guest_has_at_most_so_many_reservations_at_a_time() {
    let guest = booked();
    let admitted = |id| guest::admit(id).map_err(|problem| problem.status());
    assert_eq!(admitted(7), Ok(()), "no limit is set");
    guest.configure("max_reservation_per_person", "1");
    assert_eq!((admitted(7), admitted(8)), (Err(409), Ok(())));
    assert_eq!(
        guest
            .post("/reservations", json!({"roomId": 1, "guestId": 7}))
            .status,
        409
    );
    guest.configure("max_reservation_per_person", "2");
    assert_eq!(admitted(7), Ok(()), "a changed limit holds at once");
    guest.configure("max_reservation_per_person", "1");
    payment_cancelled(&guest, 1);
    assert_eq!(
        admitted(7),
        Ok(()),
        "a cancelled reservation does not count"
    );
    guest.configure("max_reservation_per_person", "many");
    assert_eq!(
        admitted(7),
        Err(500),
        "what is no limit is not taken for none"
    );
}

#[test]
fn what_a_client_may_not_set_is_refused_and_changes_nothing() {
    let guest = booked();
    for status in ["reserved", "reqReserve", "cancelled", "", "REQCANCEL"] {
        assert_eq!(
            guest
                .patch("/reservations/1", json!({"status": status}))
                .status,
            422,
            "{status}"
        );
    }
    for body in [
        json!({}),
        json!({"status": null}),
        json!({"status": {"reqCancel": null}}),
        json!({"status": "reqCancel", "payId": 2}),
        json!({"roomId": 2}),
    ] {
        assert_eq!(
            guest.patch("/reservations/1", body.clone()).status,
            422,
            "{body}"
        );
    }
    for body in [
        json!({}),
        json!({"roomId": "1"}),
        json!({"roomId": 1, "status": "reserved"}),
        json!({"roomId": 1, "payId": 1}),
        json!({"roomId": 1, "guestId": "x"}),
    ] {
        assert_eq!(
            guest.post("/reservations", body.clone()).status,
            422,
            "{body}"
        );
    }
    assert_eq!(
        guest
            .patch("/reservations/2", json!({"status": "reqCancel"}))
            .status,
        404
    );
    assert_eq!((status(&guest), kinds(&guest)), ("reserved".into(), vec![]));
}

/// What room and payment say, and what becomes of a booking.
fn book(
    room: Result<(), RoomError>,
    payment: Result<u64, PaymentError>,
) -> (TestContext<Component>, Reply) {
    let guest = TestContext::<Component>::new();
    guest.answer(rooms::HOLD, move |room_id: u64, rsv_id: u64| {
        assert_eq!((room_id, rsv_id), (7, 1));
        room.clone()
    });
    guest.answer(payments::APPROVE, move |rsv_id: u64, room_id: u64| {
        assert_eq!((rsv_id, room_id), (1, 7));
        payment.clone()
    });
    let reply = guest.post("/reservations", json!({"roomId": 7, "guestId": 3}));
    (guest, reply)
}

/// Each call, and whether it was undone.
fn calls(guest: &TestContext<Component>) -> Vec<(String, bool)> {
    let calls = guest.calls().into_iter();
    calls.map(|call| (call.function, call.undone)).collect()
}

fn hold(undone: bool) -> (String, bool) {
    ("stay:room/rooms#hold".into(), undone)
}

fn approve(undone: bool) -> (String, bool) {
    ("stay:payment/payments#approve".into(), undone)
}

#[test]
fn a_held_and_paid_room_is_booked() {
    let (guest, reply) = book(Ok(()), Ok(5));
    let body = json!({"rsvId": 1, "roomId": 7, "status": "reserved", "payId": 5, "guestId": 3});
    assert_eq!(
        (reply.status, reply.header("location"), &reply.body),
        (201, Some("/reservations/1"), &body)
    );
    assert_eq!(
        kinds(&guest),
        ["ReservationCreated", "ReservationConfirmed"]
    );
    assert_eq!(calls(&guest), [hold(false), approve(false)]);
    assert_eq!(guest::GUESTS.count_of(3), 1);
}

#[test]
fn a_room_that_cannot_be_asked_for_is_booked_without_a_hold() {
    let (guest, reply) = book(Err(RoomError::Unavailable("away".into())), Ok(5));
    assert_eq!(reply.status, 201);
    assert_eq!(
        kinds(&guest),
        ["ReservationCreated", "ReservationConfirmed"]
    );
    assert_eq!(calls(&guest), [hold(false), approve(false)]);
    assert!(guest.log()[0].contains("booked without a hold: away"));
}

#[test]
fn a_room_that_cannot_be_had_ends_the_booking_before_it_is_paid() {
    for (error, status) in [
        (RoomError::Taken("It is taken.".into()), 409),
        (RoomError::NotFound("There is none.".into()), 422),
    ] {
        let (guest, reply) = book(Err(error), Ok(5));
        assert_eq!(reply.status, status);
        assert_eq!(calls(&guest), [hold(false)]);
        assert_nothing_is_left(&guest);
    }
}

#[test]
fn without_a_payment_the_hold_is_undone_and_nothing_is_left() {
    for (error, status, retry_after) in [
        (PaymentError::Declined("No money.".into()), 402, None),
        (PaymentError::Unavailable("away".into()), 503, Some("1")),
        (PaymentError::DeadlineExceeded("late".into()), 504, None),
    ] {
        let (guest, reply) = book(Ok(()), Err(error));
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (status, retry_after)
        );
        assert_eq!(calls(&guest), [hold(true), approve(false)]);
        assert_nothing_is_left(&guest);
    }
}

#[test]
fn a_booking_that_is_run_again_asks_nobody_twice() {
    let guest = TestContext::<Component>::new();
    guest.answer(rooms::HOLD, |_: u64, _: u64| Ok(()));
    guest.answer(payments::APPROVE, |_: u64, _: u64| Ok(5));
    guest.conflict();
    let reply = guest.post("/reservations", json!({"roomId": 7}));
    assert_eq!((reply.status, &reply.body["rsvId"]), (201, &json!(1)));
    assert_eq!(calls(&guest), [hold(false), approve(false)]);
    assert_eq!(
        kinds(&guest),
        ["ReservationCreated", "ReservationConfirmed"]
    );
}

#[test]
#[should_panic(expected = "nothing was arranged")]
fn a_call_that_nothing_was_arranged_for_fails_the_test_and_says_so() {
    TestContext::<Component>::new().post("/reservations", json!({"roomId": 7}));
}

fn assert_nothing_is_left(guest: &TestContext<Component>) {
    assert_eq!(kinds(guest), [""; 0]);
    assert_eq!((RESERVATIONS.count(), guest::GUESTS.count()), (0, 0));
}
