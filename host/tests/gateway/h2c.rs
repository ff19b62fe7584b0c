//! HTTP/2 with prior knowledge.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, client::conn::http2::SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use innkeeper::gateway::Drained;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

use crate::stub_backend::{SOON, Served};

async fn connect(host: &Served) -> (SendRequest<Full<Bytes>>, JoinHandle<()>) {
    let stream = TokioIo::new(TcpStream::connect(host.address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    (
        sender,
        tokio::spawn(async move { connection.await.unwrap() }),
    )
}

fn request(host: &Served, method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
    let uri = format!("http://{}{path}", host.address);
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", "application/json");
    request.body(Full::from(body.to_owned())).unwrap()
}

async fn body(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn requests_share_a_connection() {
    let mut host = Served::new().await;
    let (mut client, _connection) = connect(&host).await;
    let slow = client.send_request(request(&host, "GET", "/slow", ""));
    let slow = tokio::spawn(slow);
    host.happens("came").await;
    let response = client
        .send_request(request(&host, "POST", "/rooms", "{}"))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-correlation-id"].len(), 32);
    let seen: serde_json::Value = serde_json::from_slice(&body(response).await).unwrap();
    assert_eq!(seen["body"], "{}");
    host.state.gate.add_permits(1);
    assert_eq!(
        timeout(SOON, slow)
            .await
            .unwrap()
            .unwrap()
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn head_and_no_content_have_no_body() {
    let host = Served::new().await;
    let (mut client, _connection) = connect(&host).await;
    let get = client
        .send_request(request(&host, "GET", "/rooms/1", ""))
        .await
        .unwrap();
    let head = client
        .send_request(request(&host, "HEAD", "/rooms/1", ""))
        .await
        .unwrap();
    assert_eq!(
        head.headers()["content-length"],
        body(get).await.len().to_string()
    );
    assert!(body(head).await.is_empty());
    let nothing = client
        .send_request(request(&host, "GET", "/nothing", ""))
        .await
        .unwrap();
    assert_eq!(nothing.status(), 204);
    assert!(body(nothing).await.is_empty());
}

#[tokio::test]
async fn what_is_too_big_ends_only_its_stream() {
    let host = Served::new().await;
    let (mut client, _connection) = connect(&host).await;
    let response = client
        .send_request(request(&host, "POST", "/rooms", &"x".repeat(200_000)))
        .await
        .unwrap();
    assert_eq!(response.status(), 413);
    let response = client
        .send_request(request(&host, "GET", "/rooms", ""))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn it_is_drained_too() {
    let mut host = Served::new().await;
    let (mut client, connection) = connect(&host).await;
    let slow = tokio::spawn(client.send_request(request(&host, "GET", "/slow", "")));
    host.happens("came").await;
    host.stop.cancel();
    host.state.gate.add_permits(1);
    assert_eq!(
        timeout(SOON, slow)
            .await
            .unwrap()
            .unwrap()
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        timeout(SOON, &mut host.ended).await.unwrap().unwrap(),
        Drained { forced: 0 }
    );
    drop(client);
    timeout(SOON, connection).await.unwrap().unwrap();
}
