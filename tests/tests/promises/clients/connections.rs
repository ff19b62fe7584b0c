//! Many connections that do nothing keep nobody out.

use std::time::Duration;

use innkeeper_tests::{Http2, Opening, TestHost, http_client, many_descriptors, try_send};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::parrot;

/// How long an answer may take that should come at once, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Connections that say nothing.
async fn idle(base: &str, count: usize) -> Vec<TcpStream> {
    let address = base.strip_prefix("http://").unwrap();
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(TcpStream::connect(address).await.unwrap());
    }
    connections
}

/// Both ports answer, on connections of their own.
async fn both_answer(host: &TestHost) {
    for url in [
        format!("{}/livez", host.operators().client().base()),
        format!("{}/echo", host.gateway().base()),
    ] {
        let client = http_client().build().unwrap();
        let reply = timeout(SOON, try_send(client.get(&url))).await;
        let reply = reply.unwrap_or_else(|_| panic!("{url}: nobody answers"));
        assert_eq!(reply.unwrap().status, 200, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_descriptors_is_raised() {
    many_descriptors();
    let opening = Opening::new(parrot().await).under("ulimit -Sn 1024");
    let host = opening.open().await;
    let _idle = idle(host.gateway().base(), 1100).await;
    both_answer(&host).await;
    assert_eq!(
        host.output().lines_with("connections at once instead of"),
        [""; 0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_cannot_be_raised_it_is_shared_out() {
    many_descriptors();
    let opening = Opening::new(parrot().await).under("ulimit -n 600");
    let host = opening.open().await;
    let said = host.output().lines_with("connections at once instead of");
    assert!(
        said.len() == 1 && said[0].contains("serves 300 "),
        "{said:?}"
    );
    let _idle = idle(host.gateway().base(), 700).await;
    let _others = idle(host.operators().client().base(), 300).await;
    both_answer(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_idle_makes_room_for_who_asks() {
    many_descriptors();
    let host = TestHost::with(parrot().await.set("gateway.max_connections", 5)).await;
    let _others = idle(host.operators().client().base(), 300).await;
    let mut connections = JoinSet::new();
    for _ in 0..5 {
        let mut client = Http2::connect(host.gateway().base(), 65_535).await;
        assert_eq!(client.ask(client.get("/echo")).await.status(), 200);
        connections.spawn(client.closed());
    }
    both_answer(&host).await;
    // One was closed for it, and no more.
    timeout(SOON, connections.join_next()).await.unwrap();
    assert!(connections.try_join_next().is_none());
}
