//! A cancellation before the delivery is complete cancels it, one after it is refused; there is nothing in between.

use futures::future::join_all;
use innkeeper_tests::TestHost;

use super::{DELIVERY_TIME, settings, stocked};

/// Many customers cancel just when their deliveries arrive: each is told what becomes of it.
#[tokio::test]
async fn who_cancels_when_the_delivery_arrives_is_in_time_or_too_late() {
    let settings = settings("call").await.set(DELIVERY_TIME, "2s");
    let host = TestHost::with(settings).await;
    let shop = host.shop();
    let (product, put_in) = stocked(&host, 300, 100).await;
    let cancelled = join_all((0..40).map(async |number: u32| {
        let customer = format!("customer-{}", number % 4);
        let order = shop.ordered(product, 1, &customer).await;
        shop.started_delivery(order).await;
        // Some are early, some late, and some come in the moment in which it arrives.
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(number) * 75)).await;
        (order, shop.cancel(order).await.status)
    }))
    .await;
    let books = host.shop_at_rest(&put_in).await;
    for (order, status) in &cancelled {
        let found = books
            .orders
            .iter()
            .find(|found| found["orderId"] == *order)
            .unwrap();
        let expected = match status {
            200 => "OrderCancelled",
            409 => "OrderPlaced",
            other => panic!("order {order} was answered {other}"),
        };
        assert_eq!(found["state"], expected, "order {order}");
    }
    let late = cancelled
        .iter()
        .filter(|(_, status)| *status == 409)
        .count();
    assert!((1..40).contains(&late), "{cancelled:?}");
}

/// A second customer's request that comes to nothing must not end the hold of the first: the cancellation is asked twice at once, again and again.
#[tokio::test]
async fn cancellations_at_once_are_one() {
    let settings = settings("events").await.set(DELIVERY_TIME, "100ms");
    let host = TestHost::with(settings).await;
    let shop = host.shop();
    let (product, put_in) = stocked(&host, 300, 100).await;
    for _ in 0..10 {
        let order = shop.ordered(product, 1, "ada").await;
        let replies = join_all((0..6).map(|_| shop.cancel(order))).await;
        let statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
        let first = statuses[0];
        assert!([200, 409].contains(&first), "{statuses:?}");
        assert!(
            statuses.iter().all(|status| *status == first),
            "{statuses:?}"
        );
    }
    host.shop_at_rest(&put_in).await;
}
