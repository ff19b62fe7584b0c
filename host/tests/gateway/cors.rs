//! Pages of other origins.

use innkeeper::manifest::{Cors, GatewaySettings};

use crate::stub_backend::Served;

async fn host(origins: &[&str], credentials: bool) -> Served {
    let cors = Cors {
        origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
        credentials,
        ..Cors::default()
    };
    Served::with(GatewaySettings {
        cors: Some(cors),
        ..GatewaySettings::default()
    })
    .await
}

const PREFLIGHT: &str = "OPTIONS /rooms\norigin: https://stay.example\naccess-control-request-method: POST\naccess-control-request-headers: content-type";

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call() {
    let host = host(&["https://stay.example"], true).await;
    let mut client = host.connect().await;
    let reply = client.ask(PREFLIGHT).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("access-control-allow-origin"),
        Some("https://stay.example")
    );
    assert_eq!(
        reply.header("access-control-allow-credentials"),
        Some("true")
    );
    assert!(
        reply
            .header("access-control-allow-methods")
            .unwrap()
            .contains("POST")
    );
    assert!(
        reply
            .header("access-control-allow-headers")
            .unwrap()
            .contains("content-type")
    );
    assert_eq!(reply.header("access-control-max-age"), Some("600"));
    assert!(reply.header("x-correlation-id").is_some());
    let reply = client.ask("GET /rooms\norigin: https://stay.example").await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (200, Some("https://stay.example"))
    );
    assert!(
        reply
            .header("access-control-expose-headers")
            .unwrap()
            .contains("x-correlation-id")
    );
    let reply = client
        .ask("GET /nowhere\norigin: https://stay.example")
        .await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (404, Some("https://stay.example"))
    );
}

#[tokio::test]
async fn a_page_of_another_origin_may_not() {
    let host = host(&["https://stay.example"], false).await;
    let mut client = host.connect().await;
    let reply = client.ask(&PREFLIGHT.replace("stay", "other")).await;
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn any_origin_may_be_allowed() {
    let host = host(&["*"], false).await;
    let mut client = host.connect().await;
    assert_eq!(
        client
            .ask(PREFLIGHT)
            .await
            .header("access-control-allow-origin"),
        Some("*")
    );
}

#[tokio::test]
async fn plain_options_stay_what_they_are() {
    let host = host(&["*"], false).await;
    let mut client = host.connect().await;
    let reply = client.ask("OPTIONS /rooms").await;
    assert_eq!(
        (reply.status, reply.header("allow")),
        (204, Some("GET, HEAD, OPTIONS, POST"))
    );
}

#[tokio::test]
async fn without_settings_there_is_none_of_it() {
    let host = Served::new().await;
    let mut client = host.connect().await;
    let reply = client.ask(PREFLIGHT).await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (204, None)
    );
}
