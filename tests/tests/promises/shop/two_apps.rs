//! Two apps side by side, each on a host of its own, on one NATS server, which follow each other: what is ordered to a room in shop appears in the room's view in stay, and what stay says of the
//! room with the order.

use http::Method;
use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Settings, TestHost, eventually};
use serde_json::{Value, json};
use toml::Table;

use super::{DELIVERY_TIME, PLENTY, settings, stocked};

const REBUILD: &str = "/v1/contexts/destination/rebuild";

/// With a context more, which follows what the other app publishes.
async fn following(settings: Settings, context: &str, source: &str, subject: &str) -> Settings {
    let settings = settings.with(context, context).await;
    let follows = Table::from_iter([("source".to_owned(), source.into())]);
    settings.following(context, subject, follows)
}

/// Stay, which shows what shop delivers.
async fn stay() -> Settings {
    let settings = Settings::of_the_app().await;
    following(settings, "roomservice", "shop", "shop.delivery.*").await
}

/// Shop, which shows where its orders go.
async fn shop() -> Settings {
    let settings = settings("events").await.set(DELIVERY_TIME, "500ms");
    following(settings, "destination", "stay", "stay.room.*").await
}

/// Waits until these orders have arrived at a room, as it shows them: the newest first.
async fn arrived(stay: &TestHost, room: u64, orders: &[u64]) {
    let state = |order: u64| (json!(order), json!("DeliveryCompleted"));
    let expected: Vec<_> = orders.iter().copied().map(state).collect();
    eventually("they are shown at the room", async || {
        let path = format!("/roomviews/{room}/deliveries");
        let found = stay.stay().at(&path).await;
        let state = |one: &Value| (one["orderId"].clone(), one["deliveryState"].clone());
        let states: Vec<_> = found.as_array().into_iter().flatten().map(state).collect();
        match states == expected {
            true => Ok(()),
            false => Err(found),
        }
    })
    .await;
}

/// Waits until this is shown of the room that an order goes to: its description, its status and its reservation.
async fn goes_to(shop: &TestHost, order: u64, room: u64, expected: Value) {
    let mut shown = json!({"orderId": order, "roomId": room});
    for (field, value) in ["desc", "roomStatus", "rsvId"].into_iter().zip(0_usize..) {
        shown[field] = expected[value].clone();
    }
    let path = format!("/orders/{order}/destination");
    assert_eq!(shop.shop().shows(&path, shown.clone()).await, shown);
}

/// Orders two pieces to a room, and gives the order's id.
async fn order_to(host: &TestHost, product: u64, room: u64) -> u64 {
    let body = json!({
        "productId": product, "quantity": 2, "customerId": "ada", "customerName": "Ada", "customerAddr": "Stay",
        "roomId": room,
    });
    let reply = host.gateway().post("/orders", body).await;
    reply.expect(201).number("orderId")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_apps_follow_each_other_whoever_is_away_meanwhile() {
    let mut server = NatsServer::start().await;
    let on_nats = |settings: Settings| TestHost::with(settings.set("nats.url", server.url()));
    let mut stay = on_nats(stay().await).await;
    let mut shop = on_nats(shop().await).await;
    let room = stay.stay().room("House").await;
    let guest = stay.stay().booked(room).await;
    let (product, put_in) = stocked(&shop, 300, PLENTY).await;
    let first = order_to(&shop, product, room).await;
    arrived(&stay, room, &[first]).await;
    goes_to(&shop, first, room, json!(["House", "reserved", guest])).await;
    // What is ordered to another address is no business of stay's.
    let elsewhere = shop.shop().ordered(product, 1, "bob").await;
    let path = format!("/orders/{elsewhere}/destination");
    shop.gateway().get(&path).await.expect_problem(404);

    // Stay is away, and hears of it when it is back. Shop knows what it was told.
    stay.kill_9();
    let second = order_to(&shop, product, room).await;
    shop.shop().delivery(second, "DeliveryCompleted").await;
    goes_to(&shop, second, room, json!(["House", "reserved", guest])).await;
    stay.reopen().await;
    arrived(&stay, room, &[second, first]).await;

    // Shop is away when the delivery should arrive, and when the guest cancels.
    let third = order_to(&shop, product, room).await;
    shop.kill_9();
    stay.stay().cancel(guest).await.expect(200);
    let path = format!("/rooms/{room}");
    let is_free = json!({"status": "available"});
    stay.stay().shows(&path, is_free).await;
    shop.reopen().await;
    arrived(&stay, room, &[third, second, first]).await;
    goes_to(&shop, third, room, json!(["House", "available", null])).await;

    // The server between them is away: each goes on alone.
    server.kill_9();
    let fourth = order_to(&shop, product, room).await;
    shop.shop().delivery(fourth, "DeliveryCompleted").await;
    stay.gateway()
        .patch(&path, json!({"desc": "New House"}))
        .await
        .expect(200);
    server.restart().await;
    arrived(&stay, room, &[fourth, third, second, first]).await;
    goes_to(&shop, fourth, room, json!(["New House", "available", null])).await;

    // What stay has told is kept: it is all there again without asking anybody.
    stay.close().await;
    let again = shop.operators().send(Method::POST, REBUILD).await;
    again.expect(202);
    eventually("it is rebuilt", async || {
        let now = shop.operators().get(REBUILD).await;
        let is_done = now["state"] == "done";
        is_done.then_some(()).ok_or_else(|| now.to_string())
    })
    .await;
    for order in [first, fourth] {
        goes_to(&shop, order, room, json!(["New House", "available", null])).await;
    }
    shop.shop_at_rest(&put_in).await;
    stay.reopen().await;
    stay.at_rest().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shop_alone_does_without_what_stay_says() {
    let shop = TestHost::with(shop().await).await;
    let (product, put_in) = stocked(&shop, 300, PLENTY).await;
    let order = order_to(&shop, product, 7).await;
    shop.shop().delivery(order, "DeliveryCompleted").await;
    goes_to(&shop, order, 7, json!([null, null, null])).await;
    shop.shop_at_rest(&put_in).await;
    shop.operators().ready().await.expect("it is ready");
}
