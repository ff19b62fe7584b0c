//! The history is filled anew while it serves, and equals what it was.

use http::Method;
use innkeeper_tests::{Load, Purchases, TestHost, eventually};

use super::{DELIVERY_TIME, PLENTY, settings, stocked};

const REBUILD: &str = "/v1/contexts/mypage/rebuild";

/// Its events are of two contexts, whose order among each other is another one this time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mypage_is_rebuilt_while_it_serves_and_equals_what_it_was() {
    let settings = settings("events").await.set(DELIVERY_TIME, "200ms");
    let host = TestHost::with(settings).await;
    let (product, put_in) = stocked(&host, 300, PLENTY).await;
    let purchases = Purchases::of([product]);
    let shopping = Load::start(host.gateway(), &purchases, 8, 11);
    eventually("there is something to fill", async || {
        let done = purchases.successes();
        (done > 300).then_some(()).ok_or(done)
    })
    .await;
    shopping.stop().await;
    // Until each delivery has arrived: nothing changes any more.
    let before = eventually("all has arrived", async || {
        let books = host.shop_balances(&put_in).await?;
        let is_under_way =
            |delivery: &serde_json::Value| delivery["deliveryState"] == "DeliveryStarted";
        match books.deliveries.iter().any(is_under_way) {
            true => Err("something is under way".to_owned()),
            false => Ok(books),
        }
    })
    .await;
    let generation =
        || async { host.operators().context("mypage").await["journal"]["generation"].clone() };
    let first = generation().await;
    host.operators()
        .send(Method::POST, REBUILD)
        .await
        .expect(202);
    eventually("it is rebuilt", async || {
        // It serves, and shows no less than before.
        let shown = host.shop().history("customer-0").await.len();
        assert_eq!(shown, before.histories["customer-0"].len());
        let now = host.operators().get(REBUILD).await;
        (now["state"] == "done")
            .then_some(())
            .ok_or(now.to_string())
    })
    .await;
    assert_ne!(generation().await, first);
    assert_eq!(host.shop_at_rest(&put_in).await, before);
    // And it goes on.
    host.shop().ordered(product, 1, "customer-0").await;
    let after = host.shop_at_rest(&put_in).await;
    assert_eq!(
        after.histories["customer-0"].len(),
        before.histories["customer-0"].len() + 1
    );
}
