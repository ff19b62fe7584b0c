//! Processors are shared between contexts: who computes without end takes what the others leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use innkeeper_tests::{Client, Opening, Settings, TestHost, flood, holds_once, request};
use serde_json::json;
use tokio::task::JoinSet;

/// Requests of a neighbour in a measurement.
const REQUESTS: u64 = 6_000;
/// What a neighbour is promised of its fair share.
const PROMISED: f64 = 0.7;
/// Where nothing else slows the machine down.
const SLOWEST: Duration = Duration::from_millis(20);
const SLOWEST_HEALTH: Duration = Duration::from_millis(50);

/// What a context is like for its clients.
#[derive(Debug)]
struct Service {
    /// Answers in a second.
    rate: f64,
    /// The time that 99 of 100 answers did not exceed.
    p99: Duration,
}

async fn measure(host: &TestHost, path: &'static str) -> Service {
    let begun = Instant::now();
    let flooded = flood(host.gateway().base(), 8, REQUESTS, move |_| {
        request("GET", path, "")
    })
    .await;
    assert_eq!(flooded.refusals, 0);
    Service {
        rate: REQUESTS as f64 / begun.elapsed().as_secs_f64(),
        p99: flooded.percentile(99),
    }
}

/// Clients that do the same again and again.
struct Clients {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
}

impl Clients {
    fn start<F: Future + Send>(count: usize, act: impl Fn() -> F + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let (stop, act) = (stop.clone(), act.clone());
            tasks.spawn(async move {
                loop {
                    act().await;
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        Self { tasks, stop }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
    }
}

fn spinning(client: &Client, count: usize) -> Clients {
    let client = client.clone();
    Clients::start(count, move || {
        let client = client.clone();
        async move {
            client.post("/unruly/loop", json!({})).await;
        }
    })
}

/// Rooms that are read, beside a context that computes without end.
async fn rooms(answers: i64) -> TestHost {
    let settings = Settings::of_the_app()
        .await
        .with("unruly", "unruly")
        .await
        .set("context.unruly.limits.deadline", "2s")
        .set("context.room.limits.answers", answers);
    let host = Opening::new(settings).alone().open().await;
    host.stay().room("calm").await;
    measure(&host, "/rooms/1").await;
    host
}

/// Health probes as Kubernetes sends them; gives the slowest.
async fn probe(host: &TestHost, times: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..times {
        let begun = Instant::now();
        let reply = host.operators().client().get("/livez").await;
        assert_eq!(reply.status, 200);
        slowest = slowest.max(begun.elapsed());
    }
    slowest
}

async fn neighbours_of_spinning_guests(answers: i64) {
    let host = rooms(answers).await;
    for count in [2, 256] {
        holds_once("a neighbour of spinning guests", async || {
            let before = measure(&host, "/rooms/1").await;
            let clients = spinning(host.gateway(), count);
            // All of them compute by then.
            probe(&host, 10).await;
            let beside = measure(&host, "/rooms/1").await;
            let health = probe(&host, 50).await;
            clients.stop().await;
            let has_its_share = beside.rate >= PROMISED * before.rate / 2.0;
            let is_quick = beside.p99 < SLOWEST.max(3 * before.p99) && health < SLOWEST_HEALTH;
            match has_its_share && is_quick {
                true => Ok(()),
                false => Err(format!(
                    "{answers}, {count} spinning: {before:?}, beside them {beside:?}; /livez {health:?}"
                )),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_guests_run_has_its_share_beside_spinning_guests() {
    neighbours_of_spinning_guests(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_answers_are_given_again_has_its_share_beside_spinning_guests() {
    neighbours_of_spinning_guests(8 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_requests_that_are_refused_leave_others_their_share() {
    let host = rooms(8 << 20).await;
    let body = format!("{{\"junk\": [0{}]}}", ",0".repeat(500_000));
    let large = request("POST", "/reservations", &body);
    holds_once("a neighbour of large requests", async || {
        let before = measure(&host, "/rooms/1").await;
        let (base, large) = (host.gateway().base().to_owned(), large.clone());
        let clients = Clients::start(16, move || {
            let (base, large) = (base.clone(), large.clone());
            async move {
                let flooded = flood(&base, 1, 1, move |_| large.clone()).await;
                assert_eq!(flooded.refusals, 1);
            }
        });
        let beside = measure(&host, "/rooms/1").await;
        clients.stop().await;
        // The clients that send a megabyte at a time share the processors with it, too.
        let has_its_share = beside.rate >= PROMISED * before.rate / 4.0;
        match has_its_share && beside.p99 < SLOWEST.max(3 * before.p99) {
            true => Ok(()),
            false => Err(format!("{before:?}, beside large requests {beside:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_context_computes_no_more_than_it_may() {
    let settings = Settings::empty()
        .with("unruly", "unruly")
        .await
        .set("context.unruly.limits.deadline", "2s")
        .set("context.unruly.limits.cpu", "100m");
    let host = Opening::new(settings).alone().open().await;
    let begun = Instant::now();
    let clients = spinning(host.gateway(), 8);
    clients.stop().await;
    let took = begun.elapsed().as_secs_f64();
    let computed = computed(&host, "unruly").await;
    assert!(
        computed > 0.0 && computed / took < 0.2,
        "{computed} s in {took} s"
    );
}

/// How long the guests of a context have computed, in seconds.
async fn computed(host: &TestHost, context: &str) -> f64 {
    let metrics = host.operators().client().get("/metrics").await.text;
    let name = format!("innkeeper_cpu_microseconds_total{{context=\"{context}\"}} ");
    let microseconds: f64 = metrics
        .lines()
        .find_map(|line| line.strip_prefix(&name))
        .expect("it is counted")
        .parse()
        .expect("a number");
    microseconds / 1e6
}

/// Two contexts that both want all processors get them as their weights say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processors_are_shared_by_weight() {
    const TIMES: i64 = 3;
    let settings = Settings::empty()
        .with("unruly", "unruly")
        .await
        .with("hostile", "hostile")
        .await
        .set("context.unruly.limits.deadline", "2s")
        .set("context.hostile.limits.deadline", "2s")
        .set("context.unruly.limits.cpu_weight", 100)
        .set("context.hostile.limits.cpu_weight", 100 * TIMES);
    let host = Opening::new(settings).alone().open().await;
    holds_once("processors that are shared by weight", async || {
        let before = [
            computed(&host, "unruly").await,
            computed(&host, "hostile").await,
        ];
        let light = spinning(host.gateway(), 8);
        let client = host.gateway().clone();
        let heavy = Clients::start(8, move || {
            let client = client.clone();
            async move {
                client.post("/hostile/spin", json!({})).await;
            }
        });
        // A round of each, or two.
        probe(&host, 100).await;
        // Both end with the same round: who went on alone would have all of it.
        tokio::join!(light.stop(), heavy.stop());
        let after = [
            computed(&host, "unruly").await,
            computed(&host, "hostile").await,
        ];
        let [light, heavy] = [after[0] - before[0], after[1] - before[1]];
        // What is left of one when the other has ended is its own.
        let (least, most) = (TIMES as f64 * 0.6, TIMES as f64 * 1.5);
        match (least..most).contains(&(heavy / light)) {
            true => Ok(()),
            false => Err(format!("{heavy} s and {light} s")),
        }
    })
    .await;
}
