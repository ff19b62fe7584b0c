//! OpenTelemetry: traces, metrics and logs by OTLP, set up by the standard `OTEL_*` variables. Off unless one of them names where to.
//!
//! Spans are made when they have ended, from the places in a trace that invocations carry anyway ([`TraceContext`]): while it is off nothing is kept for
//! them, and asking whether it is on is one load.

mod address;
mod certificates;
mod endpoint;
mod metrics;
mod sampler;
mod span;
mod told;
mod variables;

use std::collections::BTreeMap;
use std::env;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, Protocol as SdkProtocol, SpanExporter, WithExportConfig,
    WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanProcessor};
use tonic::transport::ClientTlsConfig;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use self::address::without_secrets;
use self::certificates::Certificates;
pub use self::certificates::CertificatesError;
pub use self::endpoint::EndpointError;
pub use self::metrics::{MetricsExporter, SettingsError};
use self::sampler::Sampler;
pub use self::sampler::SamplerError;
pub use self::span::{Ended, Span, Value};
use self::told::Told;
pub use self::variables::VariableError;
use self::variables::{Protocol, Signal, Variables, milliseconds};
use crate::core::TraceContext;

const METRICS_EXPORTER: &str = "OTEL_METRICS_EXPORTER";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const LOGS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT";

/// How long one request to a collector may take unless somebody says otherwise, in milliseconds.
const REQUEST_TIMEOUT: u64 = 10_000;

/// How long what waits to be exported may take when the host stops.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// One for the process, as there is one recorder of metrics and one log.
static TRACER: OnceLock<Tracer> = OnceLock::new();

/// What records spans, where traces are exported. Without the feature `telemetry` there is nothing to ask, so that what is asked of it is not compiled in.
fn tracer() -> Option<&'static Tracer> {
    match cfg!(feature = "telemetry") {
        true => TRACER.get(),
        false => None,
    }
}

/// What records spans.
#[derive(Debug)]
struct Tracer {
    processor: BatchSpanProcessor,
    sampler: Sampler,
    scope: InstrumentationScope,
}

/// What is exported, until it is shut down.
pub struct Telemetry {
    logs: Option<SdkLoggerProvider>,
    metrics: Option<MetricsExporter>,
    /// What the environment asks for that is not followed.
    ignored: Vec<String>,
}

/// Why nothing can be exported.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The variables contradict themselves, or what they name cannot be used.
    #[error(
        "cannot export {signal} by OTLP: {reason}; correct the OTEL_EXPORTER_OTLP_* variables, or unset them"
    )]
    Exporter {
        /// Traces or logs.
        signal: &'static str,
        /// Why, without secrets.
        reason: String,
    },
    /// `OTEL_TRACES_SAMPLER` says nothing that is known.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// Where metrics are to be sent cannot be understood.
    #[error(transparent)]
    Metrics(#[from] SettingsError),
    /// TLS cannot be spoken with the collector.
    #[error("cannot export {signal} by OTLP: {source}")]
    Certificates {
        /// Traces or logs.
        signal: &'static str,
        /// Why not.
        source: Box<CertificatesError>,
    },
    /// No collector can be reached where traces or logs are to be sent.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// This host was built to export nothing.
    #[error(
        "this innkeeper was built without the feature `telemetry`, and exports nothing; unset the OTEL_* variables, or build it with its default features"
    )]
    NotBuilt,
    /// A variable names what is not there.
    #[error("{variable} is `{value}`; write `otlp` or `none`")]
    UnknownExporter {
        /// The variable.
        variable: &'static str,
        /// What it says.
        value: String,
    },
}

/// Begins to export what the environment asks for. `app` is the service's name unless `OTEL_SERVICE_NAME` gives another.
///
/// # Errors
///
/// See [`TelemetryError`].
pub fn start(app: &str) -> Result<Telemetry, TelemetryError> {
    let variables = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let mut ignored = Vec::new();
    let wanted = Wanted::of(&variables, &mut ignored)?;
    if wanted == Wanted::default() {
        return Ok(Telemetry {
            logs: None,
            metrics: None,
            ignored,
        });
    }
    if !cfg!(feature = "telemetry") {
        return Err(TelemetryError::NotBuilt);
    }
    // Of two that are compiled in, nobody would know which to take for TLS. A second start finds the first one.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let resource = resource(app);
    if wanted.traces && TRACER.get().is_none() {
        let sampler = Sampler::of_environment()?;
        let exporter = span_exporter(&variables, &mut ignored)?;
        let exporter = Told::new(exporter, Signal::Traces, &variables);
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&resource);
        let scope = InstrumentationScope::builder("innkeeper")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        // Whoever was first stays: both were made from one environment.
        let _ = TRACER.set(Tracer {
            processor,
            sampler,
            scope,
        });
    }
    let metrics = match wanted.metrics {
        true => metrics_exporter(&variables, resource.clone(), &mut ignored)?,
        false => None,
    };
    let logs = match wanted.logs {
        true => Some(log_provider(resource, &variables, &mut ignored)?),
        false => None,
    };
    Ok(Telemetry {
        logs,
        metrics,
        ignored,
    })
}

