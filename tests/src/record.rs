//! Guests who register, book, cancel and review all at once, and remember what they were told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use parking_lot::Mutex;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::client::try_send;
use crate::load::{Asked, Asks, Outcome};
use crate::{Book, Client, Reply};

/// What was asked and what was answered, over all of a test's lives.
#[derive(Default)]
pub struct Record {
    next: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    rooms: Vec<u64>,
    /// By description.
    registered: BTreeMap<String, Asked>,
    /// By guest, with the room.
    booked: BTreeMap<u64, (u64, Asked)>,
    /// The reservations that someone has, by their id; they are cancelled once.
    live: Vec<u64>,
    /// By reservation.
    cancelled: BTreeMap<u64, Asked>,
    /// By content.
    reviewed: BTreeMap<String, Asked>,
    reviews: Vec<(u64, String)>,
    /// By content.
    erased: BTreeMap<String, Asked>,
}

impl Asks for Record {
    async fn ask(&self, client: &Client, dice: &mut StdRng) -> Outcome {
        match dice.random_range(0..100) {
            0..5 => self.register(client).await,
            5..50 => {
                let guest = self.number();
                match self.any_room(dice) {
                    Some(room) => self.book(client, guest, room).await,
                    None => self.register(client).await,
                }
            }
            50..75 => self.cancel(client, dice).await,
            75..90 => self.review(client, dice).await,
            90..95 => self.erase(client, dice).await,
            _ => self.describe(client, dice).await,
        }
    }
}

impl Record {
    /// How many requests were answered with success.
    pub fn successes(&self) -> usize {
        let known = self.known.lock();
        let texts = [&known.registered, &known.reviewed, &known.erased];
        let texts = texts.iter().flat_map(|asked| asked.values());
        let bookings = known.booked.values().map(|(_, asked)| asked);
        let all = texts.chain(bookings).chain(known.cancelled.values());
        all.filter(|asked| matches!(asked, Asked::Done(_))).count()
    }

    /// Registers a room by hand.
    pub async fn register(&self, client: &Client) -> Outcome {
        let desc = format!("room {}", self.number());
        self.known
            .lock()
            .registered
            .insert(desc.clone(), Asked::Unknown);
        let reply = post(client, "/rooms", json!({"desc": desc}), None).await?;
        let mut known = self.known.lock();
        if reply.status == 201 {
            known.rooms.push(reply.number("roomId"));
        }
        known.registered.insert(desc, Asked::of(&reply, "roomId"));
        Ok(())
    }

    async fn book(&self, client: &Client, guest: u64, room: u64) -> Outcome {
        self.known
            .lock()
            .booked
            .insert(guest, (room, Asked::Unknown));
        let body = json!({"roomId": room, "guestId": guest});
        let reply = post(
            client,
            "/reservations",
            body,
            Some(format!("guest-{guest}")),
        )
        .await?;
        let mut known = self.known.lock();
        if reply.status == 201 {
            known.live.push(reply.number("rsvId"));
        }
        known
            .booked
            .insert(guest, (room, Asked::of(&reply, "rsvId")));
        Ok(())
    }

    async fn cancel(&self, client: &Client, dice: &mut StdRng) -> Outcome {
        let rsv = {
            let mut known = self.known.lock();
            if known.live.is_empty() {
                return Ok(());
            }
            let which = dice.random_range(0..known.live.len());
            let rsv = known.live.swap_remove(which);
            known.cancelled.insert(rsv, Asked::Unknown);
            rsv
        };
        let request = client.request(Method::PATCH, &format!("/reservations/{rsv}"));
        let reply = try_send(request.json(&json!({"status": "reqCancel"}))).await?;
        self.known
            .lock()
            .cancelled
            .insert(rsv, Asked::of(&reply, "rsvId"));
        Ok(())
    }

    async fn review(&self, client: &Client, dice: &mut StdRng) -> Outcome {
        let Some(room) = self.any_room(dice) else {
            return Ok(());
        };
        let content = format!("review {}", self.number());
        self.known
            .lock()
            .reviewed
            .insert(content.clone(), Asked::Unknown);
        let reply = post(
            client,
            "/reviews",
            json!({"roomId": room, "content": content}),
            None,
        )
        .await?;
        let mut known = self.known.lock();
        if reply.status == 201 {
            known
                .reviews
                .push((reply.number("reviewId"), content.clone()));
        }
        known
            .reviewed
            .insert(content, Asked::of(&reply, "reviewId"));
        Ok(())
    }

