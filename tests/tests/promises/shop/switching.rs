//! How the stock is checked is read live: it changes while customers order, and each order goes on in the way in which it was placed.

use std::collections::BTreeMap;

use innkeeper_tests::{Load, Purchases, TestHost, eventually};

use super::{CHECK_STOCK, DELIVERY_TIME, FEW, PLENTY, settings, stocked};

/// How often it is changed.
const CHANGES: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_changes_while_customers_order_and_the_books_balance() {
    let call = settings("call").await.set(DELIVERY_TIME, "300ms");
    let mut host = TestHost::with(call.clone()).await;
    let (tea, mut put_in) = stocked(&host, 300, PLENTY).await;
    let (coffee, more) = stocked(&host, 77, FEW).await;
    put_in.extend(more);
    let purchases = Purchases::of([tea, coffee]);
    let shopping = Load::start(host.gateway(), &purchases, 8, 7);
    for change in 1..=CHANGES {
        let way = if change % 2 == 1 { "events" } else { "call" };
        host.rewrite(call.clone().set(CHECK_STOCK, way));
        eventually("orders are placed in the new way", async || {
            let page = host.gateway().get("/orders?size=1").await;
            let last = page.body["total"].as_u64().unwrap_or(1).saturating_sub(1);
            let newest = host
                .gateway()
                .get(&format!("/orders?size=1&page={last}"))
                .await;
            match newest.body["items"][0]["checkStock"] == way {
                true => Ok(()),
                false => Err(newest.text),
            }
        })
        .await;
        purchases.go_on().await;
    }
    shopping.stop().await;
    let books = host.shop_at_rest(&put_in).await;
    let differences = purchases.differences(&books);
    assert!(differences.is_empty(), "{differences:#?}");
    let mut placed = BTreeMap::<&str, usize>::new();
    for order in &books.orders {
        *placed
            .entry(order["checkStock"].as_str().unwrap())
            .or_default() += 1;
    }
    assert!(placed["call"] > 10 && placed["events"] > 10, "{placed:?}");
}
