//! How the gateway ends.

use std::time::Duration;

use innkeeper::{gateway::Drained, manifest::GatewaySettings};
use tokio::{net::TcpStream, time::timeout};

use crate::stub_backend::{SOON, Served};

#[tokio::test]
async fn requests_in_flight_are_answered() {
    let mut host = Served::new().await;
    let (mut idle, mut unused, mut busy) = (
        host.connect().await,
        host.connect().await,
        host.connect().await,
    );
    assert_eq!(idle.ask("GET /rooms").await.status, 200);
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    host.happens("came").await;
    host.stop.cancel();
    idle.closes().await;
    unused.closes().await;
    assert!(TcpStream::connect(host.address).await.is_err());
    assert!(!host.ended.is_finished());
    host.state.gate.add_permits(1);
    let reply = busy.reply().await;
    assert_eq!(
        (reply.status, reply.header("connection")),
        (200, Some("close"))
    );
    busy.closes().await;
    assert_eq!(
        timeout(SOON, &mut host.ended).await.unwrap().unwrap(),
        Drained { forced: 0 }
    );
}

#[tokio::test]
async fn what_takes_longer_is_left() {
    let mut host = Served::with(GatewaySettings {
        drain: Duration::from_millis(100),
        ..GatewaySettings::default()
    })
    .await;
    let mut busy = host.connect().await;
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    host.happens("came").await;
    host.stop.cancel();
    assert_eq!(
        timeout(SOON, &mut host.ended).await.unwrap().unwrap(),
        Drained { forced: 1 }
    );
    busy.closes().await;
    host.happens("gone").await;
}

#[tokio::test]
async fn the_port_can_be_taken_again_at_once() {
    let mut first = Served::new().await;
    assert_eq!(first.connect().await.ask("GET /rooms").await.status, 200);
    first.stop.cancel();
    timeout(SOON, &mut first.ended).await.unwrap().unwrap();
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.set_reuseaddr(true).unwrap();
    taken.bind(first.address).unwrap();
}
