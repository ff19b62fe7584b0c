//! Metrics: what Prometheus scrapes, and what a collector is sent, are the same, by route, by edge and by context, with traces to look at.

use http::Method;
use innkeeper_tests::collector::Collector;
use innkeeper_tests::{Opening, Settings, TestHost, eventually, send};
use serde_json::json;

const PARENT: &str = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "5bf92f3577b34da6a3ce929d0e0e4736";

/// What is scraped by somebody who accepts this.
async fn scraped(host: &TestHost, accept: &str) -> String {
    let client = host.operators().client();
    let request = client
        .request(Method::GET, "/metrics")
        .header("accept", accept);
    let reply = send(request).await.expect(200);
    let kind = reply.header("content-type");
    assert!(kind.starts_with(accept), "{kind}");
    reply.text
}

/// The lines of one metric whose labels have all of these.
fn lines<'a>(text: &'a str, name: &str, labels: &[&str]) -> Vec<&'a str> {
    let named = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    named
        .filter(|line| labels.iter().all(|label| line.contains(label)))
        .collect()
}

#[tokio::test]
async fn a_booking_is_measured_by_route_edge_and_context_with_its_trace_as_exemplar() {
    let collector = Collector::http().await;
    let host = Opening::new(Settings::of_the_app().await)
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .variable("OTEL_METRIC_EXPORT_INTERVAL", "200")
        .open()
        .await;
    let room = host.stay().room("measured").await;
    let booking = host
        .gateway()
        .request(Method::POST, "/reservations")
        .header("traceparent", PARENT)
        .json(&json!({"roomId": room}));
    send(booking).await.expect(201);
    for unknown in ["/rooms/4711471147", "/no-such-path-4711471147"] {
        host.gateway().get(unknown).await.expect(404);
    }

    let plain = scraped(&host, "text/plain").await;
    assert!(
        !plain.contains("trace_id") && !plain.contains("# EOF"),
        "{plain}"
    );
    let text = scraped(&host, "application/openmetrics-text").await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(
        !text.contains("4711471147"),
        "a raw path is a label: {text}"
    );
    let route = [
        "context=\"reservation\"",
        "method=\"POST\"",
        "http_route=\"/reservations\"",
        "status=\"2xx\"",
    ];
    let edge = ["caller=\"reservation\"", "callee=\"room\""];
    let context = ["context=\"reservation\"", "kind=\"web\""];
    for (name, labels) in [
        ("innkeeper_http_request_duration_seconds", &route[..]),
        ("innkeeper_edge_duration_seconds", &edge),
        ("innkeeper_invocation_duration_seconds", &context),
    ] {
        let count = lines(&text, &format!("{name}_count"), labels);
        assert!(
            matches!(count[..], [line] if line.ends_with(" 1")),
            "{count:?}"
        );
        let buckets = lines(&text, &format!("{name}_bucket"), labels);
        let exemplar = format!("# {{trace_id=\"{TRACE}\"");
        let with = buckets.iter().filter(|line| line.contains(&exemplar));
        assert_eq!(with.count(), 1, "{buckets:?}");
    }
    let unrouted = lines(
        &text,
        "innkeeper_http_request_duration_seconds_count",
        &["status=\"4xx\""],
    );
    assert!(
        unrouted.contains(&"innkeeper_http_request_duration_seconds_count{status=\"4xx\"} 1"),
        "{unrouted:?}"
    );
    let of_room = lines(
        &text,
        "innkeeper_http_request_duration_seconds_count",
        &["http_route=\"/rooms/{id}\"", "status=\"4xx\""],
    );
    assert_eq!(of_room.len(), 1, "{unrouted:?}");

    // The same goes to the collector.
    let attributes = [
        ("context", "reservation"),
        ("method", "POST"),
        ("http_route", "/reservations"),
        ("status", "2xx"),
    ];
    let measured = eventually("the metrics are exported", async || {
        let measured = collector.metric("innkeeper_http_request_duration_seconds", &attributes);
        let measured = measured.filter(|measured| !measured.exemplars.is_empty());
        measured.ok_or("nothing of that route")
    })
    .await;
    assert_eq!(
        (
            measured.service.as_str(),
            measured.unit.as_str(),
            measured.value
        ),
        ("stay", "s", 1.0)
    );
    assert_eq!(measured.exemplars, [TRACE]);
    assert!(
        measured.time.0 > 0 && measured.time.0 < measured.time.1,
        "{measured:?}"
    );
    eventually("levels are taken for the collector", async || {
        let ready = collector.metric("innkeeper_context_ready", &[("context", "room")]);
        match ready {
            Some(ready) if ready.value == 1.0 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}
