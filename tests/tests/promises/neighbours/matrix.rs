//! Each trick against what all contexts share: how fast a neighbour reads and writes, and how slow it is at worst, before and meanwhile.

use std::fmt;
use std::time::{Duration, Instant};

use innkeeper_tests::{Answered, Opening, TestHost, Traffic, flood, p99, request, within};
use serde_json::json;

use super::settings;

/// How many clients ask for a trick, as fast as they can.
const CLIENTS: u64 = 4;
/// How many ask for a neighbour's work, for how many answers, and for how long at most.
const NEIGHBOURS: u64 = 2;
const ANSWERS: u64 = 120;
const PATIENCE: Duration = Duration::from_secs(60);

/// What a neighbour is promised of its fair share of the rate.
const PROMISED: f64 = 0.7;
/// Among how many the machine is shared: the neighbour, the other context, whoever asks for its tricks, and what the host does for each request besides, which is
/// a lot where it is compiled without optimization.
const SHARES: f64 = 4.0;
/// The same for who writes: each write may have to wait for one of the largest commits, which are the other's share of the committer, and take many times as long
/// as a small one.
const SHARES_OF_WRITES: f64 = 4.0 * SHARES;
/// What 99 of 100 answers may take, or so many times as long as before, whichever is longer. 20 ms are promised of a host that is compiled with optimization; here
/// one commit of the largest size takes longer than that, and nobody reads while it is written.
const LATE: Duration = Duration::from_millis(150);
const TIMES: u32 = 8;
/// The same for the health probe, which waits for nothing that is shared but a thread; 50 ms are promised, and no rate.
const LATE_HEALTH: Duration = Duration::from_millis(50);
/// A write waits for one of the largest commits: what it takes here is seen by who makes them. Beyond this it is late, whatever they take.
const LATE_COMMIT: Duration = Duration::from_secs(1);
/// How often a cell is tried: whatever else the machine does passes, a neighbour that is held up is so each time.
const TRIES: usize = 3;

/// What is tried, `{}` is a number that is another one each time.
const TRICKS: [(&str, &str); 13] = [
    ("POST", "lines/20000/200"),
    ("POST", "timers/40000/3600000"),
    ("POST", "timers/1000/3600000"),
    ("POST", "events/1000"),
    ("POST", "keys/{}000/5000"),
    ("POST", "keys/{}000/40000"),
    ("POST", "bytes/{}/3000000"),
    ("POST", "sequences/{}000/1000"),
    ("POST", "lost-numbers/20000"),
    ("POST", "cancellations/20000"),
    ("POST", "spin"),
    ("POST", "memory/60"),
    ("GET", "answers/1000000"),
];

/// What is shared: how each is asked for, and what its answers may take.
const WORK: [Work; 3] = [
    Work {
        method: "GET",
        path: "/entries?size=10",
        late: LATE,
        late_behind_commits: LATE,
        shares: SHARES,
    },
    Work {
        method: "POST",
        path: "/totals",
        late: LATE,
        late_behind_commits: LATE_COMMIT,
        shares: SHARES_OF_WRITES,
    },
    // At the operators' port.
    Work {
        method: "GET",
        path: "/livez",
        late: LATE_HEALTH,
        late_behind_commits: LATE_HEALTH,
        shares: f64::INFINITY,
    },
];

/// What a neighbour does.
#[derive(Clone, Copy)]
struct Work {
    method: &'static str,
    path: &'static str,
    late: Duration,
    /// What they may take as long as the other's commits take that, too.
    late_behind_commits: Duration,
    shares: f64,
}

/// What a neighbour was answered, one after another.
#[derive(Clone, Copy)]
struct Measured {
    p99: Duration,
    rate: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} at 99 %, {:.0}/s", self.p99, self.rate)
    }
}

impl Work {
    async fn measure(self, host: &TestHost) -> Measured {
        let base = match self.path {
            "/livez" => host.operators().client().base(),
            _ => host.gateway().base(),
        };
        let begun = Instant::now();
        let make = move |_| request(self.method, self.path, "");
        let flooded = tokio::time::timeout(PATIENCE, flood(base, NEIGHBOURS, ANSWERS, make));
        let Ok(flooded) = flooded.await else {
            return Measured {
                p99: PATIENCE,
                rate: 0.0,
            };
        };
        assert_eq!(flooded.refusals, 0, "{} {}", self.method, self.path);
        Measured {
            p99: flooded.percentile(99),
            rate: ANSWERS as f64 / begun.elapsed().as_secs_f64(),
        }
    }

