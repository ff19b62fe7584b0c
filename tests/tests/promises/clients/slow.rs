//! Who sends or takes nothing holds nothing up.

use std::time::{Duration, Instant};

use futures::future::join_all;
use h2::Reason;
use innkeeper_tests::http2::{self, end_of, whole};
use innkeeper_tests::{Http2, TestHost, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::parrot;

const LARGE: usize = 4_000_000;
/// How long what takes a second may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

async fn connect(host: &TestHost) -> TcpStream {
    let address = host.gateway().base().strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_not_taken_are_given_up_and_bounded() {
    let host = TestHost::with(parrot().await.set("gateway.write_timeout", "2s")).await;
    host.gateway().get("/much/4000000").await.expect(200);
    let before = host.resident();
    let mut client = Http2::connect(host.gateway().base(), 0).await;
    let path = format!("/much/{LARGE}");
    let mut answers = Vec::new();
    for _ in 0..100 {
        answers.push(client.send(client.get(&path)).await);
    }
    let ends = tokio::spawn(join_all(answers.into_iter().map(|answer| async move {
        match answer.await {
            Ok(answer) => end_of(answer.into_body()).await,
            Err(error) => (0, error.reason()),
        }
    })));
    let mut most = before;
    while !ends.is_finished() {
        most = most.max(host.resident());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (taken, reason) in timeout(SOON, ends).await.unwrap().unwrap() {
        assert_eq!((taken, reason), (0, Some(Reason::CANCEL)));
    }
    // 400 MB were asked for; one connection may hold 64 MiB, and guests that run at the moment have what they say in their own memory, too.
    let grown = (most - before) / 1024;
    assert!(grown < 250, "{grown} MiB");
    // The connection is as good as before.
    assert_eq!(client.ask(client.get("/nothing")).await.status(), 404);
}

/// The operators' port has the gateway's own patience, half a minute, whatever is set there.
#[tokio::test]
async fn answers_of_the_operators_port_that_are_not_taken_are_given_up() {
    let host = TestHost::with(parrot().await).await;
    let operators = host.operators().client().base();
    let mut client = Http2::connect(operators, 0).await;
    let answer = client.ask(client.get("/metrics")).await;
    let end = timeout(3 * SOON, end_of(answer.into_body())).await;
    assert_eq!(end.unwrap(), (0, Some(Reason::CANCEL)));
    // The connection is as good as before.
    assert_eq!(client.ask(client.get("/nothing")).await.status(), 404);
}

#[tokio::test]
async fn however_small_what_is_left_it_is_given_up() {
    let host = TestHost::with(parrot().await.set("gateway.write_timeout", "1s")).await;
    for window in [0, 1, 100, 20_000, 39_999] {
        let mut client = Http2::connect(host.gateway().base(), window).await;
        let answer = client.ask(client.get("/much/40000")).await;
        assert_eq!(answer.headers()["content-length"], "40000");
        let end = timeout(SOON, end_of(answer.into_body())).await.unwrap();
        assert_eq!(end, (window as usize, Some(Reason::CANCEL)));
    }
    let mut client = Http2::connect(host.gateway().base(), 40_000).await;
    let answer = client.ask(client.get("/much/40000")).await;
    assert_eq!(end_of(answer.into_body()).await, (40_000, None));
}

#[tokio::test]
async fn who_takes_it_slowly_gets_all_of_it() {
    let host = TestHost::with(parrot().await.set("gateway.write_timeout", "2s")).await;
    let mut client = Http2::connect(host.gateway().base(), 16_384).await;
    let answer = client.ask(client.get("/much/200000")).await;
    let pause = || tokio::time::sleep(Duration::from_millis(300));
    let began = Instant::now();
    let taken = http2::slowly(answer.into_body(), pause).await;
    assert_eq!(taken.len(), 200_000);
    assert!(began.elapsed() > Duration::from_secs(2));
    let answer = client.ask(client.get("/much/4000000")).await;
    assert_eq!(whole(answer.into_body()).await.len(), LARGE);
}

#[tokio::test]
async fn idle_connections_are_closed_whatever_they_speak() {
    let host = TestHost::with(parrot().await.set("gateway.header_timeout", "1s")).await;
    let base = host.gateway().base();
    let mut asked = Http2::connect(base, 65_535).await;
    let answer = asked.ask(asked.get("/echo")).await;
    assert_eq!(answer.status(), 200);
    whole(answer.into_body()).await;
    // One that takes nothing more is not idle, as long as it may do so.
    let mut stalled = Http2::connect(base, 0).await;
    let answer = stalled.ask(stalled.get("/echo")).await;
    timeout(SOON, asked.closed()).await.unwrap();
    timeout(SOON, Http2::connect(base, 0).await.closed())
        .await
        .unwrap();
    let mut silent = connect(&host).await;
    timeout(SOON, silent.read(&mut [0])).await.unwrap().unwrap();
    drop(answer);
    timeout(SOON, stalled.closed()).await.unwrap();
}

/// The operators' port is as patient as the gateway is by default, a minute and a quarter, whatever is set there.
#[tokio::test]
async fn idle_connections_of_the_operators_port_are_closed() {
    let host = TestHost::with(parrot().await.set("gateway.header_timeout", "1h")).await;
    let operators = host.operators().client().base();
    let mut asked = Http2::connect(operators, 65_535).await;
    let answer = asked.ask(asked.get("/livez")).await;
    assert_eq!(answer.status(), 200);
    whole(answer.into_body()).await;
    let silent = Http2::connect(operators, 65_535).await;
    // The gateway's own has more time.
    let patient = Http2::connect(host.gateway().base(), 65_535).await;
    let mut patient = tokio::spawn(patient.closed());
    timeout(6 * SOON, join_all([asked.closed(), silent.closed()]))
        .await
        .expect("both are closed");
    let closed = timeout(Duration::ZERO, &mut patient).await;
    assert!(closed.is_err(), "it is the other port's patience");
    patient.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_does_nothing_uses_up_the_drain() {
    let settings = parrot().await.set("gateway.drain", "16s");
    let mut host = TestHost::with(settings).await;
    let mut taking = Http2::connect(host.gateway().base(), 0).await;
    let _answer = taking.ask(taking.get("/much/4000000")).await;
    let _idle = Http2::connect(host.gateway().base(), 0).await;
    let mut others = Vec::new();
    for bytes in [
        "",
        "GET /echo HTT",
        "GET /echo HTTP/1.1\r\nhost: inn\r\n",
        "GET /much/4000000 HTTP/1.1\r\nhost: inn\r\n\r\n",
        "POST /head/1/1 HTTP/1.1\r\nhost: inn\r\ncontent-length: 10\r\n\r\nhalf",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = connect(&host).await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        others.push(stream);
    }
    eventually("they have all come", async || {
        let metrics = host.operators().client().get("/metrics").await.text;
        let count = metrics
            .lines()
            .find_map(|line| line.strip_prefix("innkeeper_http_connections "));
        match count.and_then(|count| count.parse::<f64>().ok()) {
            Some(count) if count >= 8.0 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let began = Instant::now();
    host.close().await;
    // A quarter of the drain for who takes nothing.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
}
