use std::future::{pending, ready};
use std::net::SocketAddr;

use http::StatusCode;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use parking_lot::Mutex;
use prost::Message;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::*;

fn exporter(endpoint: &str) -> MetricsExporter {
    exporter_with(endpoint, &[])
}

fn exporter_with(endpoint: &str, variables: &[(&str, &str)]) -> MetricsExporter {
    let find = |name: &str| match name {
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" => Some(endpoint.to_owned()),
        "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("3600000".to_owned()),
        "OTEL_METRIC_EXPORT_TIMEOUT" => Some("3600000".to_owned()),
        name => {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    };
    let resource = Resource::builder_empty().build();
    MetricsExporter::new(&Environment::new(&find), resource).unwrap()
}

const DELTA: (&str, &str) = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");

/// A message that can be told from others.
fn message(name: &str) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            schema_url: name.to_owned(),
            ..ResourceMetrics::default()
        }],
    }
}

/// Longer than any test.
fn later() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

/// A collector that answers as it is told to, and then takes everything.
#[derive(Clone, Default)]
struct Collector {
    /// The next ones first; none is no answer at all.
    answers: Arc<Mutex<VecDeque<Option<StatusCode>>>>,
    received: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
    /// Whether somebody waits in vain.
    is_silent: Arc<Notify>,
}

impl Collector {
    async fn start(answers: &[Option<StatusCode>]) -> (Self, SocketAddr, JoinSet<()>) {
        let collector = Self::default();
        collector.answers.lock().extend(answers);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (taking, mut serving) = (collector.clone(), JoinSet::new());
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(taking.clone().take(stream));
            }
        });
        (collector, address, serving)
    }

    /// One request of HTTP/1.1.
    async fn take(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap() == 0 {
                // A connection that nobody has used.
                return;
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap();
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let message = ExportMetricsServiceRequest::decode(&body[..]).unwrap();
        self.received.lock().push(message);
        let answer = self.answers.lock().pop_front();
        let Some(status) = answer.unwrap_or(Some(StatusCode::OK)) else {
            self.is_silent.notify_one();
            return pending().await;
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// How long it takes to stop once `is_under_way`.
async fn stopped<Levels: Future<Output = ()> + Send + 'static>(
    endpoint: &str,
    take_levels: impl Fn() -> Levels + Send + 'static + Sync,
    is_under_way: impl Future<Output = ()>,
) -> Duration {
    let (metrics, stop) = (Metrics::install().unwrap(), CancellationToken::new());
    let running = exporter(endpoint).run(metrics, take_levels, stop.clone());
    let running = tokio::spawn(running);
    is_under_way.await;
    let began = Instant::now();
    stop.cancel();
    running.await.unwrap();
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_no_collector() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    // It takes what is sent, and never answers.
    let mut held = None;
    let accepted = async { held = Some(silent.accept().await.unwrap()) };
    let took = stopped(&endpoint, || ready(()), accepted).await;
    assert!(took <= SHUTDOWN + Duration::from_millis(100), "{took:?}");
    drop(held);
    let looking = std::sync::Arc::new(Notify::new());
    let looks = looking.clone();
    let levels = move || {
        looks.notify_one();
        pending()
    };
    let took = stopped(&endpoint, levels, looking.notified()).await;
    assert!(took <= SHUTDOWN + Duration::from_millis(100), "{took:?}");
}

const CUT_OFF: &str = "innkeeper_test_cut_off_total";

/// What messages say was counted of [`CUT_OFF`].
fn counted(messages: &VecDeque<ExportMetricsServiceRequest>) -> i64 {
    let resources = messages
        .iter()
        .flat_map(|message| &message.resource_metrics);
    let scopes = resources.flat_map(|resource| &resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| &scope.metrics);
    let points = metrics.filter_map(|metric| match &metric.data {
        Some(Data::Sum(sum)) if metric.name == CUT_OFF => Some(&sum.data_points),
        _ => None,
    });
    let counts = points.flatten().map(|point| match point.value {
        Some(Number::AsInt(count)) => count,
        ref other => panic!("{other:?}"),
    });
    counts.sum()
}

#[test]
fn what_is_cut_off_while_it_is_made_is_in_the_next_delta_and_nothing_before_it() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // Whoever has the one thread lets nothing be made.
    let runtime = runtime.enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let metrics = Metrics::install().unwrap();
        let counter = metrics::counter!(CUT_OFF);
        let mut exporter = exporter_with("http://127.0.0.1:9", &[DELTA]);
        counter.increment(5);
        exporter.make(metrics).await.unwrap();
        assert_eq!(counted(&exporter.queue), 5);
        exporter.queue.clear();
        counter.increment(1);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let holding = tokio::task::spawn_blocking(move || held.recv());
        let cut_off = timeout_at(Instant::now(), exporter.make(metrics)).await;
        assert!(cut_off.is_err() && exporter.queue.is_empty());
        release.send(()).unwrap();
        holding.await.unwrap().unwrap();
        exporter.make(metrics).await.unwrap();
        assert_eq!(counted(&exporter.queue), 1);
    });
}

