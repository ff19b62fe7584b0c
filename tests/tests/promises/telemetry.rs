//! OpenTelemetry: what a host exports by OTLP to a collector, which here is one of the test's own that reads the real wire format.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use innkeeper_tests::collector::{Collector, Span};
use innkeeper_tests::{Authority, Opening, Settings, TestHost, eventually, send};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_SPAN: &str = "00f067aa0ba902b7";

const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const CONSUMER: i32 = 5;

fn exporting(settings: Settings, collector: &Collector) -> Opening {
    Opening::new(settings)
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .variable("OTEL_BSP_SCHEDULE_DELAY", "100")
        .variable("OTEL_BLRP_SCHEDULE_DELAY", "100")
}

async fn book(host: &TestHost, traceparent: &str) -> u16 {
    let room = host.stay().room("traced").await;
    let request = host
        .gateway()
        .request(Method::POST, "/reservations")
        .header("traceparent", traceparent)
        .header("baggage", "tenant=blue")
        .json(&json!({"roomId": room}));
    send(request).await.status
}

/// Sends what is no request, which a host that tells more than usual logs.
async fn no_request(host: &TestHost) {
    let address = host.gateway().base().strip_prefix("http://");
    let mut stream = TcpStream::connect(address.expect("an http address"))
        .await
        .expect("the port is open");
    stream.write_all(b"no request\r\n\r\n").await.unwrap();
    // It has been answered when the other side closes.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// The spans of a trace, when one of them has this name.
async fn trace_with(collector: &Collector, name: &str) -> Vec<Span> {
    eventually(&format!("the span {name}"), async || {
        let mut spans = collector.spans();
        spans.retain(|span| span.trace == TRACE);
        match spans.iter().any(|span| span.name == name) {
            true => Ok(spans),
            false => Err(format!(
                "{:?}",
                spans.iter().map(|span| &span.name).collect::<Vec<_>>()
            )),
        }
    })
    .await
}

fn named<'a>(spans: &'a [Span], name: &str, kind: i32) -> &'a Span {
    let mut found = spans
        .iter()
        .filter(|span| span.name == name && span.kind == kind);
    found
        .next()
        .unwrap_or_else(|| panic!("no span {name} of kind {kind}: {spans:#?}"))
}

#[tokio::test]
async fn a_booking_is_one_trace() {
    let collector = Collector::http().await;
    let host = exporting(Settings::of_the_app().await, &collector)
        .open()
        .await;
    assert_eq!(book(&host, PARENT).await, 201);
    // The last of the saga: the view has followed what reservation published.
    trace_with(&collector, "process ReservationConfirmed").await;
    let spans = trace_with(&collector, "POST /reservations").await;

    let request = named(&spans, "POST /reservations", SERVER);
    assert_eq!(
        (request.service.as_str(), request.parent.as_str()),
        ("stay", PARENT_SPAN)
    );
    let said = |span: &Span, key: &str| span.attributes.get(key).cloned().unwrap_or_default();
    assert_eq!(said(request, "http.response.status_code"), "201");
    assert_eq!(said(request, "http.route"), "/reservations");

    let invocation = named(&spans, "reservation POST /reservations", INTERNAL);
    assert_eq!(invocation.parent, request.id);
    assert_eq!(said(invocation, "innkeeper.context"), "reservation");
    assert_eq!(said(invocation, "innkeeper.correlation_id"), TRACE);
    let commit = spans
        .iter()
        .find(|span| span.name == "commit" && span.parent == invocation.id);
    assert_eq!(
        said(commit.as_ref().expect("its commit"), "innkeeper.outcome"),
        "committed"
    );

    let commit = commit.expect("its commit");
    let flush = spans
        .iter()
        .find(|span| span.name == "flush" && span.parent == commit.id);
    let waited: u32 = said(flush.expect("its flush"), "innkeeper.commits")
        .parse()
        .unwrap();
    assert!(waited >= 1, "{flush:?}");

    for function in [
        "stay:room/rooms@0.1.0#hold",
        "stay:payment/payments@0.1.0#approve",
    ] {
        let call = named(&spans, function, CLIENT);
        assert_eq!(call.parent, invocation.id);
        assert_eq!(named(&spans, function, SERVER).parent, call.id);
    }

    let handled = named(&spans, "process ReservationConfirmed", CONSUMER);
    assert_eq!(
        handled.links,
        std::slice::from_ref(&invocation.id),
        "what it came from"
    );
    assert_eq!(said(handled, "messaging.destination.name"), "reservation");

    // Those that are under way are exported after those that they lead to.
    eventually("each span has a parent that was exported", async || {
        let mut spans = collector.spans();
        spans.retain(|span| span.trace == TRACE);
        let ids: BTreeSet<_> = spans.iter().map(|span| &span.id).collect();
        assert_eq!(ids.len(), spans.len(), "each has an id of its own");
        let is_known = |span: &&Span| span.parent == PARENT_SPAN || ids.contains(&span.parent);
        match spans.iter().find(|span| !is_known(span)) {
            Some(orphan) => Err(format!("{orphan:?}")),
            None => Ok(()),
        }
    })
    .await;
    assert!(spans.iter().all(|span| !span.failed), "{spans:#?}");
    // The log goes the same way.
    eventually("the log is exported", async || {
        let logs = collector.logs();
        let is_there = logs.iter().any(|text| text == "open");
        is_there.then_some(()).ok_or_else(|| format!("{logs:?}"))
    })
    .await;
}

