//! Two apps side by side, each on a host of its own, on one NATS server: what is ordered to a room in shop appears in the room's view in stay.

use innkeeper_tests::nats::NatsServer;
use innkeeper_tests::{Settings, TestHost, eventually};
use serde_json::{Value, json};
use toml::Table;

use super::{DELIVERY_TIME, PLENTY, settings, stocked};

/// Stay, with a context more that follows what shop delivers.
async fn stay(server: &NatsServer) -> TestHost {
    let settings = Settings::of_the_app().await;
    let settings = settings.with("roomservice", "roomservice").await;
    let settings = settings.set("nats.url", server.url());
    let follows = Table::from_iter([("source".to_owned(), "shop".into())]);
    TestHost::with(settings.following("roomservice", "shop.delivery.*", follows)).await
}

async fn shop(server: &NatsServer) -> TestHost {
    let settings = settings("events").await.set("nats.url", server.url());
    TestHost::with(settings.set(DELIVERY_TIME, "500ms")).await
}

/// Waits until these orders are shown at a room, the newest first, in these states.
async fn shown(host: &TestHost, room: u64, expected: &[(u64, &str)]) {
    eventually("it is shown at the room", async || {
        let path = format!("/roomviews/{room}/deliveries");
        let found = host.stay().at(&path).await;
        let state = |one: &Value| (one["orderId"].clone(), one["deliveryState"].clone());
        let states: Vec<_> = found.as_array().into_iter().flatten().map(state).collect();
        let expected = expected
            .iter()
            .map(|(order, state)| (json!(order), json!(state)));
        match states == expected.collect::<Vec<_>>() {
            true => Ok(()),
            false => Err(found),
        }
    })
    .await;
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
async fn what_is_ordered_to_a_room_appears_in_its_view_whoever_is_away_meanwhile() {
    let server = NatsServer::start().await;
    let (mut stay, mut shop) = (stay(&server).await, shop(&server).await);
    let room = stay.stay().room("with room service").await;
    let (product, put_in) = stocked(&shop, 300, PLENTY).await;
    let first = order_to(&shop, product, room).await;
    shown(&stay, room, &[(first, "DeliveryCompleted")]).await;
    // What is ordered to another address is no business of stay's.
    shop.shop().ordered(product, 1, "bob").await;

    // Stay is away, and hears of it when it is back.
    stay.kill_9();
    let second = order_to(&shop, product, room).await;
    shop.shop().delivery(second, "DeliveryCompleted").await;
    stay.reopen().await;
    let arrived = |order: u64| (order, "DeliveryCompleted");
    shown(&stay, room, &[arrived(second), arrived(first)]).await;

    // Shop is away when the delivery should arrive.
    let third = order_to(&shop, product, room).await;
    shop.kill_9();
    shop.reopen().await;
    shown(
        &stay,
        room,
        &[arrived(third), arrived(second), arrived(first)],
    )
    .await;
    shop.shop_at_rest(&put_in).await;
    stay.at_rest().await;
}
