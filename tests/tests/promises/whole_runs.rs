//! Random programs that read, write and call each other, with and without undo, branching on what they are answered, on few keys, with power cuts: in the end
//! each run that committed was whole, and of the others nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::Method;
use innkeeper_tests::{Client, Opening, Settings, TestHost, eventually, seed};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

const PLAYERS: [&str; 3] = ["first", "second", "third"];
/// So few keys that programs get in each other's way all the time.
const KEYS: u64 = 3;
const CLIENTS: usize = 12;

async fn settings() -> Settings {
    let mut settings = Settings::empty().set("app.name", "players");
    for player in PLAYERS {
        settings = settings.with(player, &format!("player-{player}")).await;
    }
    settings
}

/// A random program of the last player of a chain; `depth` says how much deeper its calls may go.
fn program(dice: &mut StdRng, chain: &[&str], depth: u32) -> Value {
    let steps = dice.random_range(1..=4);
    let steps = (0..steps).map(|_| step(dice, chain, depth));
    steps.collect()
}

fn step(dice: &mut StdRng, chain: &[&str], depth: u32) -> Value {
    let key = dice.random_range(0..KEYS);
    // Now and then a call comes back to one who waits for it.
    let comes_back = dice.random_bool(0.1);
    let others = PLAYERS.iter().filter(|other| match comes_back {
        true => Some(*other) != chain.last(),
        false => !chain.contains(other),
    });
    let others: Vec<_> = others.collect();
    if others.is_empty() {
        return json!({"write": key});
    }
    let to = others[dice.random_range(0..others.len())];
    let further: Vec<_> = chain.iter().chain([to]).copied().collect();
    match dice.random_range(0..100) {
        0..20 => json!({"read": key}),
        20..40 => json!({"write": key}),
        40..50 => json!({"ask": {"to": to, "key": key}}),
        50..65 if depth > 0 => {
            json!({"either": [program(dice, chain, depth - 1), program(dice, chain, depth - 1)]})
        }
        65..88 if depth > 0 => {
            json!({"call": {"to": to, "how": "play", "program": program(dice, &further, depth - 1)}})
        }
        88..91 if depth > 0 => {
            json!({"call": {"to": to, "how": "tell", "program": program(dice, &further, depth - 1)}})
        }
        91..95 => json!("refuse"),
        _ => json!({"read": key}),
    }
}

/// Plays programs until it is told to stop.
async fn play(gateway: Client, mut dice: StdRng, until: tokio::time::Instant) -> usize {
    let mut done = 0;
    while tokio::time::Instant::now() < until {
        let player = PLAYERS[dice.random_range(0..PLAYERS.len())];
        let program = program(&mut dice, &[player], 3);
        let request = gateway.request(Method::POST, &format!("/{player}"));
        match request.json(&json!({"program": program})).send().await {
            Ok(reply) if reply.status() == 200 => done += 1,
            Ok(reply) => {
                let status = reply.status();
                let body = reply.text().await.unwrap_or_default();
                assert!(
                    status == 409
                        || status == 503
                        || status == 504
                        || status.is_server_error() && body.contains("outcome-unknown"),
                    "{status}: {body}"
                );
            }
            // The power was cut.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    done
}

/// A run that has committed: its context and its number.
type Name = (String, u64);

fn named(context: &str, run: &Value) -> Name {
    (
        context.to_owned(),
        run["number"].as_u64().expect("a number"),
    )
}

/// What is not as it must be.
async fn differences(host: &TestHost) -> Result<(), String> {
    let mut found = host.operators().pending().await;
    let mut runs: BTreeMap<Name, Value> = BTreeMap::new();
    let mut by_invocation: BTreeMap<String, Name> = BTreeMap::new();
    for player in PLAYERS {
        let values = host.gateway().try_all(&format!("/{player}/values")).await?;
        let mut writes: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for run in host.gateway().try_all(&format!("/{player}/runs")).await? {
            for write in run["writes"].as_array().expect("a list") {
                let key = write[0].as_u64().expect("a key");
                let count = write[1].as_u64().expect("a count");
                writes.entry(key).or_default().push(count);
            }
            let name = named(player, &run);
            by_invocation.insert(run["id"].as_str().expect("an id").to_owned(), name.clone());
            runs.insert(name, run);
        }
        for value in values {
            let key = value["key"].as_u64().expect("a key");
            let mut counts = writes.remove(&key).unwrap_or_default();
            counts.sort_unstable();
            let wanted: Vec<u64> = (1..=value["count"].as_u64().expect("a count")).collect();
            if counts != wanted {
                found.push(format!("key {key} of {player} was counted {counts:?}"));
            }
        }
    }
    let is_undone = |run: &Value| run["undone"] == json!(true);
    let mut called: BTreeSet<Name> = BTreeSet::new();
    for (name, run) in &runs {
        for call in run["calls"].as_array().expect("a list") {
            let number = call["run"].as_str().and_then(|run| run.parse().ok());
            let callee = (
                call["to"].as_str().expect("a name").to_owned(),
                number.expect("a number"),
            );
            let plays = call["how"] == "play";
            match runs.get(&callee) {
                None => found.push(format!("{name:?} called {callee:?}, which is not there")),
                Some(run_of) if plays && is_undone(run_of) != is_undone(run) => found.push(
                    format!("{name:?} called {callee:?}: one of them is undone and the other not"),
                ),
                Some(_) => {}
            }
            called.insert(callee);
        }
    }
    for (name, run) in runs.iter().filter(|(_, run)| run["how"] != "begin") {
        if called.contains(name) {
            continue;
        }
        let caller = run["caller"].as_str().expect("an id");
        match run["how"].as_str() {
            Some("play") if !is_undone(run) => {
                found.push(format!(
                    "{name:?} was played for {caller}, which does not know of it"
                ));
            }
            Some("tell") if by_invocation.contains_key(caller) => {
                found.push(format!(
                    "{name:?} was told for {caller}, which committed without it"
                ));
            }
            _ => {}
        }
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(found.join("\n")),
    }
}

async fn try_programs(kills: usize, load: Duration) {
    let mut dice = StdRng::seed_from_u64(seed());
    let mut host = Opening::new(settings().await).alone().open().await;
    let mut done = 0;
    for kill in 0..=kills {
        let until = tokio::time::Instant::now() + load;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let dice = StdRng::seed_from_u64(dice.random());
                tokio::spawn(play(host.gateway().clone(), dice, until))
            })
            .collect();
        if kill < kills {
            // The moment itself is what is random here: there is nothing to wait for.
            tokio::time::sleep(load.mul_f64(dice.random_range(0.2..0.9))).await;
            host.kill_9();
        }
        for client in clients {
            done += client.await.expect("it has played");
        }
        if kill < kills {
            host.reopen().await;
        }
        eventually("every run is whole", async || differences(&host).await).await;
    }
    eprintln!("{done} programs were played");
    assert!(
        done > 50,
        "only {done} programs were played: that is no load"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_random_programs_each_run_is_whole() {
    try_programs(0, Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_random_programs_each_run_is_whole_after_power_cuts() {
    try_programs(5, Duration::from_millis(1500)).await;
}
