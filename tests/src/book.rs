//! The whole app as its public port shows it, and what must be true of it once nothing is on its way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Client;

/// Everything that the public port shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// `/rooms`
    pub rooms: Vec<Value>,
    /// `/reviews`
    pub reviews: Vec<Value>,
    /// `/reservations`
    pub reservations: Vec<Value>,
    /// `/payments`
    pub payments: Vec<Value>,
    /// `/messages`
    pub messages: Vec<Value>,
    /// `/roomviews`
    pub views: Vec<Value>,
}

impl Book {
    /// Reads it all.
    pub async fn read(client: &Client) -> Result<Self, String> {
        Ok(Self {
            rooms: client.try_all("/rooms").await?,
            reviews: client.try_all("/reviews").await?,
            reservations: client.try_all("/reservations").await?,
            payments: client.try_all("/payments").await?,
            messages: client.try_all("/messages").await?,
            views: client.try_all("/roomviews").await?,
        })
    }
}

fn id(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or(0)
}

fn count<'a>(values: impl IntoIterator<Item = &'a Value>, field: &str) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(id(value, field)).or_default() += 1;
    }
    counts
}

/// What is wrong with a book that should be at rest: every saga ended, and every context of one mind.
pub fn violations(book: &Book) -> Vec<String> {
    let mut found = Vec::new();
    payments(book, &mut found);
    rooms(book, &mut found);
    views(book, &mut found);
    messages(book, &mut found);
    found
}

/// A live reservation has a payment that stands, a cancelled one a payment that was paid back, and no other payment stands.
fn payments(book: &Book, found: &mut Vec<String>) {
    let of_reservation: BTreeMap<u64, &Value> = book
        .payments
        .iter()
        .map(|payment| (id(payment, "rsvId"), payment))
        .collect();
    if of_reservation.len() != book.payments.len() {
        found.push("a reservation was paid twice".to_owned());
    }
    for reservation in &book.reservations {
        let rsv = id(reservation, "rsvId");
        let expected = match reservation["status"].as_str() {
            Some("reserved") => "paid",
            Some("cancelled") => "cancelled",
            _ => {
                found.push(format!(
                    "the saga of this reservation has not ended: {reservation}"
                ));
                continue;
            }
        };
        let fits = |payment: &Value| {
            payment["status"] == expected
                && payment["payId"] == reservation["payId"]
                && payment["roomId"] == reservation["roomId"]
        };
        match of_reservation.get(&rsv) {
            Some(payment) if fits(payment) => {}
            other => found.push(format!(
                "{reservation} does not go with its payment {other:?}"
            )),
        }
    }
    let reserved: BTreeSet<u64> = book
        .reservations
        .iter()
        .map(|value| id(value, "rsvId"))
        .collect();
    for payment in &book.payments {
        if payment["status"] == "paid" && !reserved.contains(&id(payment, "rsvId")) {
            found.push(format!("a payment without its reservation: {payment}"));
        }
    }
}

/// A room is reserved if and only if one live reservation has it, and counts its reviews.
fn rooms(book: &Book, found: &mut Vec<String>) {
    let live = count(
        book.reservations
            .iter()
            .filter(|value| value["status"] == "reserved"),
        "roomId",
    );
    let reviews = count(&book.reviews, "roomId");
    for room in &book.rooms {
        let room_id = id(room, "roomId");
        let reservations = live.get(&room_id).copied().unwrap_or(0);
        match (room["status"].as_str(), reservations) {
            (Some("available"), 0) | (Some("reserved"), 1) => {}
            (_, 0) => found.push(format!("a hold without its reservation: {room}")),
            _ => found.push(format!("{reservations} live reservations of {room}")),
        }
        let counted = id(room, "reviewCnt");
        let written = reviews.get(&room_id).copied().unwrap_or(0) as u64;
        if counted != written {
            found.push(format!("{written} reviews of {room}"));
        }
    }
}

/// Each room has a row that says what room, reservation and payment say; nothing else has one.
fn views(book: &Book, found: &mut Vec<String>) {
    let rows: BTreeMap<u64, &Value> = book
        .views
        .iter()
        .map(|view| (id(view, "roomId"), view))
        .collect();
    let rooms: BTreeSet<u64> = book.rooms.iter().map(|room| id(room, "roomId")).collect();
    for view in &book.views {
        if !view["desc"].is_null() && !rooms.contains(&id(view, "roomId")) {
            found.push(format!("a view of a room that is gone: {view}"));
        }
    }
    let payments: BTreeMap<u64, &Value> = book
        .payments
        .iter()
        .map(|payment| (id(payment, "payId"), payment))
        .collect();
    for room in &book.rooms {
        let room_id = id(room, "roomId");
        let mine = || {
            book.reservations
                .iter()
                .filter(|value| id(value, "roomId") == room_id)
        };
        let newest = mine()
            .filter(|value| value["status"] != "cancelled")
            .chain(mine())
            .fold(None, |shown: Option<&Value>, value| match shown {
                Some(shown) if shown["status"] != "cancelled" && value["status"] == "cancelled" => {
                    Some(shown)
                }
                Some(shown) if id(shown, "rsvId") > id(value, "rsvId") => Some(shown),
                _ => Some(value),
            });
        let null = Value::Null;
        let of = |value: Option<&Value>, field: &str| {
            value.map_or(null.clone(), |value| value[field].clone())
        };
        let payment = newest.and_then(|value| payments.get(&id(value, "payId")).copied());
        let expected = serde_json::json!({
            "roomId": room_id,
            "desc": room["desc"],
            "reviewCnt": room["reviewCnt"],
            "roomStatus": room["status"],
            "rsvId": of(newest, "rsvId"),
            "rsvStatus": of(newest, "status"),
            "payId": of(payment, "payId"),
            "payStatus": of(payment, "status"),
        });
        match rows.get(&room_id) {
            Some(view) if **view == expected => {}
            other => found.push(format!("the view {other:?} should be {expected}")),
        }
    }
}

/// One message for each confirmation, and one for each cancellation.
fn messages(book: &Book, found: &mut Vec<String>) {
    let mut contents: Vec<&str> = book
        .messages
        .iter()
        .filter_map(|message| message["content"].as_str())
        .collect();
    contents.sort_unstable();
    let mut expected = Vec::new();
    for reservation in &book.reservations {
        let (rsv, room) = (id(reservation, "rsvId"), id(reservation, "roomId"));
        expected.push(format!(
            "Your reservation {rsv} of room {room} is confirmed."
        ));
        if reservation["status"] == "cancelled" {
            expected.push(format!(
                "Your reservation {rsv} of room {room} is cancelled, and your payment refunded."
            ));
        }
    }
    expected.sort_unstable();
    if contents != expected {
        let missing: Vec<_> = expected
            .iter()
            .filter(|text| !contents.contains(&text.as_str()))
            .collect();
        let found_count = contents.len();
        found.push(format!(
            "{found_count} messages instead of {}; missing: {missing:?}",
            expected.len()
        ));
    }
}
