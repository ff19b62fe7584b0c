//! Customers who order and cancel all at once, and remember what they were told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use parking_lot::Mutex;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::{Books, path_of, wanted};
use crate::client::try_send;
use crate::load::{Asked, Asks, Outcome};
use crate::{Client, eventually};

/// How many customers share the orders.
const CUSTOMERS: u64 = 5;
/// How many of a hundred requests cancel something.
const CANCELLATIONS: u32 = 40;

/// What was asked and what was answered, over all of a test's lives.
#[derive(Default)]
pub struct Purchases {
    next: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    products: Vec<u64>,
    /// By number, with what was wanted.
    placed: BTreeMap<u64, (Value, Asked)>,
    /// The orders that nobody has cancelled.
    live: Vec<u64>,
    /// By order.
    cancelled: BTreeMap<u64, Asked>,
}

impl Asks for Purchases {
    async fn ask(&self, client: &Client, dice: &mut StdRng) -> Outcome {
        if dice.random_range(0..100) < CANCELLATIONS {
            return self.cancel(client, dice).await;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let product = {
            let products = &self.known.lock().products;
            products[dice.random_range(0..products.len())]
        };
        let customer = format!("customer-{}", number % CUSTOMERS);
        let address = format!("{number} Way");
        let body = wanted(product, dice.random_range(1..4), &customer, &address);
        self.order(client, number, body).await
    }
}

impl Purchases {
    /// Of these products.
    pub fn of(products: impl IntoIterator<Item = u64>) -> Arc<Self> {
        let purchases = Self::default();
        purchases.known.lock().products = products.into_iter().collect();
        Arc::new(purchases)
    }

    /// How many requests were answered with success.
    pub fn successes(&self) -> usize {
        let known = self.known.lock();
        let placed = known.placed.values().map(|(_, asked)| asked);
        let all = placed.chain(known.cancelled.values());
        all.filter(|asked| matches!(asked, Asked::Done(_))).count()
    }

    /// Orders under a key of its own, so that it may be asked again.
    async fn order(&self, client: &Client, number: u64, body: Value) -> Outcome {
        let note = |asked| (body.clone(), asked);
        self.known
            .lock()
            .placed
            .insert(number, note(Asked::Unknown));
        let request = client.request(Method::POST, "/orders").json(&body);
        let key = format!("order-{number}");
        let reply = try_send(request.header("idempotency-key", key)).await?;
        let mut known = self.known.lock();
        if reply.status == 201 {
            known.live.push(reply.number("orderId"));
        }
        known
            .placed
            .insert(number, note(Asked::of(&reply, "orderId")));
        Ok(())
    }

    async fn cancel(&self, client: &Client, dice: &mut StdRng) -> Outcome {
        let order = {
            let mut known = self.known.lock();
            if known.live.is_empty() {
                return Ok(());
            }
            let which = dice.random_range(0..known.live.len());
            let order = known.live.swap_remove(which);
            known.cancelled.insert(order, Asked::Unknown);
            order
        };
        let request = client.request(Method::PATCH, &path_of(order));
        let reply = try_send(request.json(&json!({"state": "OrderCancelled"}))).await?;
        self.known
            .lock()
            .cancelled
            .insert(order, Asked::of(&reply, "orderId"));
        Ok(())
    }

    /// Waits until some more requests were answered with success.
    pub async fn go_on(&self) {
        let before = self.successes();
        eventually("customers go on", async || {
            let done = self.successes();
            (done > before + 20).then_some(()).ok_or(done)
        })
        .await;
    }

    /// Repeats each order that was never answered, under its key, so that it is.
    pub async fn repeat(&self, client: &Client) {
        let unanswered: Vec<(u64, Value)> = {
            let known = self.known.lock();
            let placed = known.placed.iter();
            let unanswered = placed.filter(|(_, (_, asked))| *asked == Asked::Unknown);
            unanswered
                .map(|(number, (body, _))| (*number, body.clone()))
                .collect()
        };
        for (number, body) in unanswered {
            let repeated = self.order(client, number, body).await;
            repeated.expect("the host is open");
        }
    }

    /// Where the books say something else than customers were told: what was acknowledged is there exactly once, what was refused is not, and what was not answered is there at most
    /// once. What was taken by a call stays until somebody cancels it.
    pub fn differences(&self, books: &Books) -> Vec<String> {
        let known = self.known.lock();
        let mut found = Vec::new();
        for (body, asked) in known.placed.values() {
            let all = books.orders.iter();
            let there = all.filter(|order| order["customerAddr"] == body["customerAddr"]);
            let there: Vec<_> = there.collect();
            if !asked.fits(&there, "orderId") {
                found.push(format!("{body}: {asked:?}, but there is {there:?}"));
            }
        }
        for order in &books.orders {
            let id = order["orderId"].as_u64().unwrap_or_default();
            let is_cancelled = order["state"] == "OrderCancelled";
            let may_be_rolled_back = order["checkStock"] == "events";
            let fits = match known.cancelled.get(&id) {
                Some(Asked::Done(_)) => is_cancelled,
                Some(Asked::Unknown) => true,
                None | Some(Asked::Refused(_)) => !is_cancelled || may_be_rolled_back,
            };
            if !fits {
                let cancelled = known.cancelled.get(&id);
                found.push(format!("{order} was cancelled: {cancelled:?}"));
            }
        }
        found
    }
}