    async fn erase(&self, client: &Client, dice: &mut StdRng) -> Outcome {
        let (id, content) = {
            let mut known = self.known.lock();
            if known.reviews.is_empty() {
                return Ok(());
            }
            let which = dice.random_range(0..known.reviews.len());
            let (id, content) = known.reviews.swap_remove(which);
            known.erased.insert(content.clone(), Asked::Unknown);
            (id, content)
        };
        let reply = try_send(client.request(Method::DELETE, &format!("/reviews/{id}"))).await?;
        let asked = if reply.status == 204 {
            Asked::Done(id)
        } else {
            Asked::Refused(reply.status)
        };
        self.known.lock().erased.insert(content, asked);
        Ok(())
    }

    /// Changes a room's description to what it was: an event more, and nothing to remember.
    async fn describe(&self, client: &Client, dice: &mut StdRng) -> Outcome {
        let Some(room) = self.any_room(dice) else {
            return Ok(());
        };
        let path = format!("/rooms/{room}");
        let desc = try_send(client.request(Method::GET, &path)).await?.body["desc"].clone();
        try_send(
            client
                .request(Method::PATCH, &path)
                .json(&json!({"desc": desc})),
        )
        .await?;
        Ok(())
    }

    /// Repeats each booking that was never answered, under its key, so that it is.
    pub async fn repeat_bookings(&self, client: &Client) {
        let unanswered: Vec<(u64, u64)> = {
            let known = self.known.lock();
            let booked = known.booked.iter();
            booked
                .filter(|(_, (_, asked))| *asked == Asked::Unknown)
                .map(|(guest, (room, _))| (*guest, *room))
                .collect()
        };
        for (guest, room) in unanswered {
            self.book(client, guest, room)
                .await
                .expect("the host is open");
        }
    }

    fn any_room(&self, dice: &mut StdRng) -> Option<u64> {
        let known = self.known.lock();
        (!known.rooms.is_empty()).then(|| known.rooms[dice.random_range(0..known.rooms.len())])
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Where a book says something else than its guests were told: what was acknowledged is there exactly once, what was refused is not, and what
    /// was not answered is there at most once.
    pub fn differences(&self, book: &Book) -> Vec<String> {
        let known = self.known.lock();
        let mut found = Vec::new();
        let mut compare = |what: &str, asked: Asked, there: &[&Value], id: &str| {
            if !asked.fits(there, id) {
                found.push(format!("{what}: {asked:?}, but there is {there:?}"));
            }
        };
        for (desc, asked) in &known.registered {
            compare(
                desc,
                *asked,
                &with(&book.rooms, "desc", desc.as_str()),
                "roomId",
            );
        }
        for (guest, (_, asked)) in &known.booked {
            compare(
                &format!("guest {guest}"),
                *asked,
                &with(&book.reservations, "guestId", *guest),
                "rsvId",
            );
        }
        for (content, asked) in &known.reviewed {
            let there = with(&book.reviews, "content", content.as_str());
            match known.erased.get(content) {
                Some(Asked::Done(_)) => compare(content, Asked::Refused(204), &there, "reviewId"),
                Some(Asked::Unknown) => compare(content, Asked::Unknown, &there, "reviewId"),
                _ => compare(content, *asked, &there, "reviewId"),
            }
        }
        for (rsv, asked) in &known.cancelled {
            let there = with(&book.reservations, "rsvId", *rsv);
            let cancelled = there
                .iter()
                .all(|reservation| reservation["status"] == "cancelled");
            if matches!(asked, Asked::Done(_)) && !cancelled {
                found.push(format!(
                    "reservation {rsv} was cancelled, but there is {there:?}"
                ));
            }
        }
        for rsv in &known.live {
            let there = with(&book.reservations, "rsvId", *rsv);
            if !matches!(there[..], [one] if one["status"] == "reserved") {
                found.push(format!(
                    "nobody cancelled reservation {rsv}, but there is {there:?}"
                ));
            }
        }
        found
    }
}

fn with<'a>(values: &'a [Value], field: &str, is: impl Into<Value>) -> Vec<&'a Value> {
    let is = is.into();
    values.iter().filter(|value| value[field] == is).collect()
}

async fn post(
    client: &Client,
    path: &str,
    body: Value,
    key: Option<String>,
) -> Result<Reply, reqwest::Error> {
    let mut request = client.request(Method::POST, path).json(&body);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    try_send(request).await
}
