//! What the contexts of shop do together, in one process.
#![allow(clippy::unwrap_used, reason = "it is how a test fails")]

mod app;

use std::time::Duration;

use app::{STOCK, books_balance, cancel, order, shop};
use innkeeper_sdk::testing::TestApp;
use serde_json::{Value, json};

fn at(app: &TestApp, path: &str, field: &str) -> Value {
    app.get(path).body[field].clone()
}

fn row(app: &TestApp) -> Value {
    app.get("/mypage/orders/ada").body["items"][0].clone()
}

#[test]
fn an_order_is_delivered_and_shown_however_its_stock_is_checked() {
    for check_stock in ["call", "events"] {
        let app = shop(check_stock);
        let reply = order(&app, "ada", 2);
        assert_eq!((reply.status, &reply.body["price"]), (201, &json!(300)));
        app.settle();
        books_balance(&app).unwrap();
        assert_eq!(at(&app, "/products/1", "stock"), STOCK - 2);
        assert_eq!(
            at(&app, "/deliveries/1", "deliveryState"),
            "DeliveryStarted"
        );
        app.advance(Duration::from_secs(2));
        books_balance(&app).unwrap();
        let row = row(&app);
        assert_eq!(
            [
                &row["payment"],
                &row["orderState"],
                &row["deliveryCompleted"]
            ],
            [&json!(600), &json!("OrderPlaced"), &json!(true)]
        );
        assert_eq!(cancel(&app, 1).status, 409, "it is delivered");
        app.settle();
        books_balance(&app).unwrap();
        assert_eq!(at(&app, "/orders/1", "state"), "OrderPlaced");
    }
}

#[test]
fn a_cancellation_in_time_takes_everything_back() {
    for check_stock in ["call", "events"] {
        let app = shop(check_stock);
        order(&app, "ada", 2);
        app.settle();
        assert_eq!(cancel(&app, 1).status, 200);
        app.settle();
        app.advance(Duration::from_secs(60));
        books_balance(&app).unwrap();
        assert_eq!(at(&app, "/products/1", "stock"), STOCK);
        assert_eq!(
            at(&app, "/deliveries/1", "deliveryState"),
            "DeliveryCancelled"
        );
        let row = row(&app);
        assert_eq!(
            [
                &row["orderState"],
                &row["deliveryStarted"],
                &row["deliveryCancelled"],
                &row["deliveryId"]
            ],
            [
                &json!("OrderCancelled"),
                &json!(true),
                &json!(true),
                &json!(1)
            ]
        );
    }
}

#[test]
fn by_a_call_nothing_is_left_of_an_order_that_finds_no_stock() {
    let app = shop("call");
    order(&app, "ada", 2);
    assert_eq!(order(&app, "bob", 2).status, 409);
    app.down("products");
    assert_eq!(order(&app, "bob", 1).status, 503);
    app.up("products");
    app.settle();
    books_balance(&app).unwrap();
    assert_eq!(at(&app, "/orders", "total"), 1);
}

#[test]
fn by_events_an_order_that_finds_no_stock_is_rolled_back() {
    let app = shop("events");
    // Both are placed before products hears of either.
    assert_eq!(order(&app, "ada", 2).status, 201);
    assert_eq!(order(&app, "bob", 2).status, 201);
    app.settle();
    books_balance(&app).unwrap();
    let states = [1, 2].map(|id| at(&app, &format!("/orders/{id}"), "state"));
    assert_eq!(states, ["OrderPlaced", "OrderCancelled"]);
    assert_eq!(at(&app, "/deliveries", "total"), 1);
    // Products that cannot be reached keeps nobody from ordering.
    cancel(&app, 1);
    app.settle();
    app.down("products");
    assert_eq!(order(&app, "bob", 3).status, 201);
    app.up("products");
    app.settle();
    books_balance(&app).unwrap();
    assert_eq!(at(&app, "/products/1", "stock"), 0);
}

#[test]
fn an_order_that_is_cancelled_before_products_hears_of_it_leaves_nothing() {
    let app = shop("events");
    order(&app, "ada", 2);
    assert_eq!(cancel(&app, 1).status, 200);
    app.settle();
    app.advance(Duration::from_secs(60));
    books_balance(&app).unwrap();
    assert_eq!(at(&app, "/products/1", "stock"), STOCK);
}

#[test]
fn an_order_goes_on_in_the_way_in_which_it_was_placed() {
    let app = shop("call");
    order(&app, "ada", 1);
    app.configure("orders", "check_stock", "events");
    order(&app, "ada", 1);
    app.configure("orders", "check_stock", "call");
    app.settle();
    books_balance(&app).unwrap();
    assert_eq!(at(&app, "/products/1", "stock"), STOCK - 2);
    cancel(&app, 1);
    cancel(&app, 2);
    app.settle();
    books_balance(&app).unwrap();
    assert_eq!(at(&app, "/products/1", "stock"), STOCK);
}

#[test]
fn a_cancellation_that_nobody_can_answer_for_is_asked_again() {
    let app = shop("call");
    order(&app, "ada", 1);
    app.settle();
    app.down("delivery");
    assert_eq!(cancel(&app, 1).status, 503);
    app.up("delivery");
    app.settle();
    assert_eq!(cancel(&app, 1).status, 200);
    app.settle();
    books_balance(&app).unwrap();
}

/// Whoever is told that it is cancelled gets nothing, though its time comes before delivery hears of it.
#[test]
fn what_is_cancelled_is_not_delivered_while_nobody_knows_yet() {
    let app = shop("call");
    order(&app, "ada", 1);
    app.settle();
    app.publish("delivery", "DeliveryDue", "1", json!({"deliveryId": 1}));
    assert_eq!(cancel(&app, 1).status, 200);
    app.settle();
    app.advance(Duration::from_secs(60));
    books_balance(&app).unwrap();
    assert_eq!(
        at(&app, "/deliveries/1", "deliveryState"),
        "DeliveryCancelled"
    );
}
