use innkeeper_sdk::testing::{Reply, TestContext};
use serde_json::{Value, json};

use crate::Component;
use crate::calls::deliveries::{self, DeliveryError};
use crate::calls::stock::{self, StockError, Taken};
use crate::order::ORDERS;

fn tea(price: u64, stock: u64, revision: u64) -> Value {
    json!({"productId": 1, "productName": "Tea", "productPrice": price, "productStock": stock, "imageUrl": null, "revision": revision})
}

fn changed(guest: &TestContext<Component>, product: Value) {
    guest
        .deliver("products", "ProductChanged", "1", product)
        .unwrap();
}

fn wanted(quantity: u64) -> Value {
    json!({"productId": 1, "quantity": quantity, "customerId": "ada", "customerName": "Ada", "customerAddr": "1 Way"})
}

fn shown(price: u64, state: &str, check_stock: &str) -> Value {
    json!({
        "orderId": 1, "productId": 1, "productName": "Tea", "quantity": 2, "price": price, "customerId": "ada",
        "customerName": "Ada", "customerAddr": "1 Way", "roomId": null, "state": state, "checkStock": check_stock,
    })
}

/// A context that believes what it knows of product 1.
fn believing(price: u64, stock: u64) -> TestContext<Component> {
    let guest = TestContext::<Component>::new();
    guest.configure("check_stock", "events");
    changed(&guest, tea(price, stock, 1));
    guest
}

/// What products and delivery say.
fn asking(take: Result<(), StockError>, hold: Result<(), DeliveryError>) -> TestContext<Component> {
    let guest = TestContext::<Component>::new();
    guest.answer(
        stock::TAKE,
        move |order_id: u64, product_id: u64, quantity: u64| {
            assert_eq!((order_id, product_id, quantity), (1, 1, 2));
            let taken = || Taken {
                product_name: "Tea".into(),
                price: 300,
            };
            take.clone().map(|()| taken())
        },
    );
    guest.answer(deliveries::HOLD, move |order_id: u64| {
        assert_eq!(order_id, 1);
        hold.clone().map(|()| "hold-1".to_owned())
    });
    guest
}

fn cancel(guest: &TestContext<Component>) -> Reply {
    guest.patch("/orders/1", json!({"state": "OrderCancelled"}))
}

fn out_of_stock(guest: &TestContext<Component>, order_id: u64) {
    let data = json!({"productId": 1, "orderId": order_id});
    guest
        .deliver("products", "ProductOutOfStock", "1", data)
        .unwrap();
}

fn kinds(guest: &TestContext<Component>) -> Vec<String> {
    guest.events().into_iter().map(|event| event.kind).collect()
}

/// Each call, and whether it was undone.
fn calls(guest: &TestContext<Component>) -> Vec<(String, bool)> {
    let calls = guest.calls().into_iter();
    calls.map(|call| (call.function, call.undone)).collect()
}

fn take(undone: bool) -> (String, bool) {
    ("shop:products/stock#take".into(), undone)
}

fn hold(undone: bool) -> (String, bool) {
    ("shop:delivery/deliveries#hold".into(), undone)
}

#[test]
fn an_order_takes_its_stock_by_a_call_before_it_is_placed() {
    let guest = asking(Ok(()), Ok(()));
    let reply = guest.post("/orders", wanted(2));
    assert_eq!(
        (reply.status, reply.header("location"), &reply.body),
        (201, Some("/orders/1"), &shown(300, "OrderPlaced", "call"))
    );
    assert_eq!(calls(&guest), [take(false)]);
    let told = guest.events();
    assert_eq!(
        (
            told[0].kind.as_str(),
            told[0].subject.as_str(),
            &told[0].data
        ),
        ("OrderPlaced", "1", &shown(300, "OrderPlaced", "call"))
    );
}

#[test]
fn without_stock_nothing_is_ordered() {
    for (error, status, retry_after) in [
        (StockError::OutOfStock("None left.".into()), 409, None),
        (StockError::NotFound("There is none.".into()), 422, None),
        (StockError::Unavailable("away".into()), 503, Some("1")),
    ] {
        let guest = asking(Err(error), Ok(()));
        let reply = guest.post("/orders", wanted(2));
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (status, retry_after)
        );
        assert_eq!((kinds(&guest), ORDERS.count()), (vec![], 0));
    }
}

#[test]
fn an_order_is_placed_by_what_is_known_of_the_product() {
    let guest = believing(300, 2);
    let reply = guest.post("/orders", wanted(2));
    assert_eq!(
        (reply.status, &reply.body),
        (201, &shown(300, "OrderPlaced", "events"))
    );
    assert_eq!(
        (kinds(&guest), calls(&guest)),
        (vec!["OrderPlaced".into()], vec![])
    );
    assert_eq!(
        guest.post("/orders", wanted(3)).status,
        409,
        "there are two"
    );
    let unknown = json!({"productId": 2, "quantity": 1, "customerId": "ada", "customerName": "Ada", "customerAddr": "1 Way"});
    assert_eq!(guest.post("/orders", unknown).status, 422);
    assert_eq!(kinds(&guest), [""; 0]);
}

