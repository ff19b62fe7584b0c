//! Many plain requests over few connections, at little cost to the machine that both sides share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What came of a flood.
#[derive(Debug, Default)]
pub struct Flooded {
    /// How many answers had a status below 400.
    pub successes: u64,
    /// How many had another.
    pub refusals: u64,
    /// How long each took, shortest first.
    pub latencies: Vec<Duration>,
}

impl Flooded {
    /// The time that so many of a hundred answers did not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies
            .get(last * percent / 100)
            .copied()
            .unwrap_or_default()
    }
}

/// A request such as `GET /rooms/1`, as bytes.
pub fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let head = format!("{method} {path} HTTP/1.1\r\nhost: inn\r\n");
    let content = match body {
        "" => String::new(),
        body => format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        ),
    };
    format!("{head}{content}\r\n{body}").into_bytes()
}

/// Sends `count` requests over so many connections, each as soon as the one before it on its connection is answered.
pub async fn flood(
    base: &str,
    connections: u64,
    count: u64,
    make: impl Fn(u64) -> Vec<u8> + Send + Clone + 'static,
) -> Flooded {
    let address = base
        .strip_prefix("http://")
        .expect("an http address")
        .to_owned();
    let mut tasks = JoinSet::new();
    for connection in 0..connections {
        let (address, make) = (address.clone(), make.clone());
        let numbers = (connection..count).step_by(usize::try_from(connections).unwrap());
        tasks.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("the port is open");
            stream.set_nodelay(true).expect("a socket option");
            let mut flooded = Flooded::default();
            let mut buffer = Vec::with_capacity(8 << 10);
            for number in numbers {
                let begun = Instant::now();
                stream
                    .write_all(&make(number))
                    .await
                    .expect("the connection stays");
                match answer(&mut stream, &mut buffer).await.status {
                    ..400 => flooded.successes += 1,
                    _ => flooded.refusals += 1,
                }
                flooded.latencies.push(begun.elapsed());
            }
            flooded
        });
    }
    let mut all = Flooded::default();
    while let Some(one) = tasks.join_next().await {
        let one = one.expect("a connection ends well");
        all.successes += one.successes;
        all.refusals += one.refusals;
        all.latencies.extend(one.latencies);
    }
    all.latencies.sort_unstable();
    all
}

/// Reads one answer; gives its head, and leaves the whole of it in `buffer`.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Head {
    buffer.clear();
    loop {
        assert_ne!(
            stream.read_buf(buffer).await.expect("an answer"),
            0,
            "the connection was closed"
        );
        let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(&buffer[..end]).expect("a head is text");
        let header = |name: &str| {
            let mut lines = head.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let length = header("content-length").and_then(|length| length.parse().ok());
        if buffer.len() >= end + 4 + length.unwrap_or(0) {
            return Head {
                status: head
                    .get(9..12)
                    .and_then(|status| status.parse().ok())
                    .expect("a status"),
                version: header("innkeeper-version").unwrap_or_default().to_owned(),
                body: end + 4,
            };
        }
    }
}

/// What is looked at of an answer.
struct Head {
    status: u16,
    version: String,
    /// Where the body begins.
    body: usize,
}

/// A steady stream of requests, until it is told to stop.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Vec<Answered>>,
}

/// One request that was answered.
#[derive(Clone, Debug)]
pub struct Answered {
    /// When it was sent, and when its answer was there, in milliseconds since the Unix epoch.
    pub began: u64,
    /// See `began`.
    pub ended: u64,
    /// How long that was.
    pub took: Duration,
    /// Its status.
    pub status: u16,
    /// Which version made it, as the header says: `room/2 2c26b46b68ff`.
    pub version: String,
    /// Its body.
    pub body: String,
}

impl Traffic {
    /// Starts so many clients, each of which sends one request after another.
    pub fn start(
        base: &str,
        clients: u64,
        make: impl Fn(u64) -> Vec<u8> + Send + Clone + 'static,
    ) -> Self {
        let address = base
            .strip_prefix("http://")
            .expect("an http address")
            .to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for client in 0..clients {
            let (address, make, stop) = (address.clone(), make.clone(), stop.clone());
            tasks.spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("the port is open");
                stream.set_nodelay(true).expect("a socket option");
                let mut buffer = Vec::with_capacity(8 << 10);
                let mut answers = Vec::new();
                let mut number = client;
                while !stop.load(Ordering::Relaxed) {
                    let (began, begun) = (now(), Instant::now());
                    let request = make(number);
                    stream
                        .write_all(&request)
                        .await
                        .expect("the connection stays");
                    let head = answer(&mut stream, &mut buffer).await;
                    answers.push(Answered {
                        began,
                        ended: now(),
                        took: begun.elapsed(),
                        status: head.status,
                        version: head.version,
                        body: String::from_utf8_lossy(&buffer[head.body..]).into_owned(),
                    });
                    number += clients;
                }
                answers
            });
        }
        Self { stop, tasks }
    }

    /// Lets each client hear its last answer, and gives all of them.
    pub async fn stop(self) -> Vec<Answered> {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await.concat()
    }
}

/// The time that 99 of 100 answers did not exceed.
pub fn p99(answers: &[Answered]) -> Duration {
    let mut latencies: Vec<_> = answers.iter().map(|answer| answer.took).collect();
    latencies.sort_unstable();
    let last = latencies.len().saturating_sub(1);
    latencies.get(last * 99 / 100).copied().unwrap_or_default()
}

fn now() -> u64 {
    innkeeper::core::wall_clock()
}
