//! Power cuts at random moments while customers order and cancel, in both ways to check the stock and from one to the other: the books balance each time.

use std::collections::BTreeMap;
use std::time::Duration;

use innkeeper_tests::{Load, Opening, Purchases, TestHost, seed, within};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{CHECK_STOCK, DELIVERY_TIME, FEW, PLENTY, WAYS, settings, stocked};

const KILLS: usize = 8;
const AT_ONCE: u64 = 10;
/// How long the host may take to come to rest after it was opened again.
const REST: Duration = Duration::from_secs(30);

async fn look(
    host: &TestHost,
    purchases: &Purchases,
    put_in: &BTreeMap<u64, u64>,
) -> Result<(), String> {
    let books = host.shop_balances(put_in).await?;
    let differences = purchases.differences(&books);
    match differences.is_empty() {
        true => Ok(()),
        false => Err(differences.join("\n")),
    }
}

/// Cuts the power at random moments; the first sight that must not be, if any.
async fn cut_again_and_again(opening: Opening, kills: usize, rest: Duration) -> Option<String> {
    let mut dice = StdRng::seed_from_u64(seed());
    let mut host = opening.alone().open().await;
    let (tea, mut put_in) = stocked(&host, 300, PLENTY).await;
    let (coffee, more) = stocked(&host, 77, FEW).await;
    put_in.extend(more);
    let purchases = Purchases::of([tea, coffee]);
    for kill in 1..=kills {
        // From one to the other each time.
        let way = WAYS[kill % WAYS.len()];
        let shopping = Load::start(host.gateway(), &purchases, AT_ONCE, dice.random());
        let moment = Duration::from_millis(dice.random_range(20..600));
        // The moment itself is what is random here: there is nothing to wait for.
        tokio::time::sleep(moment / 2).await;
        host.rewrite(host.settings().set(CHECK_STOCK, way));
        tokio::time::sleep(moment / 2).await;
        host.kill_9();
        shopping.stop().await;
        host.reopen().await;
        purchases.repeat(host.gateway()).await;
        let seen = within(rest, async || look(&host, &purchases, &put_in).await).await;
        if let Err(sight) = seen {
            return Some(format!(
                "after power cut {kill}, {moment:?} into the load:\n{sight}"
            ));
        }
    }
    let successes = purchases.successes();
    eprintln!("{successes} requests were done over {kills} power cuts");
    assert!(
        successes > kills * 10,
        "only {successes} requests were done: that is no load"
    );
    None
}

async fn opening() -> Opening {
    Opening::new(settings("call").await.set(DELIVERY_TIME, "200ms"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_balance_after_each_power_cut() {
    let found = cut_again_and_again(opening().await, KILLS, REST).await;
    assert!(found.is_none(), "{}", found.unwrap_or_default());
}

/// What the safeguard is for: without it, the same test finds stock that no order has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_intents_a_power_cut_loses_stock() {
    let opening = opening()
        .await
        .variable("INNKEEPER_UNSAFE_WITHOUT", "intents");
    let found = cut_again_and_again(opening, 3 * KILLS, Duration::from_secs(4)).await;
    let found = found.expect("intents are not needed?");
    assert!(found.contains("are left and"), "{found}");
}
