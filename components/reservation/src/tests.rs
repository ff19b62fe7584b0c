use innkeeper_sdk::testing::TestContext;
use serde_json::json;

use crate::Component;
use crate::guest;
use crate::reservation::{RESERVATIONS, Reservation};

/// A context with the reservation 1 of room 1 by guest 7; a booking as such needs room and payment.
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
    assert_eq!(admitted(7), Ok(()));
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
