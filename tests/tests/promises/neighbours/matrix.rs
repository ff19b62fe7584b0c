//! Each trick against what all contexts share: how fast a neighbour reads, writes, calls, is called on new connections, has its events handled and its timers fire, and how
//! slow that is at worst, before and meanwhile.

use std::time::Duration;

use innkeeper_tests::{Answered, Opening, TestHost, Traffic, p99, request, within};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::settings;
use super::work::{Asked, Measured, NEIGHBOURS};

/// How many clients ask for a trick, as fast as they can.
const CLIENTS: u64 = 4;
/// How many connections one opens that begin requests and do not end them.
const CONNECTIONS: usize = 1_000;

/// What a neighbour is promised of its fair share of the rate.
const PROMISED: f64 = 0.7;
/// Whether the host is compiled without optimization, as `cargo test` does it; then what it does itself for each request counts, and a commit takes many times as long.
/// `cargo test --release` asks for what is promised.
const IS_DEBUG: bool = cfg!(debug_assertions);
/// Among how many the machine is shared: the neighbour, the other context and whoever asks for its tricks; and, without optimization, what the host does for each request besides.
const SHARES: f64 = if IS_DEBUG { 4.0 } else { 3.0 };
/// The same for whoever commits: each commit waits for a step of the other's, and for the disk to take what was written in it.
const SHARES_OF_COMMITS: f64 = 2.0 * SHARES;
/// What 99 of 100 answers may take, or so many times as long as before, whichever is longer. 20 ms are promised of a host that is compiled with optimization.
const LATE: Duration = Duration::from_millis(MILLISECONDS);
const MILLISECONDS: u64 = if IS_DEBUG { 150 } else { 20 };
/// The same of an event and a timer: they are asked for, handled, and looked at.
const LATE_STEPS: Duration = Duration::from_millis(3 * MILLISECONDS);
const TIMES: u32 = 8;
/// The same for the health probe, which waits for nothing that is shared but a thread; 50 ms are promised, and no rate.
const LATE_HEALTH: Duration = Duration::from_millis(50);
/// Whoever commits waits for a value of megabytes, which is written at once: what it takes here is seen by who writes them. Beyond this it is late, whatever they take.
const LATE_COMMIT: Duration = Duration::from_secs(1);
/// `all` for each trick against everything.
const CELLS: &str = "INNKEEPER_TESTS_MATRIX";
/// Each trick is always tried against reads and writes; against the others only each of so many is, and whoever asks for all waits longer.
const ALWAYS: [usize; 2] = [0, 2];
const EACH_OF: usize = 5;
/// How often a cell is tried: whatever else the machine does passes, a neighbour that is held up is so each time.
const TRIES: usize = 3;

/// A trick.
#[derive(Clone, Copy, Debug)]
enum Trick {
    /// The hostile context is asked for it all the time; `{}` is a number that is another one each time.
    Asked(&'static str, &'static str),
    /// Its clients open connections, and leave it at that.
    Connections,
}

impl Trick {
    /// Whether it writes values of megabytes, which others who commit wait for.
    fn writes_long_values(self) -> bool {
        matches!(self, Self::Asked(_, path) if path.starts_with("bytes"))
    }
}

/// What is tried: each takes something that is shared.
const TRICKS: [Trick; 15] = [
    // The log.
    Trick::Asked("POST", "lines/20000/200"),
    // Timers: too many at once, as many as may be, and many that are due.
    Trick::Asked("POST", "timers/40000/3600000"),
    Trick::Asked("POST", "timers/1000/3600000"),
    Trick::Asked("POST", "timers/1000/1"),
    // Events, which nobody can handle.
    Trick::Asked("POST", "events/1000"),
    // The journal, its committer and the disk.
    Trick::Asked("POST", "keys/{}000/5000"),
    Trick::Asked("POST", "keys/{}000/40000"),
    Trick::Asked("POST", "bytes/{}/3000000"),
    Trick::Asked("POST", "sequences/{}000/1000"),
    Trick::Asked("POST", "lost-numbers/20000"),
    Trick::Asked("POST", "cancellations/20000"),
    // Processors, memory, the way out, the way in.
    Trick::Asked("POST", "spin"),
    Trick::Asked("POST", "memory/60"),
    Trick::Asked("GET", "answers/1000000"),
    Trick::Connections,
];

/// What is shared: what is asked for, and what its answers may take.
const WORK: [Work; 7] = [
    Work::reading(Asked::Request("GET", "/entries?size=10")),
    Work::reading(Asked::Connection("GET", "/entries?size=10")),
    Work::committing(Asked::Request("POST", "/totals"), 1.0),
    // A number of a sequence, the intent, and a commit on each side, one after another.
    Work::committing(Asked::Request("POST", "/calls"), 3.0),
    // The commit that publishes it, and the one that handles it; with the one that fires it. How soon is asked, not how many: few wait at once.
    Work {
        late: LATE_STEPS,
        shares: f64::INFINITY,
        ..Work::committing(Asked::Event, 2.0)
    },
    Work {
        late: LATE_STEPS,
        shares: f64::INFINITY,
        ..Work::committing(Asked::Timer, 3.0)
    },
    Work {
        asked: Asked::Operators("/livez"),
        late: LATE_HEALTH,
        commits: 0.0,
        shares: f64::INFINITY,
    },
];

/// What a neighbour does.
#[derive(Clone, Copy)]
struct Work {
    asked: Asked,
    late: Duration,
    /// How many commits it waits for, one after another.
    commits: f64,
    shares: f64,
}

