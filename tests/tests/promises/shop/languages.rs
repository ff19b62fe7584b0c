//! The shop is polyglot: delivery and mypage go from Rust to JavaScript and Python and back while customers order, and each language goes on in the state of the other.

use innkeeper_tests::{Load, Purchases, TestHost, artifacts, is_left_out};

use super::{DELIVERY_TIME, PLENTY, settings, stocked};

/// Brings a context in a language, and says that it may be slower.
async fn deploy(host: &TestHost, context: &str, component: &str) {
    let bytes = std::fs::read(artifacts::component(component).await).expect("it was built");
    let digest = artifacts::digest(&bytes);
    let deployed = host.operators().deploy(context, bytes, "expect-slower=100");
    deployed.await.expect(201);
    assert_eq!(
        host.operators().serving(context).await,
        digest,
        "{component}"
    );
}

/// A context goes to another language and back under load, so often; customers are told what becomes of their orders, and the books balance.
async fn changes_its_language(context: &str, other: &str, rounds: usize) {
    let settings = settings("call").await.set(DELIVERY_TIME, "300ms");
    let host = TestHost::with(settings).await;
    // Both are compiled before anybody comes.
    deploy(&host, context, other).await;
    deploy(&host, context, context).await;
    let (product, put_in) = stocked(&host, 300, PLENTY).await;
    let purchases = Purchases::of([product]);
    let shopping = Load::start(host.gateway(), &purchases, 4, 13);
    for component in [other, context].repeat(rounds) {
        deploy(&host, context, component).await;
        purchases.go_on().await;
    }
    // It ends in the other language, which reads what both have written.
    deploy(&host, context, other).await;
    shopping.stop().await;
    let books = host.shop_at_rest(&put_in).await;
    let differences = purchases.differences(&books);
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivery_goes_to_javascript_and_back_under_load() {
    if is_left_out("javascript") {
        return;
    }
    changes_its_language("delivery", "delivery-javascript", 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mypage_goes_to_python_and_back_under_load() {
    if is_left_out("python") {
        return;
    }
    changes_its_language("mypage", "mypage-python", 1).await;
}
