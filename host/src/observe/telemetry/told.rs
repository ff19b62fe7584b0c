//! An exporter of the SDK whose failures are said in the log: the first of each time that it cannot export.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::logs::Severity;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::address::{text_without_secrets, without_secrets};
use super::variables::{Environment, Signal};

/// The exporter, and whether it failed the last time.
#[derive(Debug)]
pub(super) struct Told<E> {
    exporter: E,
    signal: Signal,
    /// What the environment says of where to, without secrets.
    endpoint: Option<String>,
    is_failing: AtomicBool,
}

impl<E> Told<E> {
    pub(super) fn new(exporter: E, signal: Signal, environment: &Environment<'_>) -> Self {
        Self {
            exporter,
            signal,
            endpoint: environment
                .of_exporter(signal, "ENDPOINT")
                .map(|(_, endpoint)| without_secrets(&endpoint)),
            is_failing: AtomicBool::new(false),
        }
    }

    fn note(&self, exported: OTelSdkResult) -> OTelSdkResult {
        let failed = exported.as_ref().err();
        let was_failing = self.is_failing.swap(failed.is_some(), Ordering::Relaxed);
        if let (Some(error), false) = (failed, was_failing) {
            // The SDK may repeat the address, in a form of its own.
            let error = text_without_secrets(&error.to_string());
            tracing::warn!(
                error,
                endpoint = self.endpoint.as_deref(),
                "{} cannot be exported by OTLP; what comes until they can is lost",
                self.signal.name()
            );
        }
        exported
    }
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.note(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Told<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.note(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.exporter.event_enabled(level, target, name)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;
    use crate::observe::log::written::Written;

    #[test]
    fn a_failure_is_told_once_with_where_to_and_without_secrets() {
        let address = "http://user:secret@Collector:4318";
        let find = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| address.to_owned());
        let told = Told::new((), Signal::Traces, &Environment::new(&find));
        assert!(!format!("{told:?}").contains("secret"), "{told:?}");
        let page = Written::default();
        let writer = page.clone();
        let log = tracing_subscriber::fmt().with_ansi(false);
        let log = log.with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(log, || {
            for repeated in [address, "http://user:secret@collector:4318/v1/traces"] {
                for _ in 0..2 {
                    let error = format!("nobody listens at ({repeated}), says the SDK");
                    let failed = told.note(Err(OTelSdkError::InternalFailure(error)));
                    assert!(failed.is_err());
                }
                assert!(told.note(Ok(())).is_ok());
            }
        });
        let said = page.text();
        let endpoint = "endpoint=\"http://Collector:4318\"";
        assert_eq!(said.matches(endpoint).count(), 2, "{said}");
        assert!(said.contains("traces cannot be exported by OTLP"), "{said}");
        assert!(said.contains("(http://collector:4318/v1/traces)"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}
