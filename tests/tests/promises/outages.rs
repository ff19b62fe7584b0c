//! A context that is missing or broken: what depends on it says so or goes on without it, and nothing is left half done.

use innkeeper_tests::{Settings, TestHost, eventually};
use serde_json::json;

/// What a booking without payment leaves: nothing.
async fn is_refused_and_leaves_nothing(host: &TestHost) {
    let stay = host.stay();
    let room = stay.room("unpaid").await;
    let reply = stay.book(room).await.expect_problem(503);
    assert!(!reply.header("retry-after").is_empty());
    let expected = json!({"status": "available", "lastAction": "register"});
    stay.shows(&format!("/rooms/{room}"), expected).await;
    assert!(host.gateway().all("/reservations").await.is_empty());
    assert!(host.gateway().all("/messages").await.is_empty());
    let view = stay
        .shows(
            &format!("/roomviews/{room}"),
            json!({"roomStatus": "available"}),
        )
        .await;
    assert_eq!(view["rsvId"], json!(null));
    host.operators().nothing_pending().await;
}

#[tokio::test]
async fn without_payment_nothing_is_booked() {
    let settings = Settings::of_the_app().await.without("context.payment");
    let mut host = TestHost::with(settings).await;
    is_refused_and_leaves_nothing(&host).await;
    host.close().await;
    host.reopen_with(Settings::of_the_app().await).await;
    let stay = host.stay();
    stay.booked(1).await;
    host.at_rest().await;
}

#[tokio::test]
async fn with_a_payment_that_traps_nothing_is_booked() {
    let settings = Settings::of_the_app()
        .await
        .with("payment", "insolvent")
        .await;
    let host = TestHost::with(settings).await;
    // More often than the circuit breaker lets through.
    for _ in 0..8 {
        is_refused_and_leaves_nothing(&host).await;
    }
    // The trap is explained: by the function, with the panic's text, under the correlation id.
    eventually("the panic is logged", async || {
        let lines = host.output().lines_with("bankrupt");
        let explained = lines.iter().any(|line| {
            line.contains("stay:payment/payments@0.1.0#approve") && line.contains("correlation")
        });
        explained.then_some(()).ok_or_else(|| format!("{lines:?}"))
    })
    .await;
}

#[tokio::test]
async fn without_room_reservations_are_accepted_and_rolled_back_when_the_room_was_taken() {
    let mut host = TestHost::open().await;
    let stay = host.stay();
    let (taken, free) = (stay.room("taken").await, stay.room("free").await);
    let first = stay.booked(taken).await;
    host.close().await;

    host.reopen_with(Settings::of_the_app().await.without("context.room"))
        .await;
    let stay = host.stay();
    let unlucky = stay.book(taken).await.expect(201).number("rsvId");
    let lucky = stay.book(free).await.expect(201).number("rsvId");
    let nowhere = stay.book(4711).await.expect(201).number("rsvId");
    for rsv in [unlucky, lucky, nowhere] {
        stay.shows(
            &format!("/reservations/{rsv}"),
            json!({"status": "reserved"}),
        )
        .await;
    }
    stay.counts("/messages", 4).await;
    host.close().await;

    host.reopen_with(Settings::of_the_app().await).await;
    let stay = host.stay();
    for rsv in [unlucky, nowhere] {
        stay.shows(
            &format!("/reservations/{rsv}"),
            json!({"status": "cancelled"}),
        )
        .await;
    }
    let book = host.at_rest().await;
    stay.shows(
        &format!("/reservations/{first}"),
        json!({"status": "reserved"}),
    )
    .await;
    stay.shows(
        &format!("/reservations/{lucky}"),
        json!({"status": "reserved"}),
    )
    .await;
    stay.shows(&format!("/rooms/{free}"), json!({"status": "reserved"}))
        .await;
    assert_eq!(book.messages.len(), 6);
}

#[tokio::test]
async fn a_room_that_becomes_unavailable_again_and_again_opens_its_breaker_and_bookings_go_on() {
    let settings = Settings::of_the_app().await.without("context.room");
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    for room in 1..=20 {
        stay.book(room).await.expect(201);
    }
    stay.counts("/reservations", 20).await;
}