/// None where nobody has asked for metrics by name, and they cannot be sent where everything is sent: that may have been set up for traces alone.
fn metrics_exporter(
    variables: Variables<'_>,
    resource: Resource,
    ignored: &mut Vec<String>,
) -> Result<Option<MetricsExporter>, SettingsError> {
    let named = [METRICS_EXPORTER, METRICS_ENDPOINT];
    let is_named = named.iter().any(|name| variables(name).is_some());
    match MetricsExporter::new(variables, resource, ignored) {
        Ok(exporter) => Ok(Some(exporter)),
        Err(error) if is_named => Err(error),
        Err(error) => {
            ignored.push(error.to_string());
            Ok(None)
        }
    }
}

/// How a collector is reached, with what the SDK does not read itself.
enum Transport {
    Http(reqwest::blocking::Client),
    Grpc(ClientTlsConfig),
}

impl Transport {
    fn of(
        signal: Signal,
        variables: Variables<'_>,
        ignored: &mut Vec<String>,
    ) -> Result<Self, TelemetryError> {
        let unusable = |source| TelemetryError::Certificates {
            signal: signal.name(),
            source: Box::new(source),
        };
        // As the specification asks for what is not supported.
        let protocol = signal.protocol(variables).unwrap_or_else(|error| {
            let signal = signal.name();
            ignored.push(format!("{error}; `http/protobuf` is taken for {signal}"));
            Protocol::Http
        });
        // The SDK takes an address for one that it cannot send anything to.
        let endpoint = endpoint::of(signal, variables, protocol)?;
        let certificates = Certificates::read(variables, signal, &endpoint).map_err(unusable)?;
        match protocol {
            Protocol::Http => {
                let said = signal.exporter(variables, "TIMEOUT");
                // As the SDK takes it.
                let timeout = milliseconds(said, REQUEST_TIMEOUT).unwrap_or_else(|error| {
                    let signal = signal.name();
                    ignored.push(format!("{error}; 10 seconds are taken for {signal}"));
                    Duration::from_millis(REQUEST_TIMEOUT)
                });
                let client = certificates.blocking_http(timeout).map_err(unusable)?;
                Ok(Self::Http(client))
            }
            Protocol::Grpc => certificates.grpc().map(Self::Grpc).map_err(unusable),
        }
    }
}

fn span_exporter(
    variables: Variables<'_>,
    ignored: &mut Vec<String>,
) -> Result<SpanExporter, TelemetryError> {
    let exporter = SpanExporter::builder();
    let built = match Transport::of(Signal::Traces, variables, ignored)? {
        Transport::Http(client) => {
            let exporter = exporter.with_http().with_protocol(SdkProtocol::HttpBinary);
            exporter.with_http_client(client).build()
        }
        Transport::Grpc(tls) => exporter.with_tonic().with_tls_config(tls).build(),
    };
    built.map_err(|error| unusable("traces", &error, variables))
}

fn log_provider(
    resource: Resource,
    variables: Variables<'_>,
    ignored: &mut Vec<String>,
) -> Result<SdkLoggerProvider, TelemetryError> {
    let exporter = LogExporter::builder();
    let built = match Transport::of(Signal::Logs, variables, ignored)? {
        Transport::Http(client) => {
            let exporter = exporter.with_http().with_protocol(SdkProtocol::HttpBinary);
            exporter.with_http_client(client).build()
        }
        Transport::Grpc(tls) => exporter.with_tonic().with_tls_config(tls).build(),
    };
    let exporter = built.map_err(|error| unusable("logs", &error, variables))?;
    let exporter = Told::new(exporter, Signal::Logs, variables);
    let provider = SdkLoggerProvider::builder().with_resource(resource);
    Ok(provider.with_batch_exporter(exporter).build())
}