#[tokio::test]
async fn what_is_never_taken_is_dropped_and_what_may_be_taken_later_stays() {
    for (status, stays) in [
        (StatusCode::OK, false),
        (StatusCode::BAD_REQUEST, false),
        (StatusCode::UNAUTHORIZED, false),
        (StatusCode::PAYLOAD_TOO_LARGE, false),
        (StatusCode::INTERNAL_SERVER_ERROR, false),
        (StatusCode::BAD_GATEWAY, false),
        (StatusCode::GATEWAY_TIMEOUT, false),
        (StatusCode::TOO_MANY_REQUESTS, true),
        (StatusCode::SERVICE_UNAVAILABLE, true),
    ] {
        let (collector, address, _serving) = Collector::start(&[Some(status)]).await;
        let mut exporter = exporter_with(&format!("http://{address}"), &[DELTA]);
        exporter.queue = [message("first"), message("second")].into();
        let sent = exporter.send_queue(later()).await;
        assert_eq!(sent.is_ok(), status == StatusCode::OK, "{sent:?}");
        // The one does not keep the other.
        let received = collector.received.lock().clone();
        assert_eq!(received, [message("first"), message("second")]);
        let left = Vec::from(exporter.queue);
        let expected = stays.then(|| message("first"));
        assert_eq!(left, Vec::from_iter(expected), "{status}");
    }
}

#[tokio::test]
async fn what_nobody_was_there_for_stays() {
    for protocol in ["http/protobuf", "grpc"] {
        let closed = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        let mut exporter = exporter_with(&format!("http://{closed}"), &[DELTA, protocol]);
        exporter.queue = [message("first"), message("second")].into();
        let sent = exporter.send_queue(later()).await;
        assert!(matches!(sent, Err(Unsent::Later(_))), "{sent:?}");
        assert_eq!(exporter.queue, [message("first"), message("second")]);
    }
}

#[tokio::test]
async fn a_stop_loses_nothing_but_what_is_under_way_and_sends_nothing_twice() {
    let (collector, address, _serving) =
        Collector::start(&[Some(StatusCode::OK), None, Some(StatusCode::OK)]).await;
    let often = ("OTEL_METRIC_EXPORT_INTERVAL", "1");
    let mut exporter = exporter_with(&format!("http://{address}"), &[DELTA, often]);
    let queued = ["first", "under way", "third"];
    exporter.queue = queued.map(message).into();
    let (metrics, stop) = (Metrics::install().unwrap(), CancellationToken::new());
    let running = tokio::spawn(exporter.run(metrics, || ready(()), stop.clone()));
    collector.is_silent.notified().await;
    stop.cancel();
    running.await.unwrap();
    let received = collector.received.lock();
    let (before, made) = received.split_at(queued.len());
    assert_eq!(before, queued.map(message));
    assert!(
        queued.iter().all(|name| !made.contains(&message(name))),
        "{made:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_there_was_no_time_for_stays() {
    // It never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let mut exporter = exporter_with(&endpoint, &[DELTA]);
    exporter.queue = ["under way", "second", "third"].map(message).into();
    let sent = exporter
        .send_queue(Instant::now() + Duration::from_secs(1))
        .await;
    assert!(matches!(sent, Err(Unsent::Unknown(_))), "{sent:?}");
    assert_eq!(exporter.queue, ["second", "third"].map(message));
}
