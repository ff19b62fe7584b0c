//! OpenTelemetry: traces, metrics and logs by OTLP, set up by the standard `OTEL_*` variables. Off unless one of them names where to.
//!
//! Spans are made when they have ended, from the places in a trace that invocations carry anyway ([`TraceContext`]): while it is off nothing is kept for
//! them, and asking whether it is on is one load.

mod address;
mod batch;
mod certificates;
mod endpoint;
mod exporter;
mod headers;
mod metrics;
mod resource;
mod sampler;
mod span;
mod told;
mod variables;
mod wanted;

use std::env;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder as LogBatchConfig, BatchLogProcessor, SdkLogger, SdkLoggerProvider,
};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder as SpanBatchConfig, BatchSpanProcessor, SpanProcessor,
};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use self::batch::Batch;
pub use self::certificates::CertificatesError;
pub use self::endpoint::EndpointError;
pub use self::metrics::{MetricsExporter, SettingsError};
use self::sampler::Sampler;
pub use self::span::{Ended, Span, Value};
use self::told::Told;
use self::variables::{Environment, Signal};
use self::wanted::Wanted;
use crate::core::{CorrelationId, TraceContext};

const METRICS_EXPORTER: &str = "OTEL_METRICS_EXPORTER";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const LOGS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT";

/// How long one request to a collector may take unless somebody says otherwise, in milliseconds.
const REQUEST_TIMEOUT: u64 = 10_000;

/// How long spans and logs wait for others unless somebody says otherwise, in milliseconds.
const SPANS_WAIT: u64 = 5_000;
const LOGS_WAIT: u64 = 1_000;

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
}

/// Begins to export what the environment asks for. `app` is the service's name unless `OTEL_SERVICE_NAME` gives another.
///
/// # Errors
///
/// See [`TelemetryError`].
pub fn start(app: &str) -> Result<Telemetry, TelemetryError> {
    let variables = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let environment = Environment::new(&variables);
    let wanted = Wanted::of(&environment);
    if wanted == Wanted::default() {
        return Ok(Telemetry {
            logs: None,
            metrics: None,
            ignored: environment.ignored(),
        });
    }
    if !cfg!(feature = "telemetry") {
        return Err(TelemetryError::NotBuilt);
    }
    // Of two that are compiled in, nobody would know which to take for TLS. A second start finds the first one.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let resource = resource::of(&environment, app);
    if wanted.traces && TRACER.get().is_none() {
        let tracer = Tracer::new(&environment, &resource)?;
        // Whoever was first stays: both were made from one environment.
        let _ = TRACER.set(tracer);
    }
    let metrics = match wanted.metrics {
        true => metrics_exporter(&environment, resource.clone())?,
        false => None,
    };
    let logs = match wanted.logs {
        true => Some(log_provider(&environment, resource)?),
        false => None,
    };
    Ok(Telemetry {
        logs,
        metrics,
        ignored: environment.ignored(),
    })
}

/// None where nobody has asked for metrics by name, and they cannot be sent where everything is sent: that may have been set up for traces alone.
fn metrics_exporter(
    environment: &Environment<'_>,
    resource: Resource,
) -> Result<Option<MetricsExporter>, SettingsError> {
    let named = [METRICS_EXPORTER, METRICS_ENDPOINT];
    let is_named = named.iter().any(|name| environment.value(name).is_some());
    match MetricsExporter::new(environment, resource) {
        Ok(exporter) => Ok(Some(exporter)),
        Err(error) if is_named => Err(error),
        Err(error) => {
            environment.ignore(error);
            Ok(None)
        }
    }
}

impl Tracer {
    fn new(environment: &Environment<'_>, resource: &Resource) -> Result<Self, TelemetryError> {
        let exporter = exporter::of_spans(environment)?;
        let exporter = Told::new(exporter, Signal::Traces, environment);
        let batch = Batch::of(environment, "OTEL_BSP", SPANS_WAIT);
        let batch = SpanBatchConfig::default()
            .with_max_queue_size(batch.queue)
            .with_max_export_batch_size(batch.size)
            .with_scheduled_delay(batch.delay);
        let mut processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(batch.build())
            .build();
        processor.set_resource(resource);
        let scope = InstrumentationScope::builder("innkeeper")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        Ok(Self {
            processor,
            sampler: Sampler::of(environment),
            scope,
        })
    }
}

fn log_provider(
    environment: &Environment<'_>,
    resource: Resource,
) -> Result<SdkLoggerProvider, TelemetryError> {
    let exporter = exporter::of_logs(environment)?;
    let exporter = Told::new(exporter, Signal::Logs, environment);
    let batch = Batch::of(environment, "OTEL_BLRP", LOGS_WAIT);
    let batch = LogBatchConfig::default()
        .with_max_queue_size(batch.queue)
        .with_max_export_batch_size(batch.size)
        .with_scheduled_delay(batch.delay);
    let processor = BatchLogProcessor::builder(exporter).with_batch_config(batch.build());
    let provider = SdkLoggerProvider::builder().with_resource(resource);
    Ok(provider.with_log_processor(processor.build()).build())
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

/// Where a story goes on whose trace is not known any more, with the decision whether that is recorded.
pub fn of_story(id: &CorrelationId) -> TraceContext {
    sampled(TraceContext::of_story(id))
}

/// The span that publishes an event, if anybody will want to know it.
pub fn publisher(trace: &TraceContext) -> Option<TraceContext> {
    (is_on() || trace.is_continued() || trace.baggage().is_some()).then(|| trace.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)], name: &str) -> Option<String> {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }

    #[tokio::test]
    async fn what_was_set_up_for_traces_is_no_reason_to_refuse_a_start() {
        let start = |variables: &[(&str, &str)]| {
            let find = |name: &str| find(variables, name);
            let environment = Environment::new(&find);
            let exporter = metrics_exporter(&environment, Resource::builder_empty().build());
            let is_there = exporter.map(|exporter| exporter.is_some());
            (is_there, environment.ignored())
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
}
