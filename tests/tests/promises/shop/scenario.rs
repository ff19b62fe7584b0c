//! The scenario of the app, call by call, in both ways to check the stock.

use innkeeper_tests::{TestHost, eventually};
use serde_json::{Value, json};

use super::{DELIVERY_TIME, WAYS, settings, stocked};

#[tokio::test]
async fn an_order_is_placed_delivered_and_shown_and_another_is_cancelled() {
    for check_stock in WAYS {
        call_by_call(check_stock).await;
    }
}

async fn call_by_call(check_stock: &str) {
    let settings = settings(check_stock).await.set(DELIVERY_TIME, "200ms");
    let mut host = TestHost::with(settings).await;
    let client = host.gateway().clone();
    let shop = host.shop();
    let (product, put_in) = stocked(&host, 300, 10).await;
    let tea = json!({"productId": 1, "name": "Tea", "price": 300, "stock": 10, "imageUrl": null, "options": []});
    assert_eq!(client.get("/products/1").await.body, tea);

    let placed = shop.order(product, 3, "ada").await.expect(201);
    let order = json!({
        "orderId": 1, "productId": 1, "productName": "Tea", "quantity": 3, "price": 300, "customerId": "ada",
        "customerName": "ada", "customerAddr": "1 Way", "roomId": null, "state": "OrderPlaced", "checkStock": check_stock,
    });
    assert_eq!(
        (placed.header("location"), &placed.body),
        ("/orders/1", &order)
    );
    shop.shows("/products/1", json!({"stock": 7})).await;
    let delivery = shop.delivery(1, "DeliveryCompleted").await;
    let expected = json!({
        "deliveryId": 1, "orderId": 1, "productId": 1, "productName": "Tea", "quantity": 3, "customerId": "ada",
        "customerName": "ada", "deliveryAddress": "1 Way", "roomId": null, "deliveryState": "DeliveryCompleted",
    });
    assert_eq!(delivery, expected);
    let books = host.shop_at_rest(&put_in).await;
    let row = &books.histories["ada"][0];
    let shown = [
        "orderId",
        "payment",
        "deliveryStarted",
        "deliveryCompleted",
        "deliveryCancelled",
    ];
    assert_eq!(
        shown.map(|field| &row[field]),
        [
            &json!(1),
            &json!(900),
            &json!(true),
            &json!(true),
            &json!(false)
        ]
    );
    assert_eq!(books.mileages["ada"][0]["totalMileage"], 90);
    shop.cancel(1).await.expect_problem(409);

    // So long that the second is cancelled on its way.
    host.rewrite(host.settings().set(DELIVERY_TIME, "1h"));
    eventually("it is known", async || {
        let delivery = host.operators().context("delivery").await;
        let time = &delivery["config"]["delivery_time"];
        (time == "1h").then_some(()).ok_or(time.to_string())
    })
    .await;
    let shop = host.shop();
    let second = shop.order(product, 2, "ada").await.expect(201);
    shop.delivery(2, "DeliveryStarted").await;
    let cancelled = shop.cancel(second.number("orderId")).await.expect(200);
    assert_eq!(cancelled.body["state"], "OrderCancelled");
    shop.delivery(2, "DeliveryCancelled").await;
    shop.shows("/products/1", json!({"stock": 7})).await;
    let books = host.shop_at_rest(&put_in).await;
    let states: Vec<_> = books.histories["ada"]
        .iter()
        .map(|row| &row["orderState"])
        .collect();
    assert_eq!(states, ["OrderCancelled", "OrderPlaced"], "newest first");
    let mileage = |entry: &Value| (entry["mileage"].clone(), entry["totalMileage"].clone());
    let mileages: Vec<_> = books.mileages["ada"].iter().map(mileage).collect();
    let expected = [(-60, 90), (60, 150), (90, 90)];
    assert_eq!(
        mileages,
        expected.map(|(one, all)| (json!(one), json!(all)))
    );

    let reply = client.patch("/products/1", json!({"price": 350})).await;
    assert_eq!(reply.expect(200).body["price"], 350);
    assert_eq!(
        client.get("/orders/1").await.body["price"],
        300,
        "it costs what it cost"
    );
    shop.order(product, 8, "ada").await.expect_problem(409);
    assert_eq!(host.shop_at_rest(&put_in).await.orders.len(), 2);
    eventually("both sagas of both orders have ended", async || {
        let found = host.operators().get("/v1/sagas").await;
        let all = found["sagas"].as_array().cloned().unwrap_or_default();
        let mut ended: Vec<_> = all
            .iter()
            .map(|saga| format!("{} {}", saga["saga"], saga["state"]))
            .collect();
        ended.sort();
        let expected = ["delivering", "ordering"].map(|name| {
            ["compensated", "completed"].map(|state| format!("\"{name}\" \"{state}\""))
        });
        (ended == expected.concat())
            .then_some(())
            .ok_or(found.to_string())
    })
    .await;
}
