//! An exporter of the SDK whose failures are said in the log: the first of each time that it cannot export.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::logs::Severity;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::address::without_secrets;
use super::variables::{Environment, Signal};

/// The exporter, and whether it failed the last time.
#[derive(Debug)]
pub(super) struct Told<E> {
    exporter: E,
    signal: Signal,
    /// What the environment says of where to: the SDK repeats it, and it may hold a secret.
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
                .map(|(_, it)| it),
            is_failing: AtomicBool::new(false),
        }
    }

    fn note(&self, exported: OTelSdkResult) -> OTelSdkResult {
        let failed = exported.as_ref().err();
        let was_failing = self.is_failing.swap(failed.is_some(), Ordering::Relaxed);
        if let (Some(error), false) = (failed, was_failing) {
            let error = error.to_string();
            let error = match &self.endpoint {
                Some(endpoint) => error.replace(endpoint, &without_secrets(endpoint)),
                None => error,
            };
            tracing::warn!(
                error,
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
