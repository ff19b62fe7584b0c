//! The defects of the original, one by one. Those that have a file of their own are tested there: concurrent bookings in `booking`, payments
//! without their reservation in `crash` and `outages`, correlation in `correlation`.

use std::collections::{BTreeMap, BTreeSet};

use innkeeper_tests::{Settings, TestHost};
use serde_json::{Value, json};

/// 1. Events published although the transaction rolled back, or lost between commit and send.
#[tokio::test]
async fn defect_1_an_event_exists_if_and_only_if_the_write_does() {
    let settings = Settings::of_the_app()
        .await
        .set("context.payment.config.declined_rooms", "2");
    let mut host = TestHost::with(settings).await;
    let stay = host.stay();
    let (room, declined) = (stay.room("free").await, stay.room("declined").await);
    stay.book(declined).await.expect_problem(402);
    stay.book(4711).await.expect_problem(422);
    let rsv = stay.book(room).await.expect(201).number("rsvId");
    stay.book(room).await.expect_problem(409);
    // Cut off right after the answers: what was answered has its events, and nothing else has.
    host.kill_9();
    host.reopen().await;
    host.at_rest().await;
    for kind in [
        "ReservationCreated",
        "ReservationConfirmed",
        "PaymentApproved",
        "RoomReserved",
    ] {
        let events = host.operators().events_of(kind).await;
        let about: Vec<_> = events
            .iter()
            .map(|event| event["data"]["rsvId"].as_u64())
            .collect();
        assert_eq!(about, [Some(rsv)], "{kind}");
    }
}

/// 2. Two concurrent bookings of one room both succeed.
#[tokio::test]
async fn defect_2_of_two_concurrent_bookings_one_succeeds() {
    let host = TestHost::open().await;
    let stay = host.stay();
    for _ in 0..20 {
        let room = stay.room("for one").await;
        let (one, other) = tokio::join!(stay.book(room), stay.book(room));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
    assert_eq!(host.at_rest().await.payments.len(), 20);
}

/// 3. An unavailable room still leaves a committed reservation and answers 201.
#[tokio::test]
async fn defect_3_a_room_that_cannot_be_had_leaves_no_reservation() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("taken").await;
    stay.booked(room).await;
    let before = host.at_rest().await;
    stay.book(room).await.expect_problem(409);
    stay.book(4711).await.expect_problem(422);
    assert_eq!(host.at_rest().await, before);
}

/// 4. The payment commits, the reservation does not, and nothing refunds it.
#[tokio::test]
async fn defect_4_a_payment_whose_reservation_fails_is_refunded() {
    // So little may be staged that the reservation itself fails, after it was paid.
    let settings = Settings::of_the_app()
        .await
        .set("context.reservation.limits.staged", "100B");
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    let room = stay.room("paid in vain").await;
    stay.book(room).await.expect_problem(500);
    stay.shows("/payments/1", json!({"status": "cancelled"}))
        .await;
    stay.shows(&format!("/rooms/{room}"), json!({"status": "available"}))
        .await;
    let book = host.at_rest().await;
    assert_eq!((book.reservations.len(), book.messages.len()), (0, 0));
}

/// 5. Handlers that are not idempotent: a repeated ReviewCreated counts twice, a repeated confirmation writes two messages.
#[tokio::test]
async fn defect_5_an_event_takes_effect_once_however_often_the_power_is_cut() {
    let mut host = TestHost::open().await;
    for round in 1..=6 {
        let stay = host.stay();
        let room = stay.room("reviewed").await;
        stay.book(room).await.expect(201);
        stay.review(room, "Good Room").await;
        // Some handlers have run by now, and some not.
        host.kill_9();
        host.reopen().await;
        let book = host.at_rest().await;
        assert_eq!((book.reviews.len(), book.messages.len()), (round, round));
    }
}

/// 6. Cancelling before the payment id is known crashes the saga and leaves `reqCancel` for ever.
#[tokio::test]
async fn defect_6_cancelling_at_once_ends_cancelled() {
    let host = TestHost::open().await;
    let stay = host.stay();
    for _ in 0..20 {
        let room = stay.room("changed my mind").await;
        let rsv = stay.book(room).await.expect(201).number("rsvId");
        let (one, other) = tokio::join!(stay.cancel(rsv), stay.cancel(rsv));
        one.expect(200);
        other.expect(200);
    }
    let book = host.at_rest().await;
    assert!(
        book.reservations
            .iter()
            .all(|reservation| reservation["status"] == "cancelled")
    );
    assert_eq!((book.payments.len(), book.messages.len()), (20, 40));
}

/// 7. Cancelling one of two reservations frees the other's room.
#[tokio::test]
async fn defect_7_a_reservation_frees_no_other_ones_room() {
    let mut host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("contested").await;
    let first = stay.booked(room).await;
    host.close().await;
    host.reopen_with(Settings::of_the_app().await.without("context.room"))
        .await;
    let stay = host.stay();
    let second = stay.book(room).await.expect(201).number("rsvId");
    stay.cancel(second).await.expect(200);
    stay.shows(
        &format!("/reservations/{second}"),
        json!({"status": "cancelled"}),
    )
    .await;
    host.close().await;
    host.reopen_with(Settings::of_the_app().await).await;
    host.at_rest().await;
    let stay = host.stay();
    stay.shows(&format!("/rooms/{room}"), json!({"status": "reserved"}))
        .await;
    stay.shows(
        &format!("/reservations/{first}"),
        json!({"status": "reserved"}),
    )
    .await;
    stay.book(room).await.expect_problem(409);
}

