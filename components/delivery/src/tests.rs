use std::time::Duration;

use innkeeper_sdk::testing::{TestApp, TestContext};
use serde_json::{Value, json};

use crate::Component;
use crate::hold::HOLDS;
use crate::offers::deliveries::{DeliveryError, Guest as _};
use crate::settings::DeliveryTime;

fn taken(order_id: u64) -> Value {
    json!({
        "orderId": order_id, "productId": 1, "quantity": 2, "productName": "Tea",
        "customerId": "ada", "customerName": "Ada", "customerAddr": "1 Way", "roomId": 9,
    })
}

/// Delivery, with time that passes when the test says so.
fn delivery() -> TestApp {
    TestApp::new().with::<Component>("delivery")
}

/// The same, with the delivery 1 of order 5 under way.
fn started() -> TestApp {
    let app = delivery();
    take(&app, 5);
    app
}

fn take(app: &TestApp, order_id: u64) {
    app.publish(
        "products",
        "StockTaken",
        &order_id.to_string(),
        taken(order_id),
    );
    app.settle();
}

fn cancel(app: &TestApp, order_id: u64) {
    let data = json!({"orderId": order_id});
    app.publish("orders", "OrderCancelled", &order_id.to_string(), data);
    app.settle();
}

fn hold(app: &TestApp) -> Result<String, DeliveryError> {
    app.run("delivery", || Component::hold(5))
}

fn release(app: &TestApp, hold_id: &str) {
    app.run("delivery", || Component::release(5, hold_id.into()))
        .unwrap();
}

fn state(app: &TestApp) -> Value {
    app.get("/deliveries/1").body["deliveryState"].clone()
}

fn kinds(app: &TestApp) -> Vec<String> {
    let events = app.events("delivery").into_iter();
    let kinds = events.map(|event| event.kind);
    kinds.filter(|kind| kind != "DeliveryDue").collect()
}

#[test]
fn what_was_taken_is_delivered_once_and_completed_by_a_timer() {
    let app = started();
    take(&app, 5);
    let shown = json!({
        "deliveryId": 1, "orderId": 5, "productId": 1, "productName": "Tea", "quantity": 2, "customerId": "ada",
        "customerName": "Ada", "deliveryAddress": "1 Way", "roomId": 9, "deliveryState": "DeliveryStarted",
    });
    assert_eq!(app.get("/deliveries").body["items"], json!([shown]));
    app.advance(Duration::from_millis(1999));
    assert_eq!(
        (state(&app), kinds(&app)),
        (json!("DeliveryStarted"), vec!["DeliveryStarted".into()])
    );
    app.advance(Duration::from_millis(1));
    assert_eq!(
        (state(&app), kinds(&app)),
        (json!("DeliveryCompleted"), vec!["DeliveryCompleted".into()])
    );
    assert_eq!(app.get("/deliveries/2").status, 404);
}

#[test]
fn a_cancellation_before_its_time_cancels_it_once() {
    let app = started();
    cancel(&app, 5);
    cancel(&app, 5);
    app.advance(Duration::from_secs(60));
    assert_eq!(state(&app), "DeliveryCancelled");
    assert_eq!(kinds(&app), ["DeliveryStarted", "DeliveryCancelled"]);
}

#[test]
fn what_is_delivered_stays_delivered() {
    let app = started();
    app.advance(Duration::from_secs(2));
    assert!(matches!(hold(&app), Err(DeliveryError::Completed(_))));
    cancel(&app, 5);
    assert_eq!(state(&app), "DeliveryCompleted");
    assert_eq!(kinds(&app), ["DeliveryStarted", "DeliveryCompleted"]);
}

/// Events of orders and products come in any order: the original delivered what was cancelled.
#[test]
fn defect_nothing_is_delivered_of_an_order_that_was_cancelled_first() {
    let app = delivery();
    cancel(&app, 5);
    take(&app, 5);
    assert_eq!(app.get("/deliveries").body["total"], 0);
    assert_eq!(kinds(&app), [""; 0]);
}

#[test]
fn a_delivery_that_is_held_is_not_completed_before_it_is_released() {
    let app = started();
    let (first, second) = (hold(&app).unwrap(), hold(&app).unwrap());
    assert_ne!(first, second);
    app.advance(Duration::from_secs(2));
    assert_eq!(state(&app), "DeliveryStarted");
    // Whoever lets go ends their own hold, and none twice.
    release(&app, &first);
    release(&app, &first);
    assert_eq!(state(&app), "DeliveryStarted");
    release(&app, &second);
    assert_eq!(state(&app), "DeliveryCompleted", "its time came meanwhile");
    assert_eq!(kinds(&app), ["DeliveryStarted", "DeliveryCompleted"]);
}

#[test]
fn a_delivery_that_is_released_in_time_takes_its_time() {
    let app = started();
    let hold_id = hold(&app).unwrap();
    app.advance(Duration::from_secs(1));
    release(&app, &hold_id);
    assert_eq!(state(&app), "DeliveryStarted");
    app.advance(Duration::from_secs(1));
    assert_eq!(state(&app), "DeliveryCompleted");
}

#[test]
fn a_cancellation_ends_the_hold_that_it_comes_from() {
    let app = delivery();
    // Held before it has started, and before anything was taken.
    hold(&app).unwrap();
    take(&app, 5);
    app.advance(Duration::from_secs(2));
    assert_eq!(state(&app), "DeliveryStarted");
    cancel(&app, 5);
    assert_eq!(state(&app), "DeliveryCancelled");
    assert_eq!(app.run("delivery", || HOLDS.count()), 0);
}

#[test]
fn operators_say_how_long_it_takes() {
    for (text, milliseconds) in [
        ("500ms", 500),
        ("2s", 2000),
        ("1m", 60_000),
        ("24h", 86_400_000),
    ] {
        let time = DeliveryTime::try_from(text.to_owned());
        assert_eq!(time.map(DeliveryTime::milliseconds), Ok(milliseconds));
    }
    for text in [
        "",
        "2",
        "s",
        "2 s",
        "-1s",
        "1.5s",
        "2d",
        "99999999999999999999s",
        "18446744073709551615h",
    ] {
        assert!(DeliveryTime::try_from(text.to_owned()).is_err(), "{text}");
    }
    let guest = TestContext::<Component>::new();
    guest.configure("delivery_time", "soon");
    assert!(guest.ready().unwrap_err().contains("delivery_time"));
}
