//! A booking that does not survive being run again.
#![expect(
    clippy::disallowed_methods,
    reason = "it is one of the mistakes that the conflict fuzzer is to find"
)]

mod rooms;

use std::cell::RefCell;

use innkeeper_sdk::testing::TestApp;
use innkeeper_sdk::{config, invocation, prelude::*};
use serde_json::json;

use calls::payments;

/// What is wrong with it.
#[derive(Clone, Copy)]
pub enum Mistake {
    /// It remembers outside of its tables what it has paid.
    RemembersPayments,
    /// It looks whether the guest may book only the first time that it is run.
    ChecksOnlyOnce,
}

/// A booking.
#[derive(Serialize, Record)]
#[serde(rename_all = "camelCase")]
pub struct Booking {
    rsv_id: u64,
    guest_id: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    room_id: u64,
    guest_id: Option<u64>,
}

const BOOKINGS: Table<u64, Booking> = Table::new("bookings");

thread_local!(static PAID: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) });

fn book(Json(New { room_id, guest_id }): Json<New>) -> Answer {
    let remembers = config::get("remembers", false);
    let mut bookings = (1..=BOOKINGS.count()).filter_map(|id| BOOKINGS.get(id).ok()?);
    if invocation::attempt() == 1
        && guest_id.is_some()
        && bookings.any(|booking| booking.guest_id == guest_id)
    {
        return Err(Problem::conflict("The guest has a reservation."));
    }
    let rsv_id = BOOKINGS.next_id();
    calls::rooms::hold(room_id, rsv_id).map_err(|error| Problem::conflict(error.to_string()))?;
    let is_paid = PAID.with_borrow(|paid| paid.contains(&rsv_id));
    if !(remembers && is_paid) {
        payments::approve(rsv_id, room_id).map_err(|error| Problem::conflict(error.to_string()))?;
        PAID.with_borrow_mut(|paid| paid.push(rsv_id));
    }
    BOOKINGS.put(rsv_id, &Booking { rsv_id, guest_id })?;
    Response::created("/reservations", &rsv_id)
}

fn list(paging: Paging) -> Answer {
    Response::page(&BOOKINGS.page(paging)?)
}

innkeeper_sdk::context! {
    summary: "Books in haste.",
    calls: ["stay:room/rooms", "stay:payment/payments"],
    tables: [BOOKINGS],
    routes: { POST "/reservations" => book, GET "/reservations" => list },
}

/// Two rooms, and this booking.
pub fn hotel(mistake: Mistake) -> TestApp {
    PAID.take();
    let app = TestApp::new()
        .with::<payment::Component>("payment")
        .with::<Component>("reservation")
        .with::<room::Component>("room");
    app.configure(
        "reservation",
        "remembers",
        &matches!(mistake, Mistake::RemembersPayments).to_string(),
    );
    for desc in ["Quiet", "Loud"] {
        assert_eq!(app.post("/rooms", json!({"desc": desc})).status, 201);
    }
    app
}

/// The booking with rooms whose function of this name is run in haste, or none. The first room is not paid for.
pub fn hotel_with_rooms(hasty: &str) -> TestApp {
    PAID.take();
    rooms::forget();
    let app = TestApp::new()
        .with::<payment::Component>("payment")
        .with::<Component>("reservation")
        .with::<rooms::Component>("room");
    app.configure("payment", "declined_rooms", "1");
    app.configure("room", "hasty", hasty);
    app
}
