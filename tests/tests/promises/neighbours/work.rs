//! What a neighbour does beside the hostile context, and how well it goes: how many answers in a second, and how late the latest.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use innkeeper_tests::{TestHost, flood, request};
use serde_json::json;

/// How many do a neighbour's work at once, how often all together, and for how long at most.
pub const NEIGHBOURS: u64 = 2;
const ANSWERS: u64 = 120;
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a neighbour waits until an event is handled, or a timer has fired: each takes a few requests.
const HANDLED: u64 = 24;
/// How far ahead a timer is set.
const AHEAD: Duration = Duration::from_millis(50);
/// How often somebody looks whether an event is handled.
const LOOK: Duration = Duration::from_millis(2);

/// What of a neighbour is measured.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// Requests at the public port, one after another on a connection.
    Request(&'static str, &'static str),
    /// The same, each on a connection of its own.
    Connection(&'static str, &'static str),
    /// A request at the operators' port.
    Operators(&'static str),
    /// An event, until its follower has handled it.
    Event,
    /// A timer, from when it is due until its event has been handled.
    Timer,
}

/// What came of it, one after another.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    /// What 99 of 100 did not exceed.
    pub p99: Duration,
    /// How many in a second.
    pub rate: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} at 99 %, {:.0}/s", self.p99, self.rate)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(method, path) => write!(formatter, "{method} {path}"),
            Self::Connection(method, path) => {
                write!(formatter, "{method} {path} on a new connection")
            }
            Self::Operators(path) => write!(formatter, "GET {path} at the operators' port"),
            Self::Event => formatter.write_str("an event that is followed"),
            Self::Timer => formatter.write_str("a timer"),
        }
    }
}

impl Asked {
    /// Does it for a while.
    pub async fn measure(self, host: &TestHost) -> Measured {
        let begun = Instant::now();
        let measured = tokio::time::timeout(PATIENCE, self.latencies(host)).await;
        let Ok(mut latencies) = measured else {
            return Measured {
                p99: PATIENCE,
                rate: 0.0,
            };
        };
        latencies.sort_unstable();
        let last = latencies.len().saturating_sub(1);
        Measured {
            p99: latencies[last * 99 / 100],
            rate: latencies.len() as f64 / begun.elapsed().as_secs_f64(),
        }
    }

    async fn latencies(self, host: &TestHost) -> Vec<Duration> {
        let gateway = host.gateway().base();
        match self {
            Self::Request(method, path) => {
                requests(gateway, NEIGHBOURS, ANSWERS, method, path).await
            }
            Self::Operators(path) => {
                let base = host.operators().client().base();
                requests(base, NEIGHBOURS, ANSWERS, "GET", path).await
            }
            Self::Connection(method, path) => {
                let mut all = Vec::new();
                for _ in 0..ANSWERS {
                    all.extend(requests(gateway, 1, 1, method, path).await);
                }
                all
            }
            Self::Event | Self::Timer => {
                let ahead = matches!(self, Self::Timer).then_some(AHEAD);
                let mut all = Vec::new();
                for _ in 0..HANDLED {
                    all.push(handled(host, ahead).await);
                }
                all
            }
        }
    }
}

async fn requests(
    base: &str,
    connections: u64,
    count: u64,
    method: &'static str,
    path: &'static str,
) -> Vec<Duration> {
    let begun = Instant::now();
    let flooded = flood(base, connections, count, move |_| request(method, path, "")).await;
    assert_eq!(flooded.refusals, 0, "{method} {path}");
    // With the time that its connection took.
    match count {
        1 => vec![begun.elapsed()],
        _ => flooded.latencies,
    }
}

/// How long it takes until a bell is heard that is rung now, or by a timer; beyond the time until that is due.
async fn handled(host: &TestHost, ahead: Option<Duration>) -> Duration {
    static BELL: AtomicU64 = AtomicU64::new(1);
    let bell = BELL.fetch_add(1, Ordering::Relaxed);
    let wish = match ahead {
        Some(ahead) => json!({"number": 1, "afterMs": ahead.as_millis() as u64}),
        None => json!({"number": 1}),
    };
    let begun = Instant::now();
    let client = host.gateway();
    let ring = client.post(&format!("/bells/{bell}/rings"), wish).await;
    ring.expect(200);
    let path = format!("/bells/{bell}");
    loop {
        let heard = client.get(&path).await.expect(200);
        if heard.body["numbers"] == json!([1]) {
            return begun.elapsed().saturating_sub(ahead.unwrap_or_default());
        }
        tokio::time::sleep(LOOK).await;
    }
}