#[tokio::test]
async fn over_grpc_too_and_what_waits_is_exported_before_the_host_ends() {
    let collector = Collector::grpc().await;
    let mut host = Opening::new(Settings::of_the_app().await)
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .variable("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .variable("OTEL_LOGS_EXPORTER", "none")
        .variable("OTEL_SERVICE_NAME", "lodging")
        // Longer than the test: only the stop exports.
        .variable("OTEL_BSP_SCHEDULE_DELAY", "600000")
        .variable("OTEL_METRIC_EXPORT_INTERVAL", "600000")
        .open()
        .await;
    assert_eq!(book(&host, PARENT).await, 201);
    host.close().await;
    let spans = collector.spans();
    let request = named(&spans, "POST /reservations", SERVER);
    assert_eq!(
        (request.service.as_str(), request.trace.as_str()),
        ("lodging", TRACE)
    );
    let commits = collector.metric("innkeeper_commits_total", &[("context", "reservation")]);
    let commits = commits.expect("its commits are counted");
    assert_eq!(commits.service, "lodging");
    assert!(commits.value >= 1.0, "{commits:?}");
}

/// Where a collector is that speaks TLS with those alone that it knows, and who the host is to it.
fn over_tls(collector: &Collector, authority: &Authority) -> Vec<(&'static str, String)> {
    let own = authority.certify("host");
    let path = |file: PathBuf| file.to_str().expect("UTF-8").to_owned();
    vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", path(authority.file())),
        (
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
            path(own.certificate),
        ),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", path(own.key)),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
        ("OTEL_BLRP_SCHEDULE_DELAY", "100".to_owned()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200".to_owned()),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "delta".to_owned(),
        ),
    ]
}

const TOOK: &str = "innkeeper_invocation_duration_seconds";
const BOOKINGS: [(&str, &str); 2] = [("context", "reservation"), ("kind", "web")];

/// How many bookings all deltas together have counted.
fn bookings(collector: &Collector) -> f64 {
    let deltas = collector.metrics(TOOK, &BOOKINGS);
    assert!(deltas.iter().all(|delta| delta.is_delta), "{deltas:?}");
    deltas.iter().map(|delta| delta.value).sum()
}

/// Books three times, and looks at what is exported of it: each booking is counted once, in deltas of one time after the other.
async fn counted_in_deltas(opening: Opening, collector: &Collector) {
    let mut host = opening.open().await;
    for number in [1.0, 2.0] {
        assert_eq!(book(&host, PARENT).await, 201);
        eventually("the booking is counted", async || {
            let counted = bookings(collector);
            (counted == number).then_some(()).ok_or(counted)
        })
        .await;
    }
    trace_with(collector, "POST /reservations").await;
    // What was counted since the last time goes out with the host.
    assert_eq!(book(&host, PARENT).await, 201);
    host.close().await;
    assert_eq!(bookings(collector), 3.0);
    let deltas = collector.metrics(TOOK, &BOOKINGS);
    for pair in deltas.windows(2) {
        assert!(pair[0].time.1 <= pair[1].time.0, "{deltas:?}");
    }
    let level = collector.metric("innkeeper_context_ready", &[("context", "room")]);
    assert_eq!(level.map(|level| level.value), Some(1.0));
    let (compressed, requests) = collector.compressed();
    assert_eq!(compressed, requests);
}

