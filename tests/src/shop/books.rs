//! The books of `shop`, as its public port shows them, and what must be true of them at any rest.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Client;

/// Everything that the public port shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Books {
    /// `/products`
    pub products: Vec<Value>,
    /// `/orders`
    pub orders: Vec<Value>,
    /// `/deliveries`
    pub deliveries: Vec<Value>,
    /// `/mypage/orders`, by customer
    pub histories: BTreeMap<String, Vec<Value>>,
    /// `/mypage/mileage`, by customer
    pub mileages: BTreeMap<String, Vec<Value>>,
}

impl Books {
    /// Reads it all, for those customers that have ordered something.
    ///
    /// # Errors
    /// What cannot be read.
    pub async fn read(client: &Client) -> Result<Self, String> {
        let orders = client.try_all("/orders").await?;
        let customers = orders.iter().map(|order| text(order, "customerId"));
        let (mut histories, mut mileages) = (BTreeMap::new(), BTreeMap::new());
        for customer in customers.collect::<BTreeSet<_>>() {
            let of_customer = async |what: &str| {
                let path = format!("/mypage/{what}/{customer}");
                client.try_all(&path).await
            };
            histories.insert(customer.to_owned(), of_customer("orders").await?);
            mileages.insert(customer.to_owned(), of_customer("mileage").await?);
        }
        Ok(Self {
            products: client.try_all("/products").await?,
            deliveries: client.try_all("/deliveries").await?,
            orders,
            histories,
            mileages,
        })
    }

    /// The orders that are active.
    pub fn active(&self) -> impl Iterator<Item = &Value> {
        self.orders.iter().filter(|order| is_active(order))
    }
}

fn is_active(order: &Value) -> bool {
    order["state"] == "OrderPlaced"
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_default()
}

fn payment(order: &Value) -> u64 {
    number(order, "price") * number(order, "quantity")
}

/// What is wrong with books that should balance. `put_in` is how much there ever was of each product.
pub fn imbalances(books: &Books, put_in: &BTreeMap<u64, u64>) -> Vec<String> {
    let mut found = Vec::new();
    stock(books, put_in, &mut found);
    deliveries(books, &mut found);
    histories(books, &mut found);
    mileages(books, &mut found);
    found
}

/// What is left and what active orders took is what was ever put in.
fn stock(books: &Books, put_in: &BTreeMap<u64, u64>, found: &mut Vec<String>) {
    for product in &books.products {
        let id = number(product, "productId");
        let of_product = books
            .active()
            .filter(|order| number(order, "productId") == id);
        let taken: u64 = of_product.map(|order| number(order, "quantity")).sum();
        let left = number(product, "stock");
        let put_in = put_in.get(&id).copied().unwrap_or_default();
        if left + taken != put_in {
            found.push(format!(
                "{left} are left and {taken} taken of {put_in} of product {id}"
            ));
        }
    }
}

/// An active order has one delivery, which is not cancelled. A cancelled one has none, or one that is cancelled: what was delivered before cannot be cancelled.
fn deliveries(books: &Books, found: &mut Vec<String>) {
    let known: BTreeSet<u64> = books
        .orders
        .iter()
        .map(|order| number(order, "orderId"))
        .collect();
    for delivery in &books.deliveries {
        if !known.contains(&number(delivery, "orderId")) {
            found.push(format!("a delivery without its order: {delivery}"));
        }
    }
    for order in &books.orders {
        let mine = of_order(books, order);
        let fits = match (is_active(order), &mine[..]) {
            (true, [one]) => one["deliveryState"] != "DeliveryCancelled" && is_of(one, order),
            (false, []) => true,
            (false, [one]) => one["deliveryState"] == "DeliveryCancelled" && is_of(one, order),
            _ => false,
        };
        if !fits {
            found.push(format!("{order} has the deliveries {mine:?}"));
        }
    }
}

fn of_order<'a>(books: &'a Books, order: &Value) -> Vec<&'a Value> {
    let all = books.deliveries.iter();
    all.filter(|delivery| delivery["orderId"] == order["orderId"])
        .collect()
}

/// Whether a delivery is of what was ordered, and to whom ordered it.
fn is_of(delivery: &Value, order: &Value) -> bool {
    let same = [
        "productId",
        "productName",
        "quantity",
        "customerId",
        "customerName",
    ];
    same.iter().all(|field| delivery[field] == order[field])
        && delivery["deliveryAddress"] == order["customerAddr"]
}

/// What customers see is what orders and delivery say, newest first.
fn histories(books: &Books, found: &mut Vec<String>) {
    for (customer, history) in &books.histories {
        let mine = books
            .orders
            .iter()
            .filter(|order| text(order, "customerId") == customer);
        let mine: Vec<_> = mine.rev().collect();
        if mine.len() != history.len() {
            let (orders, rows) = (mine.len(), history.len());
            found.push(format!("{customer} has {orders} orders and sees {rows}"));
        }
        for (order, row) in mine.into_iter().zip(history) {
            let delivery = of_order(books, order).into_iter().next();
            let state = |state: &str| delivery.is_some_and(|found| found["deliveryState"] == state);
            let expected = json!({
                "orderId": order["orderId"], "userId": customer, "nickName": order["customerName"],
                "productId": order["productId"], "productName": order["productName"],
                "timestamp": row["timestamp"], "quantity": order["quantity"], "payment": payment(order),
                "orderState": order["state"],
                "deliveryId": delivery.map(|delivery| &delivery["deliveryId"]),
                "deliveryStarted": delivery.is_some(),
                "deliveryCompleted": state("DeliveryCompleted"),
                "deliveryCancelled": state("DeliveryCancelled"),
            });
            if *row != expected || !row["timestamp"].is_u64() {
                found.push(format!("{customer} sees {row}, and it is {expected}"));
            }
        }
    }
}

/// A customer has a tenth of the payments of their active orders. It was given once for each order, and taken back once for each that was cancelled.
fn mileages(books: &Books, found: &mut Vec<String>) {
    for (customer, entries) in &books.mileages {
        let mine = books
            .orders
            .iter()
            .filter(|order| text(order, "customerId") == customer);
        let mut expected: Vec<(u64, i64)> = Vec::new();
        for order in mine {
            let mileage = i64::try_from(payment(order) / 10).unwrap_or(i64::MAX);
            let id = number(order, "orderId");
            expected.push((id, mileage));
            if !is_active(order) {
                expected.push((id, -mileage));
            }
        }
        let mut total = 0;
        let mut given = Vec::new();
        for entry in entries.iter().rev() {
            let mileage = entry["mileage"].as_i64().unwrap_or_default();
            total += mileage;
            given.push((number(entry, "orderId"), mileage));
            if entry["totalMileage"] != total || entry["userId"] != *customer {
                found.push(format!(
                    "{customer} should have {total} miles after {entry}"
                ));
            }
        }
        given.sort_unstable();
        expected.sort_unstable();
        if given != expected {
            found.push(format!(
                "{customer} was given {given:?} and not {expected:?}"
            ));
        }
    }
}
