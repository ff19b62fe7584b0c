//! A collector of OpenTelemetry: it takes what hosts export by OTLP, over gRPC or HTTP, and keeps it for a test to look at.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint};
use opentelemetry_proto::tonic::trace::v1::Span as Exported;
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;

use crate::TlsListener;

/// A collector; it ends with the test.
pub struct Collector {
    endpoint: String,
    received: Arc<Mutex<Received>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    logs: Vec<String>,
    /// All of each, oldest first, by name and attributes.
    metrics: BTreeMap<(String, BTreeMap<String, String>), Vec<Measured>>,
    /// How many requests were compressed, and how many there were.
    compressed: usize,
    requests: usize,
    /// What is answered instead of taking anything.
    refusal: Option<StatusCode>,
    /// How many requests were refused, by path.
    refused: BTreeMap<String, usize>,
}

/// A metric that a host has exported.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The name of the service that exported it.
    pub service: String,
    /// What it is counted in.
    pub unit: String,
    /// The sum, the level, or how many a histogram has counted.
    pub value: f64,
    /// How many there are in each bucket of a histogram.
    pub buckets: Vec<u64>,
    /// The traces of its exemplars.
    pub exemplars: Vec<String>,
    /// Whether that is what was counted since it was exported last.
    pub is_delta: bool,
    /// Since when it is counted, and when it was read, in nanoseconds since the Unix epoch.
    pub time: (u64, u64),
}

/// A span that a host has exported.
#[derive(Clone, Debug)]
pub struct Span {
    /// The name of the service that exported it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its kind, as OTLP numbers them: 1 internal, 2 server, 3 client, 5 consumer.
    pub kind: i32,
    /// Its trace's id, in hexadecimal digits.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// The id of the one above; empty where there is none.
    pub parent: String,
    /// The spans that it is linked to.
    pub links: Vec<String>,
    /// What is known of it.
    pub attributes: BTreeMap<String, String>,
    /// Whether it ended with an error.
    pub failed: bool,
}

impl Collector {
    /// One that takes OTLP over HTTP.
    pub async fn http() -> Self {
        let received = Arc::<Mutex<Received>>::default();
        Self::start(over_http(&received), received, None).await
    }

    /// One that takes OTLP over HTTP, and speaks TLS.
    pub async fn https(tls: ServerConfig) -> Self {
        let received = Arc::<Mutex<Received>>::default();
        Self::start(over_http(&received), received, Some(tls)).await
    }

    /// One that takes OTLP over gRPC.
    pub async fn grpc() -> Self {
        let received = Arc::<Mutex<Received>>::default();
        Self::start(over_grpc(&received), received, None).await
    }

    /// One that takes OTLP over gRPC, and speaks TLS.
    pub async fn grpcs(tls: ServerConfig) -> Self {
        let received = Arc::<Mutex<Received>>::default();
        Self::start(over_grpc(&received), received, Some(tls)).await
    }

