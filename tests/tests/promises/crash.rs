//! Power cuts at random moments under mixed load: nothing is lost, nothing doubled, nothing half done.

use std::sync::Arc;
use std::time::Duration;

use innkeeper_tests::{Load, Opening, Record, Settings, TestHost, seed, within};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const KILLS: usize = 20;
const GUESTS: u64 = 12;
const ROOMS: usize = 24;
/// How long the host may take to come to rest after it was opened again.
const REST: Duration = Duration::from_secs(20);

/// Every fifth room's payment is declined, so that there is something to undo without a power cut, too.
async fn settings() -> Settings {
    let declined = (1..10_000)
        .step_by(5)
        .map(|room| room.to_string())
        .collect::<Vec<_>>()
        .join(",");
    Settings::of_the_app()
        .await
        .set("context.payment.config.declined_rooms", declined)
}

/// Opens a host, fills it with load, cuts the power at a random moment and looks, so many times. The first sight that must not be, if any.
async fn cut_again_and_again(
    opening: Opening,
    kills: usize,
    seed: u64,
    rest: Duration,
) -> Option<String> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut host = opening.alone().open().await;
    let record = Arc::new(Record::default());
    for _ in 0..ROOMS {
        record
            .register(host.gateway())
            .await
            .expect("the host is open");
    }
    for kill in 1..=kills {
        let load = Load::start(host.gateway(), &record, GUESTS, dice.random());
        let moment = Duration::from_millis(dice.random_range(20..700));
        // The moment itself is what is random here: there is nothing to wait for.
        tokio::time::sleep(moment).await;
        host.kill_9();
        load.stop().await;
        host.reopen().await;
        record.repeat_bookings(host.gateway()).await;
        if let Err(sight) = within(rest, async || look(&host, &record).await).await {
            return Some(format!(
                "after power cut {kill}, {moment:?} into the load:\n{sight}"
            ));
        }
    }
    let successes = record.successes();
    eprintln!("{successes} requests were done over {kills} power cuts");
    assert!(
        successes > kills * 20,
        "only {successes} requests were done: that is no load"
    );
    None
}

async fn look(host: &TestHost, record: &Record) -> Result<(), String> {
    let book = host.look().await?;
    let differences = record.differences(&book);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(differences.join("\n"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_nothing_doubled_nothing_half_done() {
    let found = cut_again_and_again(Opening::new(settings().await), KILLS, seed(), REST).await;
    assert!(found.is_none(), "{}", found.unwrap_or_default());
}

/// What the safeguards are for: without either of them, the same test finds what must not be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_intents_a_power_cut_leaves_things_half_done() {
    let opening = Opening::new(settings().await).variable("INNKEEPER_UNSAFE_WITHOUT", "intents");
    let found = cut_again_and_again(opening, KILLS, seed(), Duration::from_secs(4)).await;
    let found = found.expect("intents are not needed?");
    assert!(found.contains("without its reservation"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_compensation_failed_bookings_keep_their_rooms() {
    let opening =
        Opening::new(settings().await).variable("INNKEEPER_UNSAFE_WITHOUT", "compensation");
    let found = cut_again_and_again(opening, KILLS, seed(), Duration::from_secs(4)).await;
    let found = found.expect("compensation is not needed?");
    assert!(found.contains("without its reservation"), "{found}");
}
