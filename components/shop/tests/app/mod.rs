//! The app, and what tests ask of it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses a part of it, and fails where that is not there"
)]

use innkeeper_sdk::testing::{Reply, TestApp};
use serde_json::{Value, json};

/// How much of product 1 there is.
pub const STOCK: u64 = 3;

/// All of shop, with one product.
pub fn shop(check_stock: &str) -> TestApp {
    let app = TestApp::new()
        .with::<products::Component>("products")
        .with::<orders::Component>("orders")
        .with::<delivery::Component>("delivery")
        .with::<mypage::Component>("mypage");
    app.configure("orders", "check_stock", check_stock);
    let tea = json!({"name": "Tea", "price": 300, "stock": STOCK});
    assert_eq!(app.post("/products", tea).status, 201);
    app.settle();
    app
}

/// Orders so many of the product.
pub fn order(app: &TestApp, customer: &str, quantity: u64) -> Reply {
    app.post(
        "/orders",
        json!({"productId": 1, "quantity": quantity, "customerId": customer, "customerName": customer, "customerAddr": "1 Way"}),
    )
}

/// Cancels an order.
pub fn cancel(app: &TestApp, order_id: u64) -> Reply {
    let path = format!("/orders/{order_id}");
    app.patch(&path, json!({"state": "OrderCancelled"}))
}

fn items(app: &TestApp, path: &str) -> Vec<Value> {
    app.get(path).body["items"].as_array().unwrap().clone()
}

/// What is wrong with the books, once all events are handled: they balance at any rest.
pub fn books_balance(app: &TestApp) -> Result<(), String> {
    let orders = items(app, "/orders");
    let deliveries = items(app, "/deliveries");
    let is_active = |order: &Value| order["state"] == "OrderPlaced";
    let number = |value: &Value| value.as_u64().unwrap();
    let active = orders.iter().filter(|order| is_active(order));
    let taken: u64 = active.clone().map(|order| number(&order["quantity"])).sum();
    let stock = number(&app.get("/products/1").body["stock"]);
    if stock + taken != STOCK {
        return Err(format!("{stock} are left and {taken} taken of {STOCK}"));
    }
    for order in &orders {
        let id = &order["orderId"];
        let mine = deliveries
            .iter()
            .filter(|delivery| delivery["orderId"] == *id);
        let states: Vec<_> = mine.map(|delivery| &delivery["deliveryState"]).collect();
        let fits = match (is_active(order), &states[..]) {
            (true, [state]) => **state != "DeliveryCancelled",
            (false, states) => states.iter().all(|state| **state == "DeliveryCancelled"),
            (true, _) => false,
        };
        if !fits {
            return Err(format!("{order} has deliveries {states:?}"));
        }
        let customer = order["customerId"].as_str().unwrap();
        let rows = items(app, &format!("/mypage/orders/{customer}"));
        let row = rows.iter().find(|row| row["orderId"] == *id);
        let delivery = deliveries
            .iter()
            .find(|delivery| delivery["orderId"] == *id);
        let state = |state: &str| delivery.is_some_and(|found| found["deliveryState"] == state);
        let shown = row.is_some_and(|row| {
            row["orderState"] == order["state"]
                && row["payment"] == number(&order["price"]) * number(&order["quantity"])
                && row["deliveryStarted"] == delivery.is_some()
                && row["deliveryCompleted"] == state("DeliveryCompleted")
                && row["deliveryCancelled"] == state("DeliveryCancelled")
        });
        if !shown {
            return Err(format!("{order} with {delivery:?} is shown as {row:?}"));
        }
        let mileage = items(app, &format!("/mypage/mileage/{customer}"));
        let has = mileage
            .first()
            .map_or(0, |entry| number(&entry["totalMileage"]));
        let of_customer = active
            .clone()
            .filter(|order| order["customerId"] == customer);
        let due: u64 = of_customer
            .map(|order| number(&order["price"]) * number(&order["quantity"]) / 10)
            .sum();
        if has != due {
            return Err(format!("{customer} has {has} miles and should have {due}"));
        }
    }
    match app.dead_letters() {
        dead if dead.is_empty() => Ok(()),
        dead => Err(format!("{dead:?}")),
    }
}
