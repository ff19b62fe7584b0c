//! OpenTelemetry: traces, metrics and logs by OTLP, set up by the standard `OTEL_*` variables. Off unless one of them names where to.
//!
//! Spans are made when they have ended, from the places in a trace that invocations carry anyway ([`TraceContext`]): while it is off nothing is kept for
//! them, and asking whether it is on is one load.

mod metrics;
mod sampler;
mod span;

use std::collections::BTreeMap;
use std::env;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{ExporterBuildError, LogExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanProcessor};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

pub use self::metrics::{MetricsExporter, SettingsError};
use self::sampler::Sampler;
pub use self::sampler::SamplerError;
pub use self::span::{Ended, Span, Value};
use crate::core::TraceContext;

/// How long what waits to be exported may take when the host stops.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// One for the process, as there is one recorder of metrics and one log.
static TRACER: OnceLock<Tracer> = OnceLock::new();

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
}

/// Why nothing can be exported.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The variables contradict themselves, or what they name cannot be used.
    #[error(
        "cannot export {signal} by OTLP: {error}; correct the OTEL_EXPORTER_OTLP_* variables, or unset them"
    )]
    Exporter {
        /// Traces or logs.
        signal: &'static str,
        /// Why.
        error: ExporterBuildError,
    },
    /// `OTEL_TRACES_SAMPLER` says nothing that is known.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// Where metrics are to be sent cannot be understood.
    #[error(transparent)]
    Metrics(#[from] SettingsError),
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
    let wanted = Wanted::of(&variables)?;
    if wanted == Wanted::default() {
        return Ok(Telemetry {
            logs: None,
            metrics: None,
        });
    }
    // Of two that are compiled in, nobody would know which to take for TLS. A second start finds the first one.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let resource = resource(app);
    if wanted.traces && TRACER.get().is_none() {
        let sampler = Sampler::of_environment()?;
        let exporter = SpanExporter::builder().build();
        let exporter = exporter.map_err(|error| TelemetryError::Exporter {
            signal: "traces",
            error,
        })?;
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
        true => Some(MetricsExporter::new(&variables, resource.clone())?),
        false => None,
    };
    let logs = match wanted.logs {
        true => Some(log_provider(resource)?),
        false => None,
    };
    Ok(Telemetry { logs, metrics })
}

fn log_provider(resource: Resource) -> Result<SdkLoggerProvider, TelemetryError> {
    let exporter = LogExporter::builder().build();
    let exporter = exporter.map_err(|error| TelemetryError::Exporter {
        signal: "logs",
        error,
    })?;
    let provider = SdkLoggerProvider::builder().with_resource(resource);
    Ok(provider.with_batch_exporter(exporter).build())
}

impl Telemetry {
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
    TRACER.get().is_some()
}

/// A place in a trace, with the decision whether it is recorded; whoever began a trace has decided for it unless the sampler says otherwise.
pub fn sampled(trace: TraceContext) -> TraceContext {
    match TRACER.get() {
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
    /// As the specification has it, but that nothing is exported unless an endpoint or an exporter is named.
    fn of(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, TelemetryError> {
        let disabled = variable("OTEL_SDK_DISABLED");
        if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self::default());
        }
        let wanted = |exporter: &'static str, endpoint: &str| match variable(exporter) {
            Some(value) if value == "otlp" => Ok(true),
            Some(value) if value == "none" => Ok(false),
            // It can be scraped in any case.
            Some(value) if value == "prometheus" && exporter == "OTEL_METRICS_EXPORTER" => {
                Ok(false)
            }
            Some(value) => Err(TelemetryError::UnknownExporter {
                variable: exporter,
                value,
            }),
            None => Ok(variable("OTEL_EXPORTER_OTLP_ENDPOINT")
                .or_else(|| variable(endpoint))
                .is_some()),
        };
        Ok(Self {
            traces: wanted("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")?,
            metrics: wanted(
                "OTEL_METRICS_EXPORTER",
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            )?,
            logs: wanted("OTEL_LOGS_EXPORTER", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")?,
        })
    }
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

    fn wanted(variables: &[(&str, &str)]) -> Result<Wanted, TelemetryError> {
        Wanted::of(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
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
}
