//! What sends spans and lines of the log to a collector: the SDK's exporters.

use std::time::Duration;

use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, Protocol as SdkProtocol, SpanExporter, WithExportConfig,
    WithHttpConfig, WithTonicConfig,
};
use tonic::transport::ClientTlsConfig;

use super::address::without_secrets;
use super::certificates::Certificates;
use super::variables::{Environment, Protocol, Signal};
use super::{
    ENDPOINT, LOGS_ENDPOINT, REQUEST_TIMEOUT, TRACES_ENDPOINT, TelemetryError, endpoint, headers,
};

/// How a collector is reached, with what the SDK does not read itself.
enum Transport {
    Http(reqwest::blocking::Client),
    Grpc(ClientTlsConfig, Duration),
}

impl Transport {
    fn of(environment: &Environment<'_>, signal: Signal) -> Result<Self, TelemetryError> {
        let unusable = |source| TelemetryError::Certificates {
            signal: signal.name(),
            source: Box::new(source),
        };
        let protocol = environment.protocol(signal);
        // The SDK takes an address for one that it cannot send anything to.
        let endpoint = endpoint::of(environment, signal, protocol)?;
        let certificates = Certificates::read(environment, signal, &endpoint).map_err(unusable)?;
        // Both are read by the SDK, which does not tell what it leaves out.
        let _ = headers::of(environment, signal);
        let _ = environment.compressed(signal);
        let timeout = environment.of_exporter(signal, "TIMEOUT");
        let timeout = environment.milliseconds(timeout, REQUEST_TIMEOUT);
        match protocol {
            Protocol::Http => {
                let client = certificates.blocking_http(timeout).map_err(unusable)?;
                Ok(Self::Http(client))
            }
            Protocol::Grpc => {
                let tls = certificates.grpc().map_err(unusable)?;
                Ok(Self::Grpc(tls, timeout))
            }
        }
    }
}

/// What sends spans.
pub(super) fn of_spans(environment: &Environment<'_>) -> Result<SpanExporter, TelemetryError> {
    let exporter = SpanExporter::builder();
    let built = match Transport::of(environment, Signal::Traces)? {
        Transport::Http(client) => {
            let exporter = exporter.with_http().with_protocol(SdkProtocol::HttpBinary);
            exporter.with_http_client(client).build()
        }
        Transport::Grpc(tls, timeout) => {
            let exporter = exporter.with_tonic().with_tls_config(tls);
            exporter.with_timeout(timeout).build()
        }
    };
    built.map_err(|error| unusable("traces", &error, environment))
}

/// What sends lines of the log.
pub(super) fn of_logs(environment: &Environment<'_>) -> Result<LogExporter, TelemetryError> {
    let exporter = LogExporter::builder();
    let built = match Transport::of(environment, Signal::Logs)? {
        Transport::Http(client) => {
            let exporter = exporter.with_http().with_protocol(SdkProtocol::HttpBinary);
            exporter.with_http_client(client).build()
        }
        Transport::Grpc(tls, timeout) => {
            let exporter = exporter.with_tonic().with_tls_config(tls);
            exporter.with_timeout(timeout).build()
        }
    };
    built.map_err(|error| unusable("logs", &error, environment))
}

/// The SDK repeats the endpoint, which may hold a secret.
fn unusable(
    signal: &'static str,
    error: &ExporterBuildError,
    environment: &Environment<'_>,
) -> TelemetryError {
    let endpoints = [TRACES_ENDPOINT, LOGS_ENDPOINT, ENDPOINT];
    let endpoints = endpoints.into_iter();
    let endpoints = endpoints.filter_map(|name| environment.value(name));
    let reason = endpoints.fold(error.to_string(), |reason, endpoint| {
        reason.replace(&endpoint, &without_secrets(&endpoint))
    });
    TelemetryError::Exporter { signal, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_the_sdk_refuses_is_told_without_secrets() {
        let endpoint = "http://user:secret@[collector";
        let error = ExporterBuildError::InvalidConfiguration(format!(
            "OTEL_EXPORTER_OTLP_ENDPOINT: invalid endpoint '{endpoint}/v1/traces'"
        ));
        let find = |name: &str| (name == ENDPOINT).then(|| endpoint.to_owned());
        let told = unusable("traces", &error, &Environment::new(&find)).to_string();
        assert!(
            !told.contains("secret") && told.contains("[collector"),
            "{told}"
        );
    }
}
