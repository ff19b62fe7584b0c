use innkeeper_sdk::PolicyError;
use innkeeper_sdk::testing::TestContext;
use serde_json::{Value, json};

use crate::Component;
use crate::offers::stock::{Guest as _, StockError, Taken};

/// A context with product 1, of which there are so many.
fn stocked(stock: u64) -> TestContext<Component> {
    let guest = TestContext::<Component>::new();
    let tea = json!({"name": "Tea", "price": 300, "stock": stock});
    assert_eq!(guest.post("/products", tea).status, 201);
    guest.events();
    guest
}

fn take(guest: &TestContext<Component>, order: u64, quantity: u64) -> Result<Taken, StockError> {
    guest.call(|| Component::take(order, 1, quantity))
}

fn put_back(guest: &TestContext<Component>, order: u64, quantity: u64) {
    guest
        .call(|| Component::put_back(order, 1, quantity))
        .unwrap();
}

fn order(order: u64, quantity: u64, check_stock: &str) -> Value {
    json!({
        "orderId": order, "productId": 1, "productName": "Tea", "quantity": quantity, "price": 300,
        "customerId": "ada", "customerName": "Ada", "customerAddr": "1 Way", "roomId": 9, "checkStock": check_stock,
    })
}

fn placed(guest: &TestContext<Component>, id: u64, quantity: u64, check_stock: &str) {
    let data = order(id, quantity, check_stock);
    guest
        .deliver("orders", "OrderPlaced", &id.to_string(), data)
        .unwrap();
}

fn cancelled(guest: &TestContext<Component>, id: u64) {
    let data = order(id, 1, "events");
    guest
        .deliver("orders", "OrderCancelled", &id.to_string(), data)
        .unwrap();
}

fn stock(guest: &TestContext<Component>) -> Value {
    guest.get("/products/1").body["stock"].clone()
}

fn kinds(guest: &TestContext<Component>) -> Vec<String> {
    guest.events().into_iter().map(|event| event.kind).collect()
}

#[test]
fn a_product_is_registered_changed_and_told() {
    let guest = TestContext::<Component>::new();
    let option = json!({"name": "Size", "description": "A box of fifty"});
    let tea = json!({"name": "Tea", "price": 300, "stock": 7, "imageUrl": "https://shop.example/tea", "options": [option]});
    let reply = guest.post("/products", tea);
    let shown = json!({
        "productId": 1, "name": "Tea", "price": 300, "stock": 7, "imageUrl": "https://shop.example/tea", "options": [option],
    });
    assert_eq!(
        (reply.status, reply.header("location"), &reply.body),
        (201, Some("/products/1"), &shown)
    );
    let reply = guest.patch("/products/1", json!({"price": 350}));
    assert_eq!((reply.status, &reply.body["price"]), (200, &json!(350)));
    // What does not change anything is not told.
    guest.patch("/products/1", json!({"price": 350}));
    let told: Vec<_> = guest.events().into_iter().map(|event| event.data).collect();
    let told_as = |price: u64, revision: u64| {
        json!({
            "productId": 1, "productName": "Tea", "productPrice": price, "productStock": 7,
            "imageUrl": "https://shop.example/tea", "revision": revision,
        })
    };
    assert_eq!(told, [told_as(300, 1), told_as(350, 2)]);
}

#[test]
fn what_a_client_may_not_set_is_refused_and_changes_nothing() {
    let guest = stocked(7);
    for body in [
        json!({}),
        json!({"name": "Tea"}),
        json!({"name": "", "price": 1, "stock": 1}),
        json!({"name": "Tea", "price": -1, "stock": 1}),
        json!({"name": "Tea", "price": 1, "stock": 1_000_000_001}),
        json!({"name": "Tea", "price": 1, "stock": 1, "productId": 9}),
        json!({"name": "Tea", "price": 1, "stock": 1, "options": vec![json!({"name": "a", "description": "b"}); 101]}),
    ] {
        assert_eq!(guest.post("/products", body.clone()).status, 422, "{body}");
    }
    for body in [
        json!({"stock": "many"}),
        json!({"revision": 7}),
        json!({"price": 1.5}),
    ] {
        let reply = guest.patch("/products/1", body.clone());
        assert_eq!(reply.status, 422, "{body}");
    }
    assert_eq!(guest.patch("/products/2", json!({"stock": 1})).status, 404);
    assert_eq!(kinds(&guest), [""; 0]);
}

#[test]
fn an_order_takes_once_and_gives_back_once_what_it_took() {
    let guest = stocked(7);
    for _ in 0..2 {
        let taken = take(&guest, 5, 3).unwrap();
        assert_eq!((taken.product_name.as_str(), taken.price), ("Tea", 300));
    }
    assert_eq!(stock(&guest), 4);
    for _ in 0..2 {
        put_back(&guest, 5, 3);
        assert_eq!(stock(&guest), 7);
    }
    // What comes late for an order that has ended takes nothing.
    assert!(matches!(take(&guest, 5, 3), Err(StockError::OutOfStock(_))));
    assert_eq!(kinds(&guest), ["ProductChanged", "ProductChanged"]);
}

