//! Each trick against what all contexts share: how fast a neighbour reads and writes, and how slow it is at worst, before and meanwhile.

use std::time::{Duration, Instant};

use innkeeper_tests::{Answered, Opening, Traffic, p99, request, within};

use super::settings;

/// How many clients ask for a trick, as fast as they can.
const CLIENTS: u64 = 4;
/// For how many answers a neighbour is measured, and for how long at most.
const ANSWERS: usize = 150;
const PATIENCE: Duration = Duration::from_secs(60);

/// What a neighbour's answers may take at worst, and how many a second there are at least. Four clients keep two processors busy, in a host that is compiled
/// without optimization, and perhaps beside compilers: a commit that holds up everybody, as they did before, takes seconds.
const LONGEST: Duration = Duration::from_secs(2);
const SLOWEST: f64 = 3.0;

/// What is tried, `{}` is a number that is another one each time.
const TRICKS: [&str; 10] = [
    "lines/20000/200",
    "timers/40000/3600000",
    "timers/1000/3600000",
    "events/1000",
    "keys/{}000/5000",
    "keys/{}000/40000",
    "bytes/{}/3000000",
    "sequences/{}000/1000",
    "lost-numbers/20000",
    "cancellations/20000",
];

/// What is shared: how each is asked for. The last one is at the operators' port.
const WORK: [(&str, &str); 3] = [
    ("GET", "/entries?size=10"),
    ("POST", "/totals"),
    ("GET", "/livez"),
];

/// What a neighbour was answered, one after another.
struct Measured {
    p99: Duration,
    rate: f64,
}

async fn measure(base: &str, (method, path): (&'static str, &'static str)) -> Measured {
    let begun = Instant::now();
    let flooded = tokio::time::timeout(
        PATIENCE,
        innkeeper_tests::flood(base, 2, ANSWERS as u64, move |_| request(method, path, "")),
    );
    let flooded = flooded.await.expect("the neighbour is answered at all");
    assert_eq!(flooded.refusals, 0, "{method} {path}");
    Measured {
        p99: flooded.percentile(99),
        rate: ANSWERS as f64 / begun.elapsed().as_secs_f64(),
    }
}

/// A neighbour's answers are never late by more than a moment, whatever the other one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trick_keeps_a_neighbour_waiting() {
    let inn = Opening::new(settings().await).alone().open().await;
    let base = inn.gateway().base().to_owned();
    let operators = inn.operators().client().base().to_owned();
    let client = inn.gateway();
    client
        .post("/entries/100", serde_json::json!(null))
        .await
        .expect(204);
    let mut late = Vec::new();
    for work in WORK {
        let at = match work.1 {
            "/livez" => &operators,
            _ => &base,
        };
        measure(at, work).await;
        let before = measure(at, work).await;
        for trick in TRICKS {
            let make = move |number: u64| {
                let path = format!(
                    "/hostile/{}",
                    trick.replace("{}", &(number + 1).to_string())
                );
                request("POST", &path, "")
            };
            let tricks = Traffic::start(&base, CLIENTS, make);
            let meanwhile = measure(at, work).await;
            let tried: Vec<Answered> = tricks.stop().await;
            eprintln!(
                "{} {}: {:?} at 99 %, {:.0}/s; beside {trick} ({} tries, {:?}): {:?}, {:.0}/s",
                work.0,
                work.1,
                before.p99,
                before.rate,
                tried.len(),
                p99(&tried),
                meanwhile.p99,
                meanwhile.rate,
            );
            assert!(!tried.is_empty(), "{trick} was not tried");
            if meanwhile.p99 > LONGEST || meanwhile.rate < SLOWEST {
                late.push(format!(
                    "{work:?} beside {trick}: {:?}, {:.0}/s",
                    meanwhile.p99, meanwhile.rate
                ));
            }
        }
    }
    assert!(late.is_empty(), "{late:#?}");
    // And the operators' port answers.
    let ready = within(Duration::from_secs(5), async || {
        inn.operators().ready().await
    });
    ready.await.expect("it is ready");
}
