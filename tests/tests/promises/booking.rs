//! Of concurrent bookings of one room exactly one wins, and the others leave nothing behind.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use innkeeper_tests::{Settings, TestHost};

#[tokio::test]
async fn of_200_concurrent_bookings_of_one_room_one_wins() {
    let host = TestHost::open().await;
    let stay = host.stay();
    let room = stay.room("wanted by all").await;
    let replies = join_all((0..200).map(|_| stay.book(room))).await;
    let won = replies.iter().filter(|reply| reply.status == 201).count();
    let lost = replies.iter().filter(|reply| reply.status == 409).count();
    assert_eq!(
        (won, lost),
        (1, 199),
        "{:?}",
        replies
            .iter()
            .map(|reply| reply.status)
            .collect::<BTreeSet<_>>()
    );
    for reply in replies {
        if reply.status == 409 {
            reply.expect_problem(409);
        }
    }
    let book = host.at_rest().await;
    assert_eq!(
        (
            book.reservations.len(),
            book.payments.len(),
            book.messages.len()
        ),
        (1, 1, 1)
    );
    assert_eq!(book.payments[0]["status"], "paid");
}

#[tokio::test]
async fn of_1000_concurrent_bookings_over_50_rooms_50_win() {
    // All at once on a busy machine: what is shown is who wins, not how fast.
    let settings = Settings::of_the_app()
        .await
        .set("context.reservation.limits.deadline", "60s")
        .set("context.room.limits.deadline", "60s")
        .set("context.payment.limits.deadline", "60s");
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    let rooms = join_all((0..50).map(|_| stay.room("one of fifty"))).await;
    let replies = join_all((0..1_000).map(|number| stay.book(rooms[number % rooms.len()]))).await;
    let mut answers = BTreeMap::<u16, usize>::new();
    for reply in &replies {
        *answers.entry(reply.status).or_default() += 1;
    }
    let odd = replies
        .iter()
        .find(|reply| ![201, 409].contains(&reply.status));
    assert_eq!(answers, BTreeMap::from([(201, 50), (409, 950)]), "{odd:?}");
    let book = host.at_rest().await;
    let taken: BTreeSet<_> = book
        .reservations
        .iter()
        .filter_map(|value| value["roomId"].as_u64())
        .collect();
    assert_eq!(
        (book.reservations.len(), taken.len(), book.payments.len()),
        (50, 50, 50)
    );
    assert!(book.views.iter().all(|view| view["payStatus"] == "paid"));
}

/// The room is held for each booking, and let go before the client is answered, whoever else is undoing something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_declined_finds_the_room_free_again() {
    const ROOMS: u64 = 16;
    const BOOKINGS: usize = 30;
    let declined: Vec<_> = (1..=ROOMS).map(|room| room.to_string()).collect();
    let settings = Settings::of_the_app()
        .await
        .set("context.payment.config.declined_rooms", declined.join(", "))
        .set("journal.durability", "relaxed");
    let host = TestHost::with(settings).await;
    let stay = host.stay();
    let rooms = join_all((0..ROOMS).map(|_| stay.room("declined"))).await;
    assert_eq!(rooms.iter().max(), Some(&ROOMS));
    let guests = rooms.iter().map(|&room| {
        let stay = &stay;
        async move {
            for _ in 0..BOOKINGS {
                stay.book(room).await.expect_problem(402);
            }
        }
    });
    join_all(guests).await;
}