/// The SDK repeats the endpoint, which may hold a secret.
fn unusable(
    signal: &'static str,
    error: &ExporterBuildError,
    variables: Variables<'_>,
) -> TelemetryError {
    let endpoints = [TRACES_ENDPOINT, LOGS_ENDPOINT, ENDPOINT];
    let endpoints = endpoints.into_iter().filter_map(variables);
    let reason = endpoints.fold(error.to_string(), |reason, endpoint| {
        reason.replace(&endpoint, &without_secrets(&endpoint))
    });
    TelemetryError::Exporter { signal, reason }
}

impl Telemetry {
    /// Says in the log what of the environment is not followed.
    pub fn warn_of_ignored(&self) {
        for ignored in &self.ignored {
            tracing::warn!("{ignored}");
        }
    }

    /// What passes on log lines; none when logs are not exported. Only those of the host: an exporter that logs must not have its own lines exported.
    pub fn log_layer<S>(&self) -> Option<Box<dyn Layer<S> + Send + Sync>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let bridge: OpenTelemetryTracingBridge<SdkLoggerProvider, SdkLogger> =
            OpenTelemetryTracingBridge::new(self.logs.as_ref()?);
        let own = filter_fn(|metadata| metadata.target().starts_with("innkeeper"));
        Some(Box::new(bridge.with_filter(own)))
    }

    /// What sends metrics, to be run; none when they are not exported.
    pub fn take_metrics(&mut self) -> Option<MetricsExporter> {
        self.metrics.take()
    }

    /// Exports what waits, as far as it can be done in some seconds. Blocks.
    pub fn shut_down(self) {
        if let Some(tracer) = TRACER.get()
            && let Err(error) = tracer.processor.shutdown_with_timeout(SHUTDOWN)
        {
            tracing::warn!(%error, "the last spans could not be exported");
        }
        if let Some(logs) = self.logs {
            // It could only be said in the log.
            let _ = logs.shutdown_with_timeout(SHUTDOWN);
        }
    }
}

/// Whether spans are recorded.
pub fn is_on() -> bool {
    tracer().is_some()
}

/// A place in a trace, with the decision whether it is recorded; whoever began a trace has decided for it unless the sampler says otherwise.
pub fn sampled(trace: TraceContext) -> TraceContext {
    match tracer() {
        Some(tracer) => {
            let sampled = tracer.sampler.samples(&trace);
            trace.with_sampled(sampled)
        }
        None => trace,
    }
}

/// The span that publishes an event, if anybody will want to know it.
pub fn publisher(trace: &TraceContext) -> Option<TraceContext> {
    (is_on() || trace.is_continued() || trace.baggage().is_some()).then(|| trace.clone())
}

/// What is to be exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted {
    traces: bool,
    metrics: bool,
    logs: bool,
}

impl Wanted {
    /// As the specification has it, but that nothing is exported unless an endpoint or an exporter is named. What is not followed is added to `ignored`.
    fn of(variable: Variables<'_>, ignored: &mut Vec<String>) -> Result<Self, TelemetryError> {
        let disabled = variable("OTEL_SDK_DISABLED");
        if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self::default());
        }
        let by_endpoint =
            |endpoint: &str| variable(ENDPOINT).or_else(|| variable(endpoint)).is_some();
        let wanted = |exporter: &'static str, endpoint: &str| match variable(exporter) {
            Some(value) => match unknown_exporter(&value, &["otlp", "none"]) {
                Some(unknown) => Err(TelemetryError::UnknownExporter {
                    variable: exporter,
                    value: unknown.to_owned(),
                }),
                None => Ok(names_otlp(&value)),
            },
            None => Ok(by_endpoint(endpoint)),
        };
        let metrics = match variable(METRICS_EXPORTER) {
            Some(value) => {
                // They can be scraped in any case.
                let known = ["otlp", "none", "prometheus"];
                // Others were not looked at before metrics were exported.
                if let Some(unknown) = unknown_exporter(&value, &known) {
                    ignored.push(format!(
                        "{METRICS_EXPORTER} names `{unknown}`, which there is not; write `otlp`, `prometheus` or `none`"
                    ));
                }
                names_otlp(&value)
            }
            None => by_endpoint(METRICS_ENDPOINT),
        };
        Ok(Self {
            traces: wanted("OTEL_TRACES_EXPORTER", TRACES_ENDPOINT)?,
            metrics,
            logs: wanted("OTEL_LOGS_EXPORTER", LOGS_ENDPOINT)?,
        })
    }
}

/// The exporters of a list, `otlp,prometheus`.
fn exporters(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

fn names_otlp(list: &str) -> bool {
    exporters(list).any(|name| name == "otlp")
}

fn unknown_exporter<'a>(list: &'a str, known: &[&str]) -> Option<&'a str> {
    exporters(list).find(|name| !known.contains(name))
}