#[tokio::test]
async fn over_tls_with_a_certificate_compressed_and_in_deltas() {
    let authority = Authority::new("collectors");
    let collector = Collector::https(authority.server_for_its_own("collector")).await;
    let mut opening = Opening::new(Settings::of_the_app().await);
    for (name, value) in over_tls(&collector, &authority) {
        opening = opening.variable(name, &value);
    }
    counted_in_deltas(opening, &collector).await;
    assert!(!collector.logs().is_empty());
}

#[tokio::test]
async fn over_grpc_and_tls_with_a_certificate_compressed_and_in_deltas() {
    let authority = Authority::new("collectors");
    let collector = Collector::grpcs(authority.server_for_its_own("collector")).await;
    let mut opening = Opening::new(Settings::of_the_app().await)
        .variable("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .variable("OTEL_LOGS_EXPORTER", "none");
    for (name, value) in over_tls(&collector, &authority) {
        opening = opening.variable(name, &value);
    }
    counted_in_deltas(opening, &collector).await;
}

/// The lines of the log which say that a signal cannot be exported.
fn failures(host: &TestHost, signal: &str) -> Vec<String> {
    host.output()
        .lines_with(&format!("{signal} cannot be exported by OTLP"))
}

#[tokio::test]
async fn what_a_collector_that_was_away_has_missed_is_in_the_next_delta() {
    let collector = Collector::http().await;
    collector.refuse(StatusCode::SERVICE_UNAVAILABLE);
    let delta = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    let host = Opening::new(Settings::of_the_app().await)
        .variable(
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            &format!("{}/v1/metrics", collector.endpoint()),
        )
        .variable("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .variable(delta, "delta")
        .open()
        .await;
    assert_eq!(book(&host, PARENT).await, 201);
    let before = collector.refused("metrics");
    // Of the two that begin now the second has tried to tell of the booking.
    eventually("metrics are refused", async || {
        let refused = collector.refused("metrics");
        (refused >= before + 2).then_some(()).ok_or(refused)
    })
    .await;
    let said = failures(&host, "metrics");
    assert_eq!(said.len(), 1, "{said:?}");
    collector.accept();
    eventually("the booking is counted", async || {
        let counted = bookings(&collector);
        (counted == 1.0).then_some(()).ok_or(counted)
    })
    .await;
}

#[tokio::test]
async fn what_is_not_sampled_is_exported_only_when_it_fails() {
    let collector = Collector::http().await;
    let settings = Settings::of_the_app().await.without("context.payment");
    let host = exporting(settings, &collector)
        .variable("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        .open()
        .await;
    let unsampled = PARENT.replace("-01", "-00");
    assert_eq!(book(&host, &unsampled).await, 503);
    let spans = trace_with(&collector, "POST /reservations").await;
    assert!(named(&spans, "POST /reservations", SERVER).failed);
    assert!(
        collector.spans().iter().all(|span| span.failed),
        "{:#?}",
        collector.spans()
    );
    // Whoever asks for it with the request gets it.
    assert_eq!(book(&host, PARENT).await, 503);
    eventually("what is sampled elsewhere", async || {
        let spans = collector.spans();
        let well = spans.iter().any(|span| span.trace == TRACE && !span.failed);
        well.then_some(()).ok_or(spans.len())
    })
    .await;
}

#[tokio::test]
async fn a_collector_that_is_not_there_holds_nothing_up() {
    // A port that nobody listens at.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let mut host = Opening::new(Settings::of_the_app().await)
        .variable(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &format!("http://user:secret@{closed}"),
        )
        .variable("OTEL_BSP_SCHEDULE_DELAY", "100")
        .variable("OTEL_BLRP_SCHEDULE_DELAY", "100")
        .variable("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .open()
        .await;
    assert_eq!(book(&host, PARENT).await, 201);
    // It is said for each signal, and nobody's secret with it.
    for signal in ["traces", "metrics", "logs"] {
        eventually("it is said", async || {
            let lines = failures(&host, signal);
            match &lines[..] {
                [line] if !line.contains("secret") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
    let began = Instant::now();
    host.close().await;
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn that_a_collector_takes_nothing_is_said_once_for_each_signal_and_ends_nothing() {
    let collector = Collector::http().await;
    // Such a request is not sent again: each that is refused is another one.
    collector.refuse(StatusCode::BAD_REQUEST);
    let host = exporting(Settings::of_the_app().await, &collector)
        .variable("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .variable("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
        .variable("INNKEEPER_LOG", "innkeeper=debug")
        .open()
        .await;
    for signal in ["traces", "metrics", "logs"] {
        // Once the third has come it is over with the second.
        eventually("three batches are refused", async || {
            let refused = collector.refused(signal);
            if refused >= 3 {
                return Ok(());
            }
            // A span, and a line of the log.
            assert_eq!(book(&host, PARENT).await, 201);
            no_request(&host).await;
            Err(format!("{refused} of {signal}"))
        })
        .await;
        let said = failures(&host, signal);
        assert_eq!(said.len(), 1, "{said:?}");
    }
    collector.accept();
    assert_eq!(book(&host, PARENT).await, 201);
    eventually("what is booked from now on is counted", async || {
        let counted = bookings(&collector);
        (counted >= 1.0).then_some(()).ok_or(counted)
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_exported_to_is_refused_at_the_start() {
    let settings = Settings::of_the_app().await;
    let mut host = TestHost::with(settings).await;
    host.close().await;
    for (variable, value, expected) in [
        (
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "ftp://user:secret@collector:4318",
            "`ftp://collector:4318`: it is not a URL",
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "ftp://user:secret@collector:4318",
            "cannot export traces by OTLP to `ftp://collector:4318`: it is not a URL",
        ),
        (
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
            "collector:4318",
            "cannot export logs by OTLP to `collector:4318`: it is not a URL",
        ),
    ] {
        let endpoint = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9");
        let refused = host.try_reopen(&[endpoint, (variable, value)]).await;
        let refused = refused.expect_err("it is refused");
        assert!(refused.contains(expected), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    // Files are looked at where TLS is spoken.
    for (variable, value, expected) in [
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "/is/not/there.pem",
            "/is/not/there.pem cannot be read",
        ),
        (
            "OTEL_EXPORTER_OTLP_CLIENT_KEY",
            "own.key",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE is not",
        ),
    ] {
        let endpoint = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://127.0.0.1:9");
        let refused = host.try_reopen(&[endpoint, (variable, value)]).await;
        let refused = refused.expect_err("it is refused");
        assert!(refused.contains(expected), "{refused}");
    }
    let plain = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let unused = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/is/not/there.pem");
    let unread = ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s");
    host.try_reopen(&[plain, unused, unread])
        .await
        .expect("it starts");
    host.close().await;
}

#[tokio::test]
async fn what_cannot_be_followed_is_told_and_refuses_no_start() {
    let host = Opening::new(Settings::empty().with("tally", "tally").await)
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .variable("OTEL_TRACES_EXPORTER", "otlp,zipkin")
        .variable("OTEL_METRICS_EXPORTER", "console")
        .variable("OTEL_TRACES_SAMPLER", "sometimes")
        .variable("OTEL_EXPORTER_OTLP_INSECURE", "yes")
        .variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
        .variable("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "secret")
        .variable("OTEL_BSP_MAX_QUEUE_SIZE", "many")
        .variable("OTEL_BLRP_SCHEDULE_DELAY", "-1")
        .variable("OTEL_RESOURCE_ATTRIBUTES", "region")
        .variable("OTEL_SDK_DISABLED", "maybe")
        .open()
        .await;
    for said in [
        "OTEL_TRACES_EXPORTER names `zipkin`",
        "OTEL_METRICS_EXPORTER names `console`",
        "OTEL_TRACES_SAMPLER is `sometimes`",
        "OTEL_EXPORTER_OTLP_INSECURE is `yes`",
        "OTEL_EXPORTER_OTLP_TIMEOUT is `10s`",
        "OTEL_EXPORTER_OTLP_HEADERS has something that is no header",
        "OTEL_BSP_MAX_QUEUE_SIZE is `many`",
        "OTEL_BLRP_SCHEDULE_DELAY is `-1`",
        "OTEL_RESOURCE_ATTRIBUTES is `region`",
        "OTEL_SDK_DISABLED is `maybe`",
    ] {
        eventually("it is said once", async || {
            let lines = host.output().lines_with(said);
            match &lines[..] {
                [line] if !line.contains("secret") => Ok(()),
                other => Err(format!("{said}: {other:?}")),
            }
        })
        .await;
    }
}
