//! Connections: kept, shared, bounded.

use std::{num::NonZeroU32, time::Duration};

use innkeeper::manifest::{GatewaySettings, RateLimit};
use tokio::time::timeout;

use crate::stub_backend::{SOON, Served};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn requests_in_a_row_are_answered_in_order() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let post = "POST /rooms HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let get = |id: u32| format!("GET /rooms/{id} HTTP/1.1\r\nhost: a\r\n\r\n");
    client
        .send(format!("{}{post}{}{}", get(1), get(2), get(3)))
        .await;
    assert_eq!(client.reply().await.json()["path"], "/rooms/1");
    assert_eq!(client.reply().await.json()["body"], "{}");
    assert_eq!(client.reply().await.json()["path"], "/rooms/2");
    assert_eq!(client.reply().await.json()["path"], "/rooms/3");
    assert_eq!(client.ask("GET /rooms/4").await.json()["path"], "/rooms/4");
}

#[tokio::test]
async fn a_refused_request_does_not_end_the_connection() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    assert_eq!(
        client
            .ask_with("POST /rooms\ncontent-type: text/plain", "{}")
            .await
            .status,
        415
    );
    assert_eq!(client.ask_with("POST /nowhere", "{}").await.status, 404);
    assert_eq!(client.ask("GET /rooms").await.status, 200);
}

#[tokio::test]
async fn a_refusal_before_the_body_says_that_the_connection_ends() {
    let rate_limit = RateLimit {
        requests_per_second: NonZeroU32::MIN,
        burst: NonZeroU32::MIN,
    };
    let host = Served::new().await;
    let limited = Served::with(GatewaySettings {
        rate_limit: Some(rate_limit),
        ..GatewaySettings::default()
    })
    .await;
    let json = "content-type: application/json\r\n";
    for (host, status, head, headers) in [
        (&host, 404, "POST /nowhere", json),
        (&host, 405, "PUT /rooms", json),
        (&host, 415, "POST /rooms", "content-type: text/plain\r\n"),
        (&host, 400, "POST /rooms?%", json),
        (&host, 400, "POST /rooms", "x-correlation-id: two words\r\n"),
        (&host, 204, "OPTIONS /rooms", json),
        (&limited, 429, "POST /rooms", json),
    ] {
        // Too long to be taken, not all there yet, not sent before it is asked for, of no known length.
        for body in [
            "content-length: 10000000\r\n\r\nthe beginning",
            "content-length: 10\r\n\r\nhalf",
            "content-length: 10\r\nexpect: 100-continue\r\n\r\n",
            "transfer-encoding: chunked\r\n\r\n5\r\nchunk\r\n",
        ] {
            // Whatever it may ask by now is used up.
            limited.connect().await.ask("GET /rooms").await;
            let mut client = host.connect().await;
            let request = format!("{head} HTTP/1.1\r\nhost: a\r\n{headers}{body}");
            client.send(request).await;
            let reply = client.reply().await;
            assert_eq!(reply.status, status, "{head} {body}");
            assert_eq!(reply.header("connection"), Some("close"), "{head} {body}");
            client.closes().await;
        }
        // One that is all there does not stand in the way of what follows.
        for body in [
            "content-length: 10\r\n\r\n0123456789",
            "transfer-encoding: chunked\r\n\r\n5\r\nchunk\r\n0\r\n\r\n",
        ] {
            // Whatever it may ask by now is used up.
            limited.connect().await.ask("GET /rooms").await;
            let mut client = host.connect().await;
            let request = format!("{head} HTTP/1.1\r\nhost: a\r\n{headers}{body}");
            client.send(request).await;
            let reply = client.reply().await;
            assert_eq!(reply.status, status, "{head} {body}");
            assert_eq!(reply.header("connection"), None, "{head} {body}");
            let again = client.ask("GET /nowhere").await.status;
            assert!([404, 429].contains(&again), "{head} {body}: {again}");
        }
    }
}

#[tokio::test]
async fn a_client_may_ask_to_close() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client.ask("GET /rooms\nconnection: close").await;
    assert_eq!(
        (reply.status, reply.header("connection")),
        (200, Some("close"))
    );
    client.closes().await;
}

#[tokio::test]
async fn a_slow_head_ends_the_connection() {
    let host = Served::with(GatewaySettings {
        header_timeout: SHORT,
        ..GatewaySettings::default()
    })
    .await;
    for head in ["", "G", "PRI * HTT", "GET /rooms HTTP/1.1\r\nhost: a\r\n"] {
        let mut client = host.connect().await;
        client.send(head).await;
        client.closes().await;
    }
    let mut idle = host.connect().await;
    assert_eq!(idle.ask("GET /rooms").await.status, 200);
    idle.closes().await;
}

#[tokio::test]
async fn a_slow_body_is_answered_in_time() {
    let host = Served::with(GatewaySettings {
        body_timeout: SHORT,
        ..GatewaySettings::default()
    })
    .await;
    let mut client = host.connect().await;
    client
        .send("PUT /notes/1/2 HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf")
        .await;
    let reply = client.reply().await;
    reply.is_problem(408, "the request body did not arrive within 200 ms");
    assert_eq!(reply.header("connection"), Some("close"));
    client.closes().await;
}

#[tokio::test]
async fn connections_beyond_the_most_wait() {
    let mut host = Served::with(GatewaySettings {
        max_connections: NonZeroU32::MIN,
        ..GatewaySettings::default()
    })
    .await;
    let mut first = host.connect().await;
    first.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    host.happens("came").await;
    let mut second = host.connect().await;
    let waiting = second.ask("GET /rooms/2");
    tokio::pin!(waiting);
    assert!(timeout(SHORT, &mut waiting).await.is_err());
    host.state.gate.add_permits(1);
    assert_eq!(first.reply().await.status, 200);
    // It is idle now, and makes room.
    assert_eq!(timeout(SOON, waiting).await.unwrap().status, 200);
    first.closes().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let host = Served::with(GatewaySettings {
        write_timeout: SHORT,
        ..GatewaySettings::default()
    })
    .await;
    let mut client = host.connect().await;
    // More than sockets hold: answers to requests that are sent on, none of which is read.
    let request = format!(
        "GET /rooms/{} HTTP/1.1\r\nhost: a\r\n\r\n",
        "x".repeat(8000)
    );
    let sending = async {
        loop {
            if client.try_send(&request).await.is_err() {
                return;
            }
        }
    };
    timeout(SOON, sending).await.unwrap();
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_to_wait() {
    let rate_limit = RateLimit {
        requests_per_second: NonZeroU32::MIN,
        burst: NonZeroU32::new(2).unwrap(),
    };
    let host = Served::with(GatewaySettings {
        rate_limit: Some(rate_limit),
        ..GatewaySettings::default()
    })
    .await;
    let mut client = host.connect().await;
    assert_eq!(client.ask("GET /rooms").await.status, 200);
    assert_eq!(client.ask("GET /rooms").await.status, 200);
    let reply = client.ask("GET /rooms").await;
    reply.is_problem(429, "this client exceeded its rate limit");
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.json()["type"], "urn:innkeeper:problem:rate-limited");
    // Another connection is the same client.
    assert_eq!(host.connect().await.ask("GET /rooms").await.status, 429);
}

#[tokio::test]
async fn the_reception_is_told_when_a_client_goes() {
    let mut host = Served::new().await;
    let mut client = host.connect().await;
    client
        .send("POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
        .await;
    host.happens("came").await;
    drop(client);
    host.happens("gone").await;
}
