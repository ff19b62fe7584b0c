//! The words of the app `shop`: products, orders, and what its books say.

mod books;
mod purchases;

use serde_json::{Value, json};

use crate::{Client, Reply, eventually};

pub use books::{Books, imbalances};
pub use purchases::Purchases;

/// The path of an order.
fn path_of(order: u64) -> String {
    format!("/orders/{order}")
}

/// A customer of the app.
#[derive(Clone)]
pub struct Shop {
    client: Client,
}

impl Shop {
    /// A customer who comes to this address.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Its connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Puts a product on sale, and gives its id.
    pub async fn product(&self, price: u64, stock: u64) -> u64 {
        let body = json!({"name": "Tea", "price": price, "stock": stock});
        let reply = self.client.post("/products", body).await;
        reply.expect(201).number("productId")
    }

    /// Orders something.
    pub async fn order(&self, product: u64, quantity: u64, customer: &str) -> Reply {
        self.client
            .post("/orders", wanted(product, quantity, customer, "1 Way"))
            .await
    }

    /// The same, until orders has heard of the product.
    pub async fn ordered(&self, product: u64, quantity: u64, customer: &str) -> u64 {
        eventually("the order is taken", async || {
            let reply = self.order(product, quantity, customer).await;
            match reply.status {
                201 => Ok(reply.number("orderId")),
                _ => Err(reply.text),
            }
        })
        .await
    }

    /// Asks for a cancellation.
    pub async fn cancel(&self, order: u64) -> Reply {
        let body = json!({"state": "OrderCancelled"});
        self.client.patch(&path_of(order), body).await
    }

    /// Waits until the delivery of an order is in this state, and gives it.
    pub async fn delivery(&self, order: u64, state: &str) -> Value {
        self.delivery_in(order, &[state]).await
    }

    /// Waits until the delivery of an order has started, and gives it; it may have arrived meanwhile.
    pub async fn started_delivery(&self, order: u64) -> Value {
        let states = ["DeliveryStarted", "DeliveryCompleted"];
        self.delivery_in(order, &states).await
    }

    async fn delivery_in(&self, order: u64, states: &[&str]) -> Value {
        let wanted = format!("the delivery of order {order}: {states:?}");
        eventually(&wanted, async || {
            let all = self.client.try_all("/deliveries").await?;
            let mut of_order = all.into_iter().filter(|found| found["orderId"] == order);
            match of_order.next() {
                Some(found) if states.iter().any(|state| found["deliveryState"] == *state) => {
                    Ok(found)
                }
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    /// Waits until `path` shows these values, among others.
    pub async fn shows(&self, path: &str, expected: Value) -> Value {
        eventually(&format!("{path} shows {expected}"), async || {
            let found = self.client.get(path).await.body;
            let fields = expected.as_object().expect("an object of values");
            let all = fields.iter().all(|(name, value)| found[name] == *value);
            all.then_some(found.clone())
                .ok_or_else(|| found.to_string())
        })
        .await
    }

    /// What a customer sees at `/mypage/orders`, newest first.
    pub async fn history(&self, customer: &str) -> Vec<Value> {
        self.client.all(&format!("/mypage/orders/{customer}")).await
    }

    /// What a customer sees at `/mypage/mileage`, newest first.
    pub async fn mileage(&self, customer: &str) -> Vec<Value> {
        self.client
            .all(&format!("/mypage/mileage/{customer}"))
            .await
    }
}

/// What is sent to order something.
fn wanted(product: u64, quantity: u64, customer: &str, address: &str) -> Value {
    json!({
        "productId": product, "quantity": quantity, "customerId": customer, "customerName": customer,
        "customerAddr": address,
    })
}
