//! How the gateway ends.

use std::time::Duration;

use innkeeper::{gateway::Drained, manifest::GatewaySettings};
use tokio::{net::TcpStream, time::timeout};

use crate::inn::{SOON, Served};

#[tokio::test]
async fn requests_in_flight_are_answered() {
    let mut inn = Served::new().await;
    let (mut idle, mut unused, mut busy) = (
        inn.connect().await,
        inn.connect().await,
        inn.connect().await,
    );
    assert_eq!(idle.ask("GET /rooms").await.status, 200);
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    inn.happens("came").await;
    inn.stop.cancel();
    idle.closes().await;
    unused.closes().await;
    assert!(TcpStream::connect(inn.address).await.is_err());
    assert!(!inn.ended.is_finished());
    inn.state.gate.add_permits(1);
    let reply = busy.reply().await;
    assert_eq!(
        (reply.status, reply.header("connection")),
        (200, Some("close"))
    );
    busy.closes().await;
    assert_eq!(
        timeout(SOON, &mut inn.ended).await.unwrap().unwrap(),
        Drained { forced: 0 }
    );
}

#[tokio::test]
async fn what_takes_longer_is_left() {
    let mut inn = Served::with(GatewaySettings {
        drain: Duration::from_millis(100),
        ..GatewaySettings::default()
    })
    .await;
    let mut busy = inn.connect().await;
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    inn.happens("came").await;
    inn.stop.cancel();
    assert_eq!(
        timeout(SOON, &mut inn.ended).await.unwrap().unwrap(),
        Drained { forced: 1 }
    );
    busy.closes().await;
    inn.happens("gone").await;
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
