//! What operators see of what is asked outside.

use std::sync::atomic::Ordering;

use http::Method;
use innkeeper_tests::collector::{Collector, Span};
use innkeeper_tests::{Opening, TestHost, eventually, send};

use super::outside::{ask, courier};
use super::outsider::Outsider;

const TOOK: &str = "innkeeper_outbound_request_duration_seconds";

/// The number of requests of the courier that ended so, as `/metrics` has it.
async fn counted(host: &TestHost, origin: Option<&str>, outcome: &str) -> u64 {
    let origin = origin.map_or(String::new(), |origin| format!(",origin=\"{origin}\""));
    let name = format!("{TOOK}_count{{context=\"courier\"{origin},outcome=\"{outcome}\"}} ");
    let metrics = host.operators().client().get("/metrics").await.text;
    let mut lines = metrics.lines();
    let found = lines.find_map(|line| line.strip_prefix(&name));
    found.map_or(0, |count| count.parse().expect("a count"))
}

#[tokio::test]
async fn each_request_is_measured_by_its_origin_and_what_came_of_it() {
    let (outsider, stranger) = (Outsider::open().await, Outsider::open().await);
    let settings = courier(vec![outsider.origin()]).await;
    let settings = settings.set("context.courier.limits.outbound", "100KiB");
    let host = TestHost::with(settings).await;
    let client = host.gateway();
    let to = |path: &str| format!("http/{}/{path}", outsider.authority);
    ask(client, Method::GET, &to("here")).await.expect(200);
    ask(client, Method::POST, &to("here")).await.expect(200);
    ask(client, Method::GET, &to("status/404"))
        .await
        .expect(200);
    ask(client, Method::GET, &to("long/102401"))
        .await
        .expect(502);
    let strange = format!("http/{}/", stranger.authority);
    ask(client, Method::GET, &strange).await.expect(502);
    let long = client.request(Method::POST, &format!("/asked/{}", to("here")));
    send(long.body(vec![b'x'; 102_401])).await.expect(502);
    outsider.hangs.store(true, Ordering::SeqCst);
    let waiting = client.request(Method::GET, &format!("/asked/{}", to("here")));
    send(waiting.header("x-wait-ms", "500")).await.expect(502);
    let origin = outsider.origin();
    for (origin, outcome, count) in [
        (Some(origin.as_str()), "2xx", 2),
        (Some(&origin), "4xx", 1),
        (Some(&origin), "response_too_large", 1),
        (Some(&origin), "timeout", 1),
        (None, "denied", 1),
        (None, "request_too_large", 1),
    ] {
        let found = counted(&host, origin, outcome).await;
        assert_eq!(found, count, "{origin:?} {outcome}");
    }
    let metrics = host.operators().client().get("/metrics").await.text;
    assert!(
        !metrics.contains(&stranger.authority),
        "who is not allowed is no label"
    );
}

#[tokio::test]
async fn each_request_is_a_span_of_its_invocation_and_says_nothing_secret() {
    let (outsider, stranger) = (Outsider::open().await, Outsider::open().await);
    let collector = Collector::http().await;
    let host = Opening::new(courier(vec![outsider.origin()]).await)
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .variable("OTEL_BSP_SCHEDULE_DELAY", "100")
        .variable("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .open()
        .await;
    let path = format!("/asked/http/{}/token/secret?key=secret", outsider.authority);
    let request = host.gateway().request(Method::POST, &path);
    let request = request.header("x-send-authorization", "Bearer secret");
    send(request.body("secret")).await.expect(200);
    let to = format!("http/{}/status/503", outsider.authority);
    ask(host.gateway(), Method::GET, &to).await.expect(200);
    let to = format!("http/{}/secret", stranger.authority);
    ask(host.gateway(), Method::PUT, &to).await.expect(502);
    let clients = eventually("a span of each request", async || {
        let mut spans = collector.spans();
        spans.retain(|span| span.kind == 3);
        match spans.len() {
            3 => Ok(spans),
            _ => Err(format!("{spans:?}")),
        }
    })
    .await;
    let named = |name: &str| {
        let found = clients.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no span {name}: {clients:#?}"))
    };
    let said = |span: &Span, key: &str| span.attributes.get(key).cloned().unwrap_or_default();
    let (posted, failed, denied) = (named("POST"), named("GET"), named("PUT"));
    let (host_name, port) = outsider.authority.split_once(':').expect("a port");
    for span in [posted, failed] {
        assert_eq!(said(span, "server.address"), host_name);
        assert_eq!(said(span, "server.port"), port);
        assert_eq!(said(span, "url.scheme"), "http");
    }
    assert_eq!(said(posted, "http.request.method"), "POST");
    assert_eq!(said(posted, "http.response.status_code"), "200");
    assert!(!posted.failed);
    assert_eq!(said(failed, "http.response.status_code"), "503");
    assert_eq!(said(failed, "error.type"), "503");
    assert!(failed.failed);
    assert_eq!(said(denied, "error.type"), "denied");
    assert!(denied.failed && said(denied, "server.address").is_empty());
    let everything = format!("{clients:?}");
    assert!(!everything.contains("secret"), "{everything}");
    // The story goes on from the span, which is a part of its invocation.
    let traceparent = outsider.asked()[0].header("traceparent").to_owned();
    let place = format!("00-{}-{}-", posted.trace, posted.id);
    assert!(traceparent.starts_with(&place), "{traceparent}");
    eventually("the span of the invocation", async || {
        let spans = collector.spans();
        let above = spans.iter().find(|span| span.id == posted.parent);
        match above.map(|span| said(span, "innkeeper.context")) {
            Some(context) if context == "courier" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let measured = [
        ("context", "courier"),
        ("origin", &outsider.origin()),
        ("outcome", "2xx"),
    ];
    let measured = eventually("it is measured", async || {
        collector.metric(TOOK, &measured).ok_or("it is not")
    })
    .await;
    assert_eq!((measured.value, measured.unit.as_str()), (1.0, "s"));
    assert_eq!(measured.exemplars, std::slice::from_ref(&posted.trace));
}