/// Who exports: what the environment says, and the app.
fn resource(app: &str) -> Resource {
    let named: BTreeMap<_, _> = env::vars().collect();
    let says_service = named.contains_key("OTEL_SERVICE_NAME")
        || named
            .get("OTEL_RESOURCE_ATTRIBUTES")
            .is_some_and(|attributes| attributes.contains("service.name="));
    let builder = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    match says_service {
        true => builder.build(),
        false => builder.with_service_name(app.to_owned()).build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)], name: &str) -> Option<String> {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }

    fn wanted(variables: &[(&str, &str)]) -> Result<Wanted, TelemetryError> {
        Wanted::of(&|name| find(variables, name), &mut Vec::new())
    }

    #[test]
    fn nothing_is_exported_unless_somebody_asks_for_it() {
        assert_eq!(wanted(&[]).unwrap(), Wanted::default());
        let disabled = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTEL_SDK_DISABLED", "true"),
        ];
        assert_eq!(wanted(&disabled).unwrap(), Wanted::default());
    }

    #[test]
    fn an_endpoint_or_an_exporter_asks_for_it() {
        let all = wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")]);
        assert_eq!(
            all.unwrap(),
            Wanted {
                traces: true,
                metrics: true,
                logs: true
            }
        );
        let traces = wanted(&[(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://localhost:4317",
        )]);
        assert_eq!(
            traces.unwrap(),
            Wanted {
                traces: true,
                metrics: false,
                logs: false
            }
        );
        let without_logs = wanted(&[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ]);
        assert_eq!(
            without_logs.unwrap(),
            Wanted {
                traces: true,
                metrics: false,
                logs: false
            }
        );
    }

    #[test]
    fn an_exporter_that_is_not_known_is_refused() {
        let refused = wanted(&[("OTEL_TRACES_EXPORTER", "zipkin")])
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "OTEL_TRACES_EXPORTER is `zipkin`; write `otlp` or `none`"
        );
    }

    #[test]
    fn an_exporter_of_metrics_that_is_not_known_is_told_and_others_are_taken() {
        for (list, exports, told) in [
            ("otlp,prometheus", true, 0),
            ("prometheus, otlp", true, 0),
            ("prometheus", false, 0),
            ("console", false, 1),
            ("otlp,console", true, 1),
        ] {
            let mut ignored = Vec::new();
            let variables = [
                (METRICS_EXPORTER, list),
                (ENDPOINT, "http://localhost:4318"),
            ];
            let wanted = Wanted::of(&|name| find(&variables, name), &mut ignored).unwrap();
            assert_eq!((wanted.metrics, ignored.len()), (exports, told), "{list}");
            assert!(wanted.traces);
        }
    }

    #[tokio::test]
    async fn what_was_set_up_for_traces_is_no_reason_to_refuse_a_start() {
        let start = |variables: &[(&str, &str)]| {
            let mut ignored = Vec::new();
            let find = |name: &str| find(variables, name);
            let exporter = metrics_exporter(&find, Resource::builder_empty().build(), &mut ignored);
            (exporter.map(|exporter| exporter.is_some()), ignored)
        };
        let collector = "ftp://user:secret@collector:4318";
        let (exporter, ignored) = start(&[(ENDPOINT, collector)]);
        assert!(!exporter.unwrap());
        assert!(
            matches!(&ignored[..], [one] if one.contains("is not a URL") && !one.contains("secret")),
            "{ignored:?}"
        );
        let (refused, _) = start(&[(METRICS_ENDPOINT, collector)]);
        assert!(refused.is_err());
        let (refused, _) = start(&[(ENDPOINT, collector), (METRICS_EXPORTER, "otlp")]);
        assert!(refused.is_err());
        let (exporter, ignored) = start(&[(ENDPOINT, "http://collector:4318")]);
        assert!(exporter.unwrap() && ignored.is_empty(), "{ignored:?}");
    }

    #[test]
    fn an_endpoint_that_the_sdk_refuses_is_told_without_secrets() {
        let endpoint = "http://user:secret@[collector";
        let error = ExporterBuildError::InvalidConfiguration(format!(
            "OTEL_EXPORTER_OTLP_ENDPOINT: invalid endpoint '{endpoint}/v1/traces'"
        ));
        let variables = [(ENDPOINT, endpoint)];
        let told = unusable("traces", &error, &|name| find(&variables, name)).to_string();
        assert!(
            !told.contains("secret") && told.contains("[collector"),
            "{told}"
        );
    }
}
