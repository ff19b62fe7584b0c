//! The second app, `shop`: its orders take their stock by a call or by events, and its books balance at any rest.

mod cancelling;
mod kills;
mod languages;
mod rebuild;
mod refusals;
mod scenario;
mod stock;
mod switching;
mod two_apps;

use std::collections::BTreeMap;

use innkeeper_tests::{Settings, TestHost, eventually};

/// The two ways to check the stock.
const WAYS: [&str; 2] = ["call", "events"];
const CHECK_STOCK: &str = "context.orders.config.check_stock";
const DELIVERY_TIME: &str = "context.delivery.config.delivery_time";

/// The app, which checks its stock in one way. Many at once on a busy machine: what is shown is what becomes of them, not how fast.
async fn settings(check_stock: &str) -> Settings {
    let mut settings = Settings::of_the_shop().await.set(CHECK_STOCK, check_stock);
    for context in settings.contexts() {
        settings = settings.set(&format!("context.{context}.limits.deadline"), "60s");
    }
    settings
}

/// More than anybody orders in a test.
const PLENTY: u64 = 100_000;
/// So few that they are soon gone.
const FEW: u64 = 60;

/// Puts a product on sale, of which there are so many, and waits until orders knows; gives its id, and what was put in.
async fn stocked(host: &TestHost, price: u64, stock: u64) -> (u64, BTreeMap<u64, u64>) {
    let product = host.shop().product(price, stock).await;
    eventually("orders knows the product", async || {
        match host.operators().pending().await {
            pending if pending.is_empty() => Ok(()),
            pending => Err(pending.join("; ")),
        }
    })
    .await;
    (product, BTreeMap::from([(product, stock)]))
}