#[test]
fn there_is_no_more_than_there_is() {
    let guest = stocked(2);
    assert!(matches!(take(&guest, 5, 3), Err(StockError::OutOfStock(_))));
    let unknown = guest.call(|| Component::take(5, 9, 1));
    assert!(matches!(unknown, Err(StockError::NotFound(_))));
    // Nothing of that is kept: the order may take less.
    assert!(take(&guest, 5, 2).is_ok());
    assert_eq!(stock(&guest), 0);
}

/// The original put stock back by guessing, so orders that never took any brought some, and legitimate cancellations lost it.
#[test]
fn defect_stock_is_put_back_as_it_was_taken_and_not_guessed() {
    let guest = stocked(3);
    placed(&guest, 1, 2, "events");
    placed(&guest, 2, 2, "events");
    assert_eq!(
        kinds(&guest),
        ["ProductChanged", "StockTaken", "ProductOutOfStock"]
    );
    // The second took nothing, so it gives nothing back, whatever it wanted.
    cancelled(&guest, 2);
    assert_eq!((stock(&guest), kinds(&guest)), (json!(1), vec![]));
    // The first gives back what it took, however its cancellation says it and however often it comes.
    cancelled(&guest, 1);
    cancelled(&guest, 1);
    assert_eq!(
        (stock(&guest), kinds(&guest)),
        (json!(3), vec!["ProductChanged".into()])
    );
}

/// The original told delivery of orders that found no stock.
#[test]
fn defect_nothing_is_told_to_delivery_of_an_order_that_finds_no_stock() {
    let guest = stocked(1);
    placed(&guest, 1, 2, "events");
    placed(&guest, 1, 2, "events");
    assert_eq!(kinds(&guest), ["ProductOutOfStock"]);
    // More stock later does not serve an order that was told no.
    guest.patch("/products/1", json!({"stock": 9}));
    placed(&guest, 1, 2, "events");
    assert_eq!(
        (stock(&guest), kinds(&guest)),
        (json!(9), vec!["ProductChanged".into()])
    );
}

/// The original took the stock again when an event came again.
#[test]
fn defect_an_event_that_comes_twice_takes_once() {
    let guest = stocked(7);
    placed(&guest, 1, 2, "events");
    placed(&guest, 1, 2, "events");
    assert_eq!(
        (stock(&guest), kinds(&guest)),
        (json!(5), vec!["ProductChanged".into(), "StockTaken".into()])
    );
}

#[test]
fn what_a_call_has_taken_is_announced_when_the_order_is_there_and_not_taken_again() {
    let guest = stocked(7);
    take(&guest, 1, 2).unwrap();
    assert_eq!(kinds(&guest), ["ProductChanged"], "nobody is told yet");
    placed(&guest, 1, 2, "call");
    let announced = guest.events();
    let data = json!({
        "orderId": 1, "productId": 1, "quantity": 2, "productName": "Tea",
        "customerId": "ada", "customerName": "Ada", "customerAddr": "1 Way", "roomId": 9,
    });
    assert_eq!(
        (announced[0].kind.as_str(), &announced[0].data),
        ("StockTaken", &data)
    );
    placed(&guest, 1, 2, "call");
    assert_eq!((stock(&guest), kinds(&guest)), (json!(5), vec![]));
    cancelled(&guest, 1);
    assert_eq!(stock(&guest), 7);
}

#[test]
fn an_order_that_was_cancelled_first_takes_nothing_and_gives_nothing_back() {
    let guest = stocked(7);
    // The order was a dead letter, and its cancellation is handled before somebody tries it again.
    cancelled(&guest, 1);
    placed(&guest, 1, 2, "events");
    cancelled(&guest, 1);
    assert_eq!((stock(&guest), kinds(&guest)), (json!(7), vec![]));
}

#[test]
fn an_order_whose_call_took_nothing_is_a_dead_letter_and_takes_nothing() {
    let guest = stocked(7);
    let outcome = guest.deliver("orders", "OrderPlaced", "1", order(1, 2, "call"));
    assert!(
        matches!(outcome, Err(PolicyError::Reject(_))),
        "{outcome:?}"
    );
    assert_eq!((stock(&guest), kinds(&guest)), (json!(7), vec![]));
}

/// The original swallowed every exception of its handlers.
#[test]
fn defect_an_event_that_cannot_be_read_is_a_dead_letter_and_not_swallowed() {
    let guest = stocked(7);
    let outcome = guest.deliver("orders", "OrderPlaced", "1", json!({"orderId": 1}));
    assert!(
        matches!(outcome, Err(PolicyError::Reject(_))),
        "{outcome:?}"
    );
}
