//! Of concurrent orders as many stay as there is stock for, and the others leave nothing behind.

use std::collections::BTreeMap;

use futures::future::join_all;
use innkeeper_tests::TestHost;

use super::{settings, stocked};

const ORDERS: u64 = 500;
const STOCK: u64 = 100;

/// How many of all orders stay, and how each request was answered.
async fn ordered_by_all(check_stock: &str) -> (usize, BTreeMap<u16, usize>) {
    let host = TestHost::with(settings(check_stock).await).await;
    let shop = host.shop();
    let (product, put_in) = stocked(&host, 250, STOCK).await;
    let customers: Vec<_> = (0..ORDERS)
        .map(|number| format!("customer-{}", number % 10))
        .collect();
    let orders = customers
        .iter()
        .map(|customer| shop.order(product, 1, customer));
    let mut answers = BTreeMap::<u16, usize>::new();
    for reply in join_all(orders).await {
        *answers.entry(reply.status).or_default() += 1;
        if reply.status >= 400 {
            reply.expect_problem(409);
        }
    }
    let books = host.shop_at_rest(&put_in).await;
    let placed = answers.get(&201).copied().unwrap_or_default();
    assert_eq!(books.orders.len(), placed, "who was refused left nothing");
    let staying = books.active().count();
    assert_eq!(books.products[0]["stock"], 0);
    let miles: u64 = books
        .mileages
        .values()
        .filter_map(|entries| entries[0]["totalMileage"].as_u64())
        .sum();
    assert_eq!(miles, 25 * STOCK);
    (staying, answers)
}

#[tokio::test]
async fn by_a_call_100_of_500_orders_are_placed() {
    let (staying, answers) = ordered_by_all("call").await;
    let expected = BTreeMap::from([(201, STOCK as usize), (409, (ORDERS - STOCK) as usize)]);
    assert_eq!((staying, answers), (STOCK as usize, expected));
}

#[tokio::test]
async fn by_events_100_of_500_orders_stay() {
    // What is known of the stock is a little old: more may be placed than there is, and rolled back.
    let (staying, _) = ordered_by_all("events").await;
    assert_eq!(staying, STOCK as usize);
}