impl Work {
    const fn reading(asked: Asked) -> Self {
        Self {
            asked,
            late: LATE,
            commits: 0.0,
            shares: SHARES,
        }
    }

    const fn committing(asked: Asked, commits: f64) -> Self {
        Self {
            asked,
            late: LATE,
            commits,
            shares: SHARES_OF_COMMITS * commits,
        }
    }

    /// Why a neighbour is held up that was served so before, and is served so meanwhile; none when it is not.
    fn held_up(self, before: Measured, meanwhile: Measured, tricks: Duration) -> Option<String> {
        let behind_commits = tricks.min(LATE_COMMIT).mul_f64(self.commits);
        let late = self.late.max(TIMES * before.p99).max(behind_commits);
        if meanwhile.p99 > late {
            return Some(format!("{meanwhile}, and more than {late:?} is late"));
        }
        // Whoever may wait so long for each answer has no more of them than that.
        let behind = NEIGHBOURS as f64 / behind_commits.as_secs_f64();
        let least = behind.min(before.rate * PROMISED / self.shares);
        (meanwhile.rate < least).then(|| format!("{meanwhile}, and less than {least:.0}/s is slow"))
    }

    /// As things are now.
    async fn undisturbed(self, host: &TestHost) -> Measured {
        let before = self.asked.measure(host).await;
        assert!(
            before.rate > 0.0,
            "{} is answered when it is alone",
            self.asked
        );
        before
    }

    /// The same beside a trick.
    async fn tried_beside(self, host: &TestHost, before: Measured, trick: Trick) -> Option<String> {
        let (meanwhile, tricks) = match trick {
            Trick::Asked(method, path) => {
                let make = move |number: u64| {
                    let path = path.replace("{}", &(number + 1).to_string());
                    request(method, &format!("/hostile/{path}"), "")
                };
                let tricks = Traffic::start(host.gateway().base(), CLIENTS, make);
                let meanwhile = self.asked.measure(host).await;
                let tried: Vec<Answered> = tricks.stop().await;
                assert!(!tried.is_empty(), "{trick:?} was not tried");
                let took = match trick.writes_long_values() {
                    true => p99(&tried),
                    false => Duration::ZERO,
                };
                (meanwhile, took)
            }
            Trick::Connections => {
                let _open = open(host).await;
                (self.asked.measure(host).await, Duration::ZERO)
            }
        };
        eprintln!(
            "{}: {before}; beside {trick:?} (its commits {tricks:?} at 99 %): {meanwhile}",
            self.asked
        );
        self.held_up(before, meanwhile, tricks)
    }
}

/// Connections with the beginning of a request for the hostile context.
async fn open(host: &TestHost) -> Vec<TcpStream> {
    let address = host.gateway().base().replace("http://", "");
    let mut all = Vec::new();
    for number in 0..CONNECTIONS {
        let stream = TcpStream::connect(&address).await;
        let mut stream = stream.expect("the port is open");
        let begun = match number % 2 {
            0 => "POST /hostile/spin HTTP/1.1\r\nhost: inn\r\n",
            _ => "POST /hostile/spin HTTP/1.1\r\nhost: inn\r\ncontent-length: 9\r\n\r\n1",
        };
        // Whether it is taken is the host's affair.
        let _ = stream.write_all(begun.as_bytes()).await;
        all.push(stream);
    }
    all
}

/// Whatever the other one does, a neighbour has its share, and its answers are never late by more than a moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trick_keeps_a_neighbour_waiting() {
    let settings = settings()
        .await
        .with("bell", "bell")
        .await
        .with("caller", "caller")
        .await
        .with("patient", "patient")
        .await
        .set("context.bell.limits.answers", 0)
        .set("context.hostile.limits.deadline", "2s");
    let host = Opening::new(settings).alone().open().await;
    let client = host.gateway();
    client.post("/entries/100", json!(null)).await.expect(204);
    let mut held_up = Vec::new();
    let are_all = std::env::var(CELLS).is_ok_and(|cells| cells == "all");
    for (column, work) in WORK.into_iter().enumerate() {
        work.asked.measure(&host).await;
        let mut before = work.undisturbed(&host).await;
        for (row, trick) in TRICKS.into_iter().enumerate() {
            let is_tried =
                are_all || ALWAYS.contains(&column) || (column + row).is_multiple_of(EACH_OF);
            if !is_tried {
                continue;
            }
            let mut last = None;
            for _ in 0..TRIES {
                last = work.tried_beside(&host, before, trick).await;
                if last.is_none() {
                    break;
                }
                // What the tricks before have left behind costs, too.
                before = work.undisturbed(&host).await;
            }
            let cell = |why| format!("{} beside {trick:?}: {why}", work.asked);
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
        if work.late <= LATE {
            assert!(held_up(187, 51.0, 0).is_some());
        }
        assert!(held_up(900, 7.0, 0).is_some());
        // A commit of 40,000 timers, and four clients that make them: nothing is answered for six seconds.
        if work.commits <= 1.0 {
            assert!(held_up(700, 1_500.0, 600).is_some());
        }
        assert!(held_up(6_000, 1.0, 6_000).is_some());
    }
    // Requests of a megabyte that are refused: 179 a second were left of 45,000.
    let rates = WORK.iter().filter(|work| work.shares.is_finite());
    for work in rates {
        let beside = measured(30, 8.0);
        assert!(work.held_up(before, beside, Duration::ZERO).is_some());
    }
}
