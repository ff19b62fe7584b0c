//! The sagas of stay under the conflict fuzzer; and a booking that is not safe, which it finds out.
#![allow(
    clippy::disallowed_macros,
    reason = "a static is one of the mistakes that the conflict fuzzer is to find; what a macro makes cannot say so itself"
)]
#![allow(clippy::unwrap_used, reason = "it is how a test fails")]

mod app;
mod hasty;

use app::{book, stay};
use innkeeper_sdk::testing::{ConflictFuzzer, Reply, TestApp};
use serde_json::{Value, json};

/// Two rooms, and a guest who may have one.
fn hotel() -> TestApp {
    let app = stay();
    app.post("/rooms", json!({"desc": "Loud"}));
    app.configure("reservation", "max_reservation_per_person", "1");
    app.settle();
    app
}

fn items(app: &TestApp, path: &str) -> Vec<Value> {
    app.get(path).body["items"].as_array().unwrap().clone()
}

/// Whoever has a reservation has its room and has paid for it, and nobody else has.
fn rooms_and_payments_are_those_of_reservations(app: &TestApp) -> Result<(), String> {
    let live: Vec<_> = items(app, "/reservations")
        .into_iter()
        .filter(|one| one["status"] == "reserved")
        .collect();
    let rooms: Vec<_> = live
        .iter()
        .map(|reservation| reservation["roomId"].clone())
        .collect();
    for room in items(app, "/rooms") {
        let wanted = rooms.iter().filter(|id| **id == room["roomId"]).count();
        let has = usize::from(room["status"] == "reserved");
        if wanted != has {
            return Err(format!("{wanted} reservations have {room}"));
        }
    }
    let paid: Vec<_> = items(app, "/payments")
        .into_iter()
        .filter(|payment| payment["status"] == "paid")
        .collect();
    let same = paid.len() == live.len()
        && live
            .iter()
            .all(|one| paid.iter().any(|payment| payment["rsvId"] == one["rsvId"]));
    if same {
        Ok(())
    } else {
        Err(format!("{paid:?} are paid, and there are {live:?}"))
    }
}

fn patch(path: &'static str, body: Value) -> impl Fn(&TestApp) -> Reply {
    move |app| app.patch(path, body.clone())
}

#[test]
fn the_sagas_survive_conflicts_wherever_they_come() {
    let with_a_reservation = || {
        let app = hotel();
        book(&app, 2, Some(7));
        app.settle();
        app
    };
    let tried = ConflictFuzzer::new(with_a_reservation)
        .operation("book", |app| book(app, 1, None))
        .operation("book as a guest", |app| book(app, 1, Some(8)))
        .operation("book another room as the same guest", |app| {
            book(app, 2, Some(8))
        })
        .operation(
            "cancel",
            patch("/reservations/1", json!({"status": "reqCancel"})),
        )
        .operation("modify", patch("/rooms/1", json!({"desc": "New"})))
        .operation("delete", |app| app.delete("/rooms/1"))
        .always(
            "rooms and payments are those of reservations",
            rooms_and_payments_are_those_of_reservations,
        )
        .check()
        .unwrap_or_else(|finding| panic!("{finding}"));
    assert!(tried.interleavings > 60, "{tried:?}");
    assert_eq!(tried.judged_by_rules, 0, "{tried:?}");
}

#[test]
fn declined_payments_survive_conflicts_too() {
    let declining = || {
        let app = hotel();
        app.configure("payment", "declined_rooms", "1");
        app
    };
    let tried = ConflictFuzzer::new(declining)
        .operation("book what is declined", |app| book(app, 1, Some(7)))
        .operation("book", |app| book(app, 2, Some(7)))
        .operation("delete", |app| app.delete("/rooms/1"))
        .always(
            "rooms and payments are those of reservations",
            rooms_and_payments_are_those_of_reservations,
        )
        .check()
        .unwrap_or_else(|finding| panic!("{finding}"));
    // A deletion is refused that comes while the room is held for what is declined then.
    assert!(
        (1..tried.interleavings).contains(&tried.judged_by_rules),
        "{tried:?}"
    );
}

#[test]
fn a_booking_that_remembers_what_it_has_paid_is_found_out() {
    let finding = ConflictFuzzer::new(|| hasty::hotel(hasty::Mistake::RemembersPayments))
        .operation("book", |app| book(app, 1, None))
        .check()
        .unwrap_err();
    assert!(
        finding
            .to_string()
            .contains("`book` does not survive being run again"),
        "{finding}"
    );
}

#[test]
fn a_booking_that_checks_only_once_is_found_out() {
    let finding = ConflictFuzzer::new(|| hasty::hotel(hasty::Mistake::ChecksOnlyOnce))
        .operation("book", |app| book(app, 1, Some(7)))
        .operation("book another room", |app| book(app, 2, Some(7)))
        .always("a guest has one reservation", |app| {
            match items(app, "/reservations").len() {
                0 | 1 => Ok(()),
                more => Err(format!("there are {more}")),
            }
        })
        .check()
        .unwrap_err();
    assert_eq!(
        finding.between.as_deref(),
        Some("book another room"),
        "{finding}"
    );
}

#[test]
fn functions_and_undos_that_remember_are_found_out() {
    let check = |hasty: &'static str, room: u64| {
        ConflictFuzzer::new(move || hasty::hotel_with_rooms(hasty))
            .operation("book", move |app| book(app, room, None))
            .check()
    };
    for (hasty, room, run_again) in [
        ("hold", 2, "the function `stay:room/rooms#hold` of room"),
        ("release", 1, "the undo `release` of room"),
    ] {
        let finding = check(hasty, room).unwrap_err();
        assert_eq!(finding.run_again.as_deref(), Some(run_again), "{finding}");
        let tried = check("", room);
        assert!(tried.is_ok(), "{tried:?}");
    }
}
