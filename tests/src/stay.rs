//! The app's own words: rooms, reservations, reviews.

use serde_json::{Value, json};

use crate::{Client, Reply, eventually};

/// A guest of the app.
#[derive(Clone)]
pub struct Stay {
    client: Client,
}

impl Stay {
    /// A guest who comes to this address.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Its connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Registers a room, and gives its id.
    pub async fn room(&self, desc: &str) -> u64 {
        let reply = self.client.post("/rooms", json!({"desc": desc})).await;
        reply.expect(201).number("roomId")
    }

    /// Asks for a reservation.
    pub async fn book(&self, room: u64) -> Reply {
        self.client
            .post("/reservations", json!({"roomId": room}))
            .await
    }

    /// Books a room that is free, waits until everyone knows, and gives the reservation's id.
    pub async fn booked(&self, room: u64) -> u64 {
        let rsv = self.book(room).await.expect(201).number("rsvId");
        eventually("the booking is known everywhere", async || {
            let view = self.view(room).await;
            let known = view["rsvId"] == rsv
                && view["roomStatus"] == "reserved"
                && view["payStatus"] == "paid";
            known.then_some(()).ok_or_else(|| view.to_string())
        })
        .await;
        rsv
    }

    /// Asks for a cancellation.
    pub async fn cancel(&self, rsv: u64) -> Reply {
        let path = format!("/reservations/{rsv}");
        self.client
            .patch(&path, json!({"status": "reqCancel"}))
            .await
    }

    /// Writes a review, and gives its id.
    pub async fn review(&self, room: u64, content: &str) -> u64 {
        let body = json!({"roomId": room, "content": content});
        self.client
            .post("/reviews", body)
            .await
            .expect(201)
            .number("reviewId")
    }

    /// What `path` shows; null when there is nothing.
    pub async fn at(&self, path: &str) -> Value {
        self.client.get(path).await.body
    }

    /// A room's row in the view; null when there is none.
    pub async fn view(&self, room: u64) -> Value {
        let reply = self.client.get(&format!("/roomviews/{room}")).await;
        if reply.status == 200 {
            reply.body
        } else {
            Value::Null
        }
    }

    /// Waits until `path` shows these values, among others.
    pub async fn shows(&self, path: &str, expected: Value) -> Value {
        eventually(&format!("{path} shows {expected}"), async || {
            let found = self.at(path).await;
            let fields = expected.as_object().expect("an object of values");
            let all = fields.iter().all(|(name, value)| found[name] == *value);
            if all {
                Ok(found)
            } else {
                Err(found.to_string())
            }
        })
        .await
    }

    /// Waits until a collection has so many members, and gives them.
    pub async fn counts(&self, path: &str, expected: usize) -> Vec<Value> {
        eventually(&format!("{path} has {expected}"), async || {
            let found = self.client.all(path).await;
            if found.len() == expected {
                Ok(found)
            } else {
                Err(format!("{found:?}"))
            }
        })
        .await
    }
}
