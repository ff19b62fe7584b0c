//! Whom requests come from that come by proxies.

use std::num::NonZeroU32;

use innkeeper::manifest::{GatewaySettings, RateLimit};
use serde_json::{Value, json};

use crate::stub_backend::Served;

fn behind(proxies: &[&str]) -> GatewaySettings {
    let proxies = proxies.iter().map(|network| network.parse().unwrap());
    GatewaySettings {
        trusted_proxies: proxies.collect(),
        ..GatewaySettings::default()
    }
}

/// Two requests at once from each client.
fn limited(settings: GatewaySettings) -> GatewaySettings {
    GatewaySettings {
        rate_limit: Some(RateLimit {
            requests_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::MIN.saturating_add(1),
        }),
        ..settings
    }
}

async fn statuses(settings: GatewaySettings, clients: &[&str]) -> Vec<u16> {
    let host = Served::with(settings).await;
    let mut client = host.connect().await;
    let mut statuses = Vec::new();
    for forwarded in clients {
        let reply = client.ask(&format!("GET /rooms\n{forwarded}")).await;
        statuses.push(reply.status);
    }
    statuses
}

#[tokio::test]
async fn the_rate_limit_sees_clients_behind_trusted_proxies() {
    let clients = [
        "X-Forwarded-For: 192.0.2.1",
        "Forwarded: for=192.0.2.1;proto=http",
        "X-Forwarded-For: 192.0.2.1:4711",
        "X-Forwarded-For: 192.0.2.2",
        // What stands left of it is made up.
        "X-Forwarded-For: 192.0.2.77, 192.0.2.1, 10.1.1.1",
        "X-Forwarded-For: 192.0.2.78\nX-Forwarded-For: 192.0.2.1",
        "Forwarded: for=\"[2001:db8::1]\"",
        "Forwarded: for=\"[2001:db8::2]:80\"",
        "Forwarded: for=\"[2001:db8::3]:_x\"",
    ];
    let settings = limited(behind(&["127.0.0.0/8", "10.0.0.0/8"]));
    let expected = [200, 200, 429, 200, 429, 429, 200, 200, 429];
    assert_eq!(statuses(settings, &clients).await, expected);
}

#[tokio::test]
async fn nobody_else_gets_around_the_rate_limit() {
    let clients = [
        "X-Forwarded-For: 192.0.2.1",
        "Forwarded: for=192.0.2.2",
        "X-Forwarded-For: 192.0.2.3",
        "X-Real-IP: 192.0.2.4",
    ];
    for settings in [behind(&[]), behind(&["10.0.0.0/8"])] {
        let statuses = statuses(limited(settings), &clients).await;
        assert_eq!(statuses, [200, 200, 429, 429]);
    }
}

/// What the guest sees of these fields.
async fn seen(settings: GatewaySettings, fields: &str) -> Value {
    let host = Served::with(settings).await;
    let mut client = host.connect().await;
    let reply = client.ask(&format!("GET /rooms\n{fields}")).await;
    assert_eq!(reply.status, 200, "{fields}");
    let headers = reply.json()["headers"].as_array().unwrap().clone();
    let told = headers.into_iter().filter(|field| {
        let name = field[0].as_str().unwrap();
        name == "host" || name.contains("forwarded") || name == "x-real-ip"
    });
    told.collect()
}

#[tokio::test]
async fn guests_are_told_what_is_known_and_nothing_that_is_only_said() {
    let said = "X-Forwarded-For: 198.51.100.7, 192.0.2.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: evil, stay.example\nX-Forwarded-Port: 1\nX-Real-IP: 198.51.100.7";
    let unknown = json!([["host", "inn.example"]]);
    assert_eq!(seen(behind(&[]), said).await, unknown);
    let standard = "Forwarded: for=192.0.2.1;proto=https;host=evil";
    assert_eq!(seen(behind(&["10.0.0.0/8"]), standard).await, unknown);
    let known = json!([
        ["host", "stay.example"],
        ["x-forwarded-for", "192.0.2.1"],
        ["x-forwarded-proto", "https"],
    ]);
    let proxy = behind(&["127.0.0.1"]);
    assert_eq!(seen(proxy.clone(), said).await, known);
    let standard = "Forwarded: for=198.51.100.7;host=evil, For=\"192.0.2.1:80\"; Proto=https ;host=stay.example";
    assert_eq!(seen(proxy.clone(), standard).await, known);
    let malformed =
        "X-Forwarded-For: ???\nForwarded: \"\nX-Forwarded-Proto: x\nX-Forwarded-Host: a b";
    let peer = json!([["host", "inn.example"], ["x-forwarded-for", "127.0.0.1"]]);
    assert_eq!(seen(proxy, malformed).await, peer);
}