/// The original took the price from the copy at one moment, and the stock from it at another.
#[test]
fn defect_price_and_stock_are_those_of_one_moment() {
    let guest = believing(300, 2);
    changed(&guest, tea(500, 9, 3));
    // What comes late changes neither of them.
    changed(&guest, tea(400, 0, 2));
    let reply = guest.post("/orders", wanted(2));
    assert_eq!((reply.status, &reply.body["price"]), (201, &json!(500)));
    // And what an order costs is what it cost.
    changed(&guest, tea(100, 9, 4));
    assert_eq!(guest.get("/orders/1").body["price"], 500);
}

#[test]
fn a_customer_cancels_until_the_order_is_delivered() {
    let guest = asking(Ok(()), Ok(()));
    guest.post("/orders", wanted(2));
    guest.events();
    guest.calls();
    for _ in 0..2 {
        let reply = cancel(&guest);
        assert_eq!(
            (reply.status, &reply.body),
            (200, &shown(300, "OrderCancelled", "call"))
        );
    }
    assert_eq!(calls(&guest), [hold(false)], "asking again asks nobody");
    let told = guest.events();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].kind.as_str(), &told[0].data),
        ("OrderCancelled", &shown(300, "OrderCancelled", "call"))
    );
}

#[test]
fn what_is_delivered_or_cannot_be_told_is_not_cancelled() {
    for (error, status) in [
        (DeliveryError::Completed("It is delivered.".into()), 409),
        (DeliveryError::Unavailable("away".into()), 503),
    ] {
        let guest = asking(Ok(()), Err(error));
        guest.post("/orders", wanted(2));
        guest.events();
        assert_eq!(cancel(&guest).status, status);
        assert_eq!(guest.get("/orders/1").body["state"], "OrderPlaced");
        assert_eq!(kinds(&guest), [""; 0]);
    }
}

#[test]
fn an_order_that_products_has_nothing_for_is_rolled_back_once() {
    let guest = believing(300, 2);
    guest.post("/orders", wanted(2));
    guest.events();
    out_of_stock(&guest, 1);
    out_of_stock(&guest, 1);
    out_of_stock(&guest, 7);
    assert_eq!(guest.get("/orders/1").body["state"], "OrderCancelled");
    assert_eq!(kinds(&guest), ["OrderCancelled"]);
    assert_eq!(cancel(&guest).status, 200);
    assert_eq!((kinds(&guest), calls(&guest)), (vec![], vec![]));
}

#[test]
fn an_order_that_its_customer_has_cancelled_is_not_rolled_back_too() {
    let guest = believing(300, 2);
    guest.answer(deliveries::HOLD, |_: u64| Ok("hold-1".to_owned()));
    guest.post("/orders", wanted(2));
    cancel(&guest);
    guest.events();
    out_of_stock(&guest, 1);
    assert_eq!(kinds(&guest), [""; 0]);
}

#[test]
fn how_the_stock_is_checked_is_read_for_each_order_and_remembered_with_it() {
    let guest = asking(Ok(()), Ok(()));
    guest.post("/orders", wanted(2));
    changed(&guest, tea(300, 5, 1));
    guest.configure("check_stock", "events");
    let second = guest.post("/orders", wanted(2));
    assert_eq!(second.body["checkStock"], "events");
    assert_eq!(calls(&guest), [take(false)]);
    assert_eq!(guest.get("/orders/1").body["checkStock"], "call");
    guest.configure("check_stock", "somehow");
    assert_eq!(guest.post("/orders", wanted(2)).status, 500);
    assert!(guest.ready().unwrap_err().contains("check_stock"));
}

#[test]
fn requests_that_are_run_again_ask_nobody_twice() {
    let guest = asking(Ok(()), Ok(()));
    guest.conflict();
    assert_eq!(guest.post("/orders", wanted(2)).body["orderId"], 1);
    guest.conflict();
    assert_eq!(cancel(&guest).status, 200);
    assert_eq!(calls(&guest), [take(false), hold(false)]);
    assert_eq!(kinds(&guest), ["OrderPlaced", "OrderCancelled"]);
}

#[test]
fn what_a_client_may_not_set_is_refused_and_changes_nothing() {
    let guest = believing(300, 9);
    guest.post("/orders", wanted(2));
    guest.events();
    let with = |field: &str, value: Value| {
        let mut body = wanted(2);
        body[field] = value;
        body
    };
    for body in [
        json!({}),
        with("quantity", json!(0)),
        with("quantity", json!(1_000_001)),
        with("quantity", json!(-1)),
        with("customerId", json!("")),
        with("price", json!(1)),
        with("productName", json!("Gold")),
        with("state", json!("OrderPlaced")),
        with("checkStock", json!("call")),
    ] {
        assert_eq!(guest.post("/orders", body.clone()).status, 422, "{body}");
    }
    for body in [
        json!({}),
        json!({"state": "OrderPlaced"}),
        json!({"state": null}),
        json!({"state": "OrderCancelled", "quantity": 1}),
        json!({"quantity": 1}),
    ] {
        assert_eq!(guest.patch("/orders/1", body.clone()).status, 422, "{body}");
    }
    let unknown = guest.patch("/orders/2", json!({"state": "OrderCancelled"}));
    assert_eq!(unknown.status, 404);
    assert_eq!((kinds(&guest), calls(&guest)), (vec![], vec![]));
}
