//! A collector of OpenTelemetry: it takes what hosts export by OTLP, over gRPC or HTTP, and keeps it for a test to look at.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
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

/// A collector; it ends with the test.
pub struct Collector {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    logs: Vec<String>,
    /// The newest of each, by name and attributes.
    metrics: BTreeMap<(String, BTreeMap<String, String>), Measured>,
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
        let routes = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/metrics", post(metrics))
            .route("/v1/logs", post(logs))
            .with_state(received.clone());
        let (listener, address) = listen().await;
        let serving = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves");
        });
        Self {
            address,
            received,
            serving,
        }
    }

    /// One that takes OTLP over gRPC.
    pub async fn grpc() -> Self {
        let received = Arc::<Mutex<Received>>::default();
        let grpc = Grpc(received.clone());
        let services = (
            TraceServiceServer::new(grpc.clone()),
            MetricsServiceServer::new(grpc),
        );
        let (listener, address) = listen().await;
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let serving = tokio::spawn(async move {
            let (traces, metrics) = services;
            let server = tonic::transport::Server::builder()
                .add_service(traces)
                .add_service(metrics);
            let served = server.serve_with_incoming(incoming).await;
            served.expect("it serves");
        });
        Self {
            address,
            received,
            serving,
        }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was received so far.
    pub fn spans(&self) -> Vec<Span> {
        self.received.lock().spans.clone()
    }

    /// A metric as it was received last, by its name and its attributes.
    pub fn metric(&self, name: &str, attributes: &[(&str, &str)]) -> Option<Measured> {
        let attributes = attributes.iter();
        let attributes = attributes.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let key = (name.to_owned(), attributes.collect());
        self.received.lock().metrics.get(&key).cloned()
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

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

async fn traces(State(received): State<Arc<Mutex<Received>>>, body: Bytes) -> StatusCode {
    match ExportTraceServiceRequest::decode(body) {
        Ok(request) => {
            received.lock().take(request);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

async fn metrics(State(received): State<Arc<Mutex<Received>>>, body: Bytes) -> StatusCode {
    match ExportMetricsServiceRequest::decode(body) {
        Ok(request) => {
            received.lock().take_metrics(request);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

async fn logs(State(received): State<Arc<Mutex<Received>>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportLogsServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let scopes = request
        .resource_logs
        .into_iter()
        .flat_map(|logs| logs.scope_logs);
    let records = scopes.flat_map(|scope| scope.log_records);
    let texts = records.map(|record| text(record.body));
    received.lock().logs.extend(texts);
    StatusCode::OK
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
                    self.metrics.insert(key, measured);
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
        let named = |(attributes, measured): (_, Self)| {
            let measured = Self {
                service: service.to_owned(),
                unit: metric.unit.clone(),
                ..measured
            };
            (attributes, measured)
        };
        match metric.data.clone() {
            Some(Data::Sum(sum)) => {
                assert!(
                    sum.is_monotonic && sum.aggregation_temporality == 2,
                    "{metric:?}"
                );
                let points = sum.data_points.into_iter();
                points.map(Self::of_number).map(named).collect()
            }
            Some(Data::Gauge(gauge)) => {
                let points = gauge.data_points.into_iter();
                points.map(Self::of_number).map(named).collect()
            }
            Some(Data::Histogram(histogram)) => {
                assert_eq!(histogram.aggregation_temporality, 2, "{metric:?}");
                let points = histogram.data_points.into_iter();
                points.map(Self::of_histogram).map(named).collect()
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