/// 8. PaymentCancelled sent on any update.
#[tokio::test]
async fn defect_8_a_payment_is_cancelled_once() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("once").await;
    let rsv = stay.booked(room).await;
    assert!(
        host.operators()
            .events_of("PaymentCancelled")
            .await
            .is_empty()
    );
    for _ in 0..3 {
        stay.cancel(rsv).await.expect(200);
    }
    stay.shows(
        &format!("/reservations/{rsv}"),
        json!({"status": "cancelled"}),
    )
    .await;
    assert_eq!(
        stay.cancel(rsv).await.expect(200).body["status"],
        "cancelled"
    );
    host.at_rest().await;
    for kind in [
        "PaymentApproved",
        "PaymentCancelled",
        "ReservationCancelRequested",
        "ReservationCancelled",
        "RoomCancelled",
    ] {
        assert_eq!(host.operators().events_of(kind).await.len(), 1, "{kind}");
    }
}

/// 9. A view that skips events for rows it lacks, and lets late events of an old reservation overwrite the new one's.
#[tokio::test]
async fn defect_9_the_view_shows_the_newest_reservation() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let mut last = Vec::new();
    for _ in 0..5 {
        let room = stay.room("much wanted").await;
        let mut rsv = stay.book(room).await.expect(201).number("rsvId");
        for _ in 0..4 {
            stay.cancel(rsv).await.expect(200);
            // As soon as the room can be had, before all others have heard of the cancellation.
            rsv = innkeeper_tests::eventually("the room is free", async || {
                let reply = stay.book(room).await;
                if reply.status == 201 {
                    Ok(reply.number("rsvId"))
                } else {
                    Err(reply.text)
                }
            })
            .await;
        }
        last.push((room, rsv));
    }
    host.at_rest().await;
    for (room, rsv) in last {
        let view = stay.view(room).await;
        assert_eq!(
            (&view["rsvId"], &view["rsvStatus"], &view["payStatus"]),
            (&json!(rsv), &json!("reserved"), &json!("paid"))
        );
    }
}

/// 10. Event time in whole seconds with a week-based year; no event id, no order.
#[tokio::test]
async fn defect_10_events_have_an_id_a_time_and_an_order() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("eventful").await;
    for round in 0..5 {
        stay.client()
            .patch(
                &format!("/rooms/{room}"),
                json!({"desc": round.to_string()}),
            )
            .await
            .expect(200);
    }
    let rsv = stay.booked(room).await;
    stay.cancel(rsv).await.expect(200);
    host.at_rest().await;
    let events = host.operators().events().await;
    let ids: BTreeSet<_> = events
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), events.len());
    let mut times: BTreeMap<String, String> = BTreeMap::new();
    for event in &events {
        let time = event["time"].as_str().unwrap();
        assert_eq!(
            (time.len(), &time[19..20], &time[23..]),
            (24, ".", "Z"),
            "{time}"
        );
        let subject = format!("{} {}", event["source"], event["subject"]);
        let before = times.insert(subject, time.to_owned());
        assert!(
            before.is_none_or(|before| before.as_str() <= time),
            "{event}"
        );
    }
    let revisions: Vec<_> = events
        .iter()
        .filter(|event| {
            event["source"] == "/stay/room" && event["subject"].as_str() == Some(&room.to_string())
        })
        .map(|event| event["data"]["revision"].as_u64())
        .collect();
    assert!(revisions.is_sorted(), "{revisions:?}");
    let descs = host.operators().events_of("RoomModified").await;
    let descs: Vec<_> = descs.iter().map(|event| &event["data"]["desc"]).collect();
    assert_eq!(
        descs,
        ["0", "1", "2", "3", "4"]
            .map(Value::from)
            .iter()
            .collect::<Vec<_>>()
    );
}

/// 11. A rollback that restocks by guessing. Here: a rolled-back booking takes nothing from, and gives nothing to, anybody else.
#[tokio::test]
async fn defect_11_a_rollback_gives_back_what_it_took_and_nothing_else() {
    let settings = Settings::of_the_app()
        .await
        .set("context.payment.config.declined_rooms", "1");
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    let (declined, other) = (stay.room("declined").await, stay.room("other").await);
    stay.booked(other).await;
    for _ in 0..5 {
        stay.book(declined).await.expect_problem(402);
        stay.book(other).await.expect_problem(409);
    }
    let book = host.at_rest().await;
    assert_eq!((book.reservations.len(), book.payments.len()), (1, 1));
    stay.shows(
        &format!("/rooms/{declined}"),
        json!({"status": "available", "lastAction": "register"}),
    )
    .await;
    stay.shows(&format!("/rooms/{other}"), json!({"status": "reserved"}))
        .await;
    assert!(host.operators().events_of("RoomCancelled").await.is_empty());
}
