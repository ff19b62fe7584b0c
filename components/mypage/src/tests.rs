use innkeeper_sdk::testing::TestContext;
use serde_json::{Value, json};

use crate::Component;

/// When events are, in a test that begins then.
const BEGINNING: u64 = 1_800_000_000_000;

fn mypage() -> TestContext<Component> {
    let guest = TestContext::<Component>::new();
    guest.set_time(BEGINNING);
    guest
}

fn order(guest: &TestContext<Component>, kind: &str, order_id: u64, price: u64) {
    let data = json!({
        "orderId": order_id, "productId": 1, "productName": "Tea", "quantity": 2, "price": price, "customerId": "ada",
        "customerName": "Ada", "customerAddr": "1 Way", "state": kind, "checkStock": "call",
    });
    guest
        .deliver("orders", kind, &order_id.to_string(), data)
        .unwrap();
}

fn delivery(guest: &TestContext<Component>, kind: &str) {
    let data = json!({
        "deliveryId": 7, "orderId": 1, "productId": 1, "productName": "Tea", "quantity": 2, "customerId": "ada",
        "customerName": "Ada", "deliveryAddress": "1 Way", "deliveryState": kind,
    });
    guest.deliver("delivery", kind, "7", data).unwrap();
}

fn history(guest: &TestContext<Component>) -> Value {
    guest.get("/mypage/orders/ada").body["items"].clone()
}

fn row(payment: Value, order_state: Value, delivery: [bool; 3]) -> Value {
    let [started, completed, cancelled] = delivery;
    let timestamp = if payment.is_null() {
        Value::Null
    } else {
        json!(BEGINNING)
    };
    json!({
        "orderId": 1, "userId": "ada", "nickName": "Ada", "productId": 1, "productName": "Tea", "timestamp": timestamp,
        "quantity": 2, "payment": payment, "orderState": order_state,
        "deliveryId": if started || completed || cancelled { json!(7) } else { Value::Null },
        "deliveryStarted": started, "deliveryCompleted": completed, "deliveryCancelled": cancelled,
    })
}

fn mileage(guest: &TestContext<Component>) -> Vec<[Value; 3]> {
    let body = guest.get("/mypage/mileage/ada").body;
    let entries = body["items"].as_array().unwrap().iter();
    let entries = entries
        .map(|entry| ["orderId", "mileage", "totalMileage"].map(|field| entry[field].clone()));
    entries.collect()
}

/// The original wrote the row of an order anew when it was cancelled, and with that lost its delivery.
#[test]
fn defect_the_delivery_of_an_order_stays_in_its_row_when_it_is_cancelled() {
    let guest = mypage();
    order(&guest, "OrderPlaced", 1, 300);
    delivery(&guest, "DeliveryStarted");
    assert_eq!(
        history(&guest),
        json!([row(json!(600), json!("OrderPlaced"), [true, false, false])])
    );
    order(&guest, "OrderCancelled", 1, 300);
    assert_eq!(
        history(&guest),
        json!([row(
            json!(600),
            json!("OrderCancelled"),
            [true, false, false]
        )])
    );
    delivery(&guest, "DeliveryCancelled");
    assert_eq!(
        history(&guest),
        json!([row(
            json!(600),
            json!("OrderCancelled"),
            [true, false, true]
        )])
    );
}

#[test]
fn whichever_event_is_first_begins_a_row_and_each_changes_what_it_tells_of() {
    type Tell = fn(&TestContext<Component>);
    let told: [(&str, Tell); 4] = [
        ("placed", |guest| order(guest, "OrderPlaced", 1, 300)),
        ("cancelled", |guest| order(guest, "OrderCancelled", 1, 300)),
        ("started", |guest| delivery(guest, "DeliveryStarted")),
        ("ended", |guest| delivery(guest, "DeliveryCancelled")),
    ];
    let expected = row(json!(600), json!("OrderCancelled"), [true, false, true]);
    // Those of one source keep their order.
    for order in [
        [0, 1, 2, 3],
        [0, 2, 1, 3],
        [2, 0, 1, 3],
        [2, 3, 0, 1],
        [2, 0, 3, 1],
    ] {
        let guest = mypage();
        for which in order {
            let (_, tell) = told[which];
            tell(&guest);
        }
        let names = order.map(|which| told[which].0);
        assert_eq!(history(&guest), json!([expected]), "{names:?}");
        assert_eq!(
            mileage(&guest),
            [
                [json!(1), json!(-60), json!(0)],
                [json!(1), json!(60), json!(60)]
            ],
            "{names:?}"
        );
    }
}

#[test]
fn what_is_not_known_yet_is_null() {
    let guest = mypage();
    delivery(&guest, "DeliveryStarted");
    assert_eq!(
        history(&guest),
        json!([row(Value::Null, Value::Null, [true, false, false])])
    );
    assert!(mileage(&guest).is_empty());
}

/// The original gave mileage twice for an event that came twice.
#[test]
fn defect_mileage_is_given_once_and_taken_back_once() {
    let guest = mypage();
    order(&guest, "OrderPlaced", 1, 300);
    order(&guest, "OrderPlaced", 1, 300);
    guest.set_time(BEGINNING + 1);
    order(&guest, "OrderPlaced", 2, 1000);
    guest.set_time(BEGINNING + 2);
    order(&guest, "OrderCancelled", 1, 300);
    order(&guest, "OrderCancelled", 1, 300);
    // What comes again after the end changes nothing either.
    order(&guest, "OrderPlaced", 1, 300);
    assert_eq!(
        mileage(&guest),
        [
            [json!(1), json!(-60), json!(200)],
            [json!(2), json!(200), json!(260)],
            [json!(1), json!(60), json!(60)],
        ]
    );
}

#[test]
fn an_order_that_was_cancelled_before_it_is_known_brings_no_mileage() {
    let guest = mypage();
    // It was a dead letter, and is tried again after its cancellation.
    order(&guest, "OrderCancelled", 1, 300);
    order(&guest, "OrderPlaced", 1, 300);
    assert_eq!(history(&guest)[0]["orderState"], "OrderCancelled");
    assert!(mileage(&guest).is_empty());
}

#[test]
fn the_newest_come_first_and_page_by_page() {
    let guest = mypage();
    // They come in any order, and are shown in that of their times.
    for order_id in [2, 5, 1, 4, 3] {
        guest.set_time(BEGINNING + order_id);
        order(&guest, "OrderPlaced", order_id, 50);
    }
    let page = |path: &str| guest.get(path).body;
    let ids = |body: &Value| -> Vec<u64> {
        let items = body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["orderId"].as_u64().unwrap())
            .collect()
    };
    let orders = page("/mypage/orders/ada");
    assert_eq!(
        (ids(&orders), &orders["total"]),
        (vec![5, 4, 3, 2, 1], &json!(5))
    );
    assert_eq!(ids(&page("/mypage/orders/ada?page=1&size=2")), [3, 2]);
    let second = page("/mypage/mileage/ada?page=1&size=2");
    assert_eq!(ids(&second), [3, 2]);
    assert_eq!(second["items"][0]["totalMileage"], 30);
    assert_eq!(ids(&page("/mypage/mileage/ada?page=9")), [0; 0]);
    assert_eq!(ids(&page("/mypage/orders/bob")), [0; 0]);
    for query in ["size=0", "size=101", "page=x", "page=-1"] {
        let path = format!("/mypage/orders/ada?{query}");
        assert_eq!(guest.get(&path).status, 400, "{query}");
    }
}
