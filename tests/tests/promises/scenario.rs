//! The scenario of the app, call by call.

use innkeeper_tests::{TestHost, eventually};
use serde_json::{Value, json};

#[tokio::test]
async fn the_scenario_call_by_call() {
    let host = TestHost::open().await;
    let (stay, client) = (host.stay(), host.gateway());

    let room = client
        .post("/rooms", json!({"desc": "Beautiful House"}))
        .await
        .expect(201);
    let new = json!({"roomId": 1, "desc": "Beautiful House", "status": "available", "reviewCnt": 0, "lastAction": "register"});
    assert_eq!((room.header("location"), &room.body), ("/rooms/1", &new));

    let booked = client
        .post("/reservations", json!({"roomId": 1}))
        .await
        .expect(201);
    assert_eq!(booked.header("location"), "/reservations/1");
    let reservation = stay
        .shows(
            "/reservations/1",
            json!({"roomId": 1, "status": "reserved"}),
        )
        .await;
    let pay = reservation["payId"]
        .as_u64()
        .expect("a reservation has a payment");
    let paid = json!({"payId": pay, "rsvId": 1, "roomId": 1, "status": "paid"});
    assert_eq!(stay.at(&format!("/payments/{pay}")).await, paid);
    stay.shows(
        "/rooms/1",
        json!({"status": "reserved", "lastAction": "reserved"}),
    )
    .await;
    assert_eq!(stay.counts("/messages", 1).await[0]["roomId"], 1);
    let complete = json!({
        "roomId": 1, "desc": "Beautiful House", "reviewCnt": 0, "roomStatus": "reserved",
        "rsvId": 1, "rsvStatus": "reserved", "payId": pay, "payStatus": "paid",
    });
    assert_eq!(stay.shows("/roomviews/1", complete.clone()).await, complete);

    stay.book(1).await.expect_problem(409);
    assert_eq!(client.all("/reservations").await.len(), 1);
    let standing = client
        .all("/payments")
        .await
        .into_iter()
        .filter(|payment| payment["status"] == "paid");
    assert_eq!(standing.collect::<Vec<_>>(), [paid]);

    let asked = stay.cancel(1).await.expect(200);
    assert_eq!(asked.body["status"], "reqCancel");
    stay.shows(&format!("/payments/{pay}"), json!({"status": "cancelled"}))
        .await;
    stay.shows("/reservations/1", json!({"status": "cancelled"}))
        .await;
    stay.shows(
        "/rooms/1",
        json!({"status": "available", "lastAction": "cancelled"}),
    )
    .await;
    stay.counts("/messages", 2).await;

    let review = client
        .post("/reviews", json!({"roomId": 1, "content": "Good Room"}))
        .await
        .expect(201);
    assert_eq!(
        (review.header("location"), &review.body),
        (
            "/reviews/1",
            &json!({"reviewId": 1, "roomId": 1, "content": "Good Room"})
        )
    );
    stay.shows("/rooms/1", json!({"reviewCnt": 1, "lastAction": "review"}))
        .await;
    client.delete("/reviews/1").await.expect(204);
    stay.shows("/rooms/1", json!({"reviewCnt": 0})).await;

    client
        .patch("/rooms/1", json!({"desc": "New"}))
        .await
        .expect(200);
    stay.shows(
        "/roomviews/1",
        json!({"desc": "New", "reviewCnt": 0, "roomStatus": "available"}),
    )
    .await;
    client.delete("/rooms/1").await.expect(204);
    client.get("/rooms/1").await.expect_problem(404);
    eventually("the view follows", async || match stay.view(1).await {
        Value::Null => Ok(()),
        view => Err(view),
    })
    .await;
}

#[tokio::test]
async fn the_newest_room_is_on_the_last_page() {
    let host = TestHost::open().await;
    let stay = host.stay();
    for number in 1..=5 {
        stay.room(&format!("room {number}")).await;
    }
    let page = stay.at("/rooms?page=1&size=3").await;
    assert_eq!(
        (&page["page"], &page["size"], &page["total"]),
        (&json!(1), &json!(3), &json!(5))
    );
    let ids: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|room| &room["roomId"])
        .collect();
    assert_eq!(ids, [4, 5]);
}

#[tokio::test]
async fn a_declined_payment_leaves_nothing_behind() {
    let settings = innkeeper_tests::Settings::of_the_app()
        .await
        .set("context.payment.config.declined_rooms", "1");
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    stay.room("for those who pay").await;
    stay.book(1).await.expect_problem(402);
    stay.shows(
        "/rooms/1",
        json!({"status": "available", "lastAction": "register"}),
    )
    .await;
    assert!(host.gateway().all("/reservations").await.is_empty());
    assert!(host.gateway().all("/payments").await.is_empty());
}