    async fn start(
        routes: Router,
        received: Arc<Mutex<Received>>,
        tls: Option<ServerConfig>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let routes = routes.layer(from_fn_with_state(received.clone(), note));
        let serving = tokio::spawn(async move {
            let served = match tls {
                None => axum::serve(listener, routes).await,
                Some(mut tls) => {
                    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                    let acceptor = TlsAcceptor::from(Arc::new(tls));
                    axum::serve(TlsListener { listener, acceptor }, routes).await
                }
            };
            served.expect("it serves");
        });
        Self {
            endpoint: format!("{scheme}://{address}"),
            received,
            serving,
        }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Takes nothing from now on, and answers with this status instead.
    pub fn refuse(&self, status: StatusCode) {
        self.received.lock().refusal = Some(status);
    }

    /// Takes everything again.
    pub fn accept(&self) {
        self.received.lock().refusal = None;
    }

    /// How many requests of a signal were refused: `traces`, `metrics` or `logs`, over HTTP.
    pub fn refused(&self, signal: &str) -> usize {
        let received = self.received.lock();
        let refused = received.refused.get(&format!("/v1/{signal}"));
        refused.copied().unwrap_or_default()
    }

    /// How many requests were compressed, and how many there were.
    pub fn compressed(&self) -> (usize, usize) {
        let received = self.received.lock();
        (received.compressed, received.requests)
    }

    /// What was received so far.
    pub fn spans(&self) -> Vec<Span> {
        self.received.lock().spans.clone()
    }

    /// A metric as it was received last, by its name and its attributes.
    pub fn metric(&self, name: &str, attributes: &[(&str, &str)]) -> Option<Measured> {
        self.metrics(name, attributes).pop()
    }

    /// A metric each time that it was received, by its name and its attributes.
    pub fn metrics(&self, name: &str, attributes: &[(&str, &str)]) -> Vec<Measured> {
        let attributes = attributes.iter();
        let attributes = attributes.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let key = (name.to_owned(), attributes.collect());
        let received = self.received.lock();
        received.metrics.get(&key).cloned().unwrap_or_default()
    }

    /// The texts of the log records that were received so far.
    pub fn logs(&self) -> Vec<String> {
        self.received.lock().logs.clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn over_http(received: &Arc<Mutex<Received>>) -> Router {
    Router::new()
        .route("/v1/traces", post(traces))
        .route("/v1/metrics", post(metrics))
        .route("/v1/logs", post(logs))
        .with_state(received.clone())
}

fn over_grpc(received: &Arc<Mutex<Received>>) -> Router {
    let grpc = Grpc(received.clone());
    let gzip = CompressionEncoding::Gzip;
    Routes::new(TraceServiceServer::new(grpc.clone()).accept_compressed(gzip))
        .add_service(MetricsServiceServer::new(grpc).accept_compressed(gzip))
        .into_axum_router()
}

async fn note(
    State(received): State<Arc<Mutex<Received>>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let encoding = headers
        .get("content-encoding")
        .or(headers.get("grpc-encoding"));
    let is_compressed = encoding.is_some_and(|encoding| encoding == "gzip");
    let refusal = {
        let mut received = received.lock();
        received.requests += 1;
        received.compressed += usize::from(is_compressed);
        if received.refusal.is_some() {
            let path = request.uri().path().to_owned();
            *received.refused.entry(path).or_default() += 1;
        }
        received.refusal
    };
    match refusal {
        Some(status) => status.into_response(),
        None => next.run(request).await,
    }
}

/// A message as it was before it was compressed, if it was.
fn message<M: Message + Default>(headers: &HeaderMap, body: Bytes) -> Result<M, StatusCode> {
    let body = match headers.get("content-encoding") {
        None => body,
        Some(encoding) if encoding == "gzip" => {
            let mut plain = Vec::new();
            let read = GzDecoder::new(&body[..]).read_to_end(&mut plain);
            read.map_err(|_| StatusCode::BAD_REQUEST)?;
            plain.into()
        }
        Some(_) => return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    };
    M::decode(body).map_err(|_| StatusCode::BAD_REQUEST)
}

async fn traces(
    State(received): State<Arc<Mutex<Received>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), StatusCode> {
    let request: ExportTraceServiceRequest = message(&headers, body)?;
    received.lock().take(request);
    Ok(())
}

async fn metrics(
    State(received): State<Arc<Mutex<Received>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), StatusCode> {
    let request: ExportMetricsServiceRequest = message(&headers, body)?;
    received.lock().take_metrics(request);
    Ok(())
}

async fn logs(
    State(received): State<Arc<Mutex<Received>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), StatusCode> {
    let request: ExportLogsServiceRequest = message(&headers, body)?;
    let scopes = request
        .resource_logs
        .into_iter()
        .flat_map(|logs| logs.scope_logs);
    let records = scopes.flat_map(|scope| scope.log_records);
    let texts = records.map(|record| text(record.body));
    received.lock().logs.extend(texts);
    Ok(())
}

#[derive(Clone)]
struct Grpc(Arc<Mutex<Received>>);

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.0.lock().take(request.into_inner());
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Grpc {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        self.0.lock().take_metrics(request.into_inner());
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

impl Received {
    fn take_metrics(&mut self, request: ExportMetricsServiceRequest) {
        for metrics in request.resource_metrics {
            let resource = metrics.resource.map(|resource| resource.attributes);
            let resource = attributes(resource.unwrap_or_default());
            let service = resource.get("service.name").cloned().unwrap_or_default();
            let scopes = metrics.scope_metrics.into_iter();
            for metric in scopes.flat_map(|scope| scope.metrics) {
                for (attributes, measured) in Measured::of(&service, &metric) {
                    let key = (metric.name.clone(), attributes);
                    self.metrics.entry(key).or_default().push(measured);
                }
            }
        }
    }

    fn take(&mut self, request: ExportTraceServiceRequest) {
        for traces in request.resource_spans {
            let resource = traces.resource.map(|resource| resource.attributes);
            let resource = attributes(resource.unwrap_or_default());
            let service = resource.get("service.name").cloned().unwrap_or_default();
            let spans = traces.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.spans
                .extend(spans.map(|span| Span::of(&service, span)));
        }
    }
}

impl Measured {
    fn of(service: &str, metric: &Metric) -> Vec<(BTreeMap<String, String>, Self)> {
        let named = |temporality: i32| {
            assert!([0, 1, 2].contains(&temporality), "{metric:?}");
            move |(attributes, measured): (_, Self)| {
                let measured = Self {
                    service: service.to_owned(),
                    unit: metric.unit.clone(),
                    is_delta: temporality == 1,
                    ..measured
                };
                (attributes, measured)
            }
        };
        match metric.data.clone() {
            Some(Data::Sum(sum)) => {
                assert!(
                    sum.is_monotonic && sum.aggregation_temporality > 0,
                    "{metric:?}"
                );
                let points = sum.data_points.into_iter().map(Self::of_number);
                points.map(named(sum.aggregation_temporality)).collect()
            }
            Some(Data::Gauge(gauge)) => {
                let points = gauge.data_points.into_iter().map(Self::of_number);
                // A level is what it is.
                points.map(named(0)).collect()
            }
            Some(Data::Histogram(histogram)) => {
                assert!(histogram.aggregation_temporality > 0, "{metric:?}");
                let points = histogram.data_points.into_iter().map(Self::of_histogram);
                points
                    .map(named(histogram.aggregation_temporality))
                    .collect()
            }
            other => panic!("no such metric is expected: {other:?}"),
        }
    }

    fn of_number(point: NumberDataPoint) -> (BTreeMap<String, String>, Self) {
        let value = match point.value {
            Some(Number::AsInt(number)) => number as f64,
            Some(Number::AsDouble(number)) => number,
            None => f64::NAN,
        };
        let measured = Self {
            service: String::new(),
            unit: String::new(),
            value,
            buckets: Vec::new(),
            exemplars: Vec::new(),
            is_delta: false,
            time: (point.start_time_unix_nano, point.time_unix_nano),
        };
        (attributes(point.attributes), measured)
    }

    fn of_histogram(point: HistogramDataPoint) -> (BTreeMap<String, String>, Self) {
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
        let exemplars = point.exemplars.iter();
        let measured = Self {
            service: String::new(),
            unit: String::new(),
            value: point.count as f64,
            buckets: point.bucket_counts.clone(),
            exemplars: exemplars.map(|one| digits(&one.trace_id)).collect(),
            is_delta: false,
            time: (point.start_time_unix_nano, point.time_unix_nano),
        };
        (attributes(point.attributes), measured)
    }
}

impl Span {
    fn of(service: &str, span: Exported) -> Self {
        Self {
            service: service.to_owned(),
            name: span.name,
            kind: span.kind,
            trace: digits(&span.trace_id),
            id: digits(&span.span_id),
            parent: digits(&span.parent_span_id),
            links: span
                .links
                .iter()
                .map(|link| digits(&link.span_id))
                .collect(),
            attributes: attributes(span.attributes),
            failed: span.status.is_some_and(|status| status.code == 2),
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let texts = attributes
        .into_iter()
        .map(|attribute| (attribute.key, text(attribute.value)));
    texts.collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(truth)) => truth.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}
