//! The sagas of shop under the conflict fuzzer, in both ways to check the stock.

mod app;

use std::time::Duration;

use app::{books_balance, cancel, order, shop};
use innkeeper_sdk::testing::{ConflictFuzzer, Finding, Tried};

/// Tries all that customers do.
fn tried(check_stock: &'static str) -> Result<Tried, Finding> {
    let with_an_order = move || {
        let app = shop(check_stock);
        order(&app, "ada", 1);
        app.settle();
        app
    };
    ConflictFuzzer::new(with_an_order)
        .operation("order", |app| order(app, "ada", 1))
        .operation("order what is left", |app| order(app, "bob", 2))
        .operation("order too much", |app| order(app, "bob", 3))
        .operation("cancel", |app| cancel(app, 1))
        .operation("change the price", |app| {
            app.patch("/products/1", serde_json::json!({"price": 500}))
        })
        .always("the books balance", books_balance)
        .check()
}

#[test]
fn orders_whose_stock_is_checked_by_a_call_survive_conflicts_wherever_they_come() {
    let tried = tried("call").unwrap_or_else(|finding| panic!("{finding}"));
    assert!(tried.interleavings > 60, "{tried:?}");
}

#[test]
fn orders_whose_stock_is_checked_by_events_survive_conflicts_wherever_they_come() {
    let tried = tried("events").unwrap_or_else(|finding| panic!("{finding}"));
    assert!(tried.interleavings > 60, "{tried:?}");
}

/// A cancellation, the timer of a delivery and another cancellation, whichever comes first at whichever step.
#[test]
fn a_delivery_is_cancelled_or_completed_and_never_both() {
    let under_way = || {
        let app = shop("call");
        order(&app, "ada", 1);
        app.settle();
        app
    };
    let tried = ConflictFuzzer::new(under_way)
        .operation("cancel", |app| cancel(app, 1))
        .operation("cancel what is not there yet", |app| cancel(app, 2))
        .operation("order", |app| order(app, "ada", 1))
        .passing(Duration::from_secs(2))
        .always("the books balance", books_balance)
        .check()
        .unwrap_or_else(|finding| panic!("{finding}"));
    assert!(tried.interleavings > 20, "{tried:?}");
}