    /// Why a neighbour is held up that was served so before, and is served so meanwhile; none when it is not.
    fn held_up(self, before: Measured, meanwhile: Measured, tricks: Duration) -> Option<String> {
        let behind_commits = tricks.min(self.late_behind_commits);
        let late = self.late.max(TIMES * before.p99).max(behind_commits);
        if meanwhile.p99 > late {
            return Some(format!("{meanwhile}, and more than {late:?} is late"));
        }
        let least = before.rate * PROMISED / self.shares;
        (meanwhile.rate < least).then(|| format!("{meanwhile}, and less than {least:.0}/s is slow"))
    }

    /// The same beside a trick, as things are now.
    async fn tried_beside(
        self,
        host: &TestHost,
        (method, trick): (&'static str, &str),
    ) -> Option<String> {
        let before = self.measure(host).await;
        assert!(
            before.rate > 0.0,
            "{} is answered when it is alone",
            self.path
        );
        let trick = trick.to_owned();
        let make = {
            let trick = trick.clone();
            move |number: u64| {
                let trick = trick.replace("{}", &(number + 1).to_string());
                request(method, &format!("/hostile/{trick}"), "")
            }
        };
        let tricks = Traffic::start(host.gateway().base(), CLIENTS, make);
        let meanwhile = self.measure(host).await;
        let tried: Vec<Answered> = tricks.stop().await;
        eprintln!(
            "{} {}: {before}; beside {trick} ({} tries, {:?} at 99 %): {meanwhile}",
            self.method,
            self.path,
            tried.len(),
            p99(&tried),
        );
        assert!(!tried.is_empty(), "{trick} was not tried");
        self.held_up(before, meanwhile, p99(&tried))
    }
}

/// Whatever the other one does, a neighbour has its share, and its answers are never late by more than a moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trick_keeps_a_neighbour_waiting() {
    let settings = settings()
        .await
        .set("context.hostile.limits.deadline", "2s");
    let host = Opening::new(settings).alone().open().await;
    let client = host.gateway();
    client.post("/entries/100", json!(null)).await.expect(204);
    let mut held_up = Vec::new();
    for work in WORK {
        work.measure(&host).await;
        for trick in TRICKS {
            let mut last = None;
            for _ in 0..TRIES {
                last = work.tried_beside(&host, trick).await;
                if last.is_none() {
                    break;
                }
            }
            let cell = |why| format!("{} {} beside {trick:?}: {why}", work.method, work.path);
            held_up.extend(last.map(cell));
        }
    }
    assert!(held_up.is_empty(), "{held_up:#?}");
    // And the operators' port answers.
    let ready = within(Duration::from_secs(5), async || {
        host.operators().ready().await
    });
    ready.await.expect("it is ready");
}

/// What was seen when there were no shares is more than any cell lets pass.
#[test]
fn what_was_seen_before_would_be_noticed() {
    let measured = |milliseconds, rate| Measured {
        p99: Duration::from_millis(milliseconds),
        rate,
    };
    let before = measured(5, 2_000.0);
    for work in WORK {
        let held_up = |milliseconds, rate, tricks| {
            let tricks = Duration::from_millis(tricks);
            work.held_up(before, measured(milliseconds, rate), tricks)
        };
        assert_eq!(held_up(20, 1_000.0, 200), None);
        // Two guests that compute without end, and 256 of them.
        assert!(held_up(187, 51.0, 100).is_some());
        assert!(held_up(900, 7.0, 100).is_some());
        // A commit of 40,000 timers, and four clients that make them: nothing is answered for six seconds.
        assert!(held_up(700, 1_500.0, 600).is_some());
        assert!(held_up(6_000, 1.0, 6_000).is_some());
    }
    // Requests of a megabyte that are refused: 179 a second were left of 45,000.
    let [reads, writes, _] = WORK;
    for work in [reads, writes] {
        let beside = measured(30, 8.0);
        assert!(work.held_up(before, beside, Duration::ZERO).is_some());
    }
}
