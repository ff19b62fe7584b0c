//! Where metrics are sent to, and how often: the standard variables.

use std::time::Duration;

use http::HeaderMap;

use crate::observe::telemetry::REQUEST_TIMEOUT;
use crate::observe::telemetry::certificates::{Certificates, CertificatesError};
use crate::observe::telemetry::endpoint::{self, EndpointError};
use crate::observe::telemetry::headers;
use crate::observe::telemetry::variables::{Environment, Protocol, Signal};

/// How often metrics are sent, and how long that may take, unless somebody says otherwise, in milliseconds.
const INTERVAL: u64 = 60_000;
const EXPORT_TIMEOUT: u64 = 30_000;

const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

/// What of a counter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temporality {
    /// All that it has counted.
    Cumulative,
    /// What it has counted since it was sent last.
    Delta,
}

/// Where metrics are sent to, and how often.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub protocol: Protocol,
    pub endpoint: String,
    pub headers: HeaderMap,
    pub certificates: Certificates,
    /// Whether what is sent is compressed, by gzip.
    pub compressed: bool,
    pub temporality: Temporality,
    pub interval: Duration,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long all requests of one time may take.
    pub round_timeout: Duration,
}

/// Why metrics cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// TLS cannot be spoken with the collector.
    #[error("cannot export metrics by OTLP: {0}")]
    Certificates(#[from] CertificatesError),
    /// No collector can be reached by this address.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

impl Settings {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, SettingsError> {
        let signal = Signal::Metrics;
        let protocol = environment.protocol(signal);
        let milliseconds =
            |name, otherwise| environment.milliseconds(environment.named(name), otherwise);
        let request = environment.of_exporter(signal, "TIMEOUT");
        let request = environment.milliseconds(request, REQUEST_TIMEOUT);
        let round_timeout = milliseconds("OTEL_METRIC_EXPORT_TIMEOUT", EXPORT_TIMEOUT);
        let endpoint = endpoint::of(environment, signal, protocol)?;
        Ok(Self {
            protocol,
            headers: headers::of(environment, signal),
            certificates: Certificates::read(environment, signal, &endpoint)?,
            endpoint,
            compressed: environment.compressed(signal),
            temporality: temporality(environment),
            interval: milliseconds("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL),
            timeout: request.min(round_timeout),
            round_timeout,
        })
    }
}

fn temporality(environment: &Environment<'_>) -> Temporality {
    let wanted = "write `cumulative`, `delta` or `lowmemory`";
    let read = environment.read(environment.named(TEMPORALITY), wanted, |value| {
        match value.to_ascii_lowercase().as_str() {
            "cumulative" => Some(Temporality::Cumulative),
            // Of what is counted here nothing is only looked at, which is all that the two differ in.
            "delta" | "lowmemory" => Some(Temporality::Delta),
            _ => None,
        }
    });
    read.unwrap_or(Temporality::Cumulative)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings, and what of the variables is not followed.
    fn read(variables: &[(&str, &str)]) -> Result<(Settings, Vec<String>), String> {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found
                .map(|(_, value)| (*value).to_owned())
                .filter(|value| !value.is_empty())
        };
        let environment = Environment::new(&find);
        let settings = Settings::read(&environment).map_err(|error| error.to_string())?;
        Ok((settings, environment.ignored()))
    }

    #[test]
    fn what_is_not_said_is_as_the_specification_has_it() {
        let (settings, _) = read(&[]).unwrap();
        assert_eq!(settings.protocol, Protocol::Http);
        assert_eq!(settings.endpoint, "http://localhost:4318/v1/metrics");
        assert_eq!(settings.interval, Duration::from_secs(60));
        assert_eq!(settings.timeout, Duration::from_secs(10));
        let (grpc, _) = read(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap();
        assert_eq!(grpc.endpoint, "http://localhost:4317");
    }

    #[test]
    fn what_is_said_of_metrics_goes_before_what_is_said_of_all() {
        let (settings, ignored) = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x=1"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
            ("OTEL_METRIC_EXPORT_TIMEOUT", "400"),
        ])
        .unwrap();
        assert_eq!(settings.protocol, Protocol::Http);
        assert_eq!(settings.endpoint, "http://all:4318/v1/metrics");
        assert_eq!(settings.headers["api-key"], "a b");
        assert_eq!(settings.headers["x"], "1");
        assert_eq!(settings.interval, Duration::from_millis(500));
        assert_eq!(settings.timeout, Duration::from_millis(400));
        assert!(ignored.is_empty(), "{ignored:?}");
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://own:1/else");
        assert_eq!(read(&[own]).unwrap().0.endpoint, "http://own:1/else");
    }

    #[test]
    fn what_is_to_be_spoken_over_tls_does_not_go_out_in_the_clear() {
        for (endpoint, insecure, wanted) in [
            ("https://collector:4317", "true", "https://collector:4317"),
            ("https://collector:4317", "false", "https://collector:4317"),
            ("http://collector:4317", "false", "http://collector:4317"),
            ("collector:4317", "true", "http://collector:4317"),
            ("collector:4317", "false", "https://collector:4317"),
            ("collector:4317", "", "https://collector:4317"),
        ] {
            let settings = read(&[
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
                ("OTEL_EXPORTER_OTLP_INSECURE", insecure),
            ]);
            assert_eq!(settings.unwrap().0.endpoint, wanted, "{insecure}");
        }
    }

    #[test]
    fn a_temporality_is_followed_and_one_that_there_is_not_is_told() {
        let asked = |value| read(&[(TEMPORALITY, value)]).unwrap();
        for (value, temporality) in [
            ("Cumulative", Temporality::Cumulative),
            ("delta", Temporality::Delta),
            ("LowMemory", Temporality::Delta),
        ] {
            let (settings, ignored) = asked(value);
            assert_eq!(settings.temporality, temporality);
            assert!(ignored.is_empty(), "{ignored:?}");
        }
        let (settings, ignored) = asked("else");
        assert_eq!(settings.temporality, Temporality::Cumulative);
        assert!(
            matches!(&ignored[..], [one] if one.contains(TEMPORALITY) && one.contains("else")),
            "{ignored:?}"
        );
    }

    #[test]
    fn what_is_sent_may_be_compressed_and_spoken_over_tls() {
        assert!(!read(&[]).unwrap().0.compressed);
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ]);
        let (settings, _) = settings.unwrap();
        assert!(settings.compressed);
        assert_eq!(settings.endpoint, "https://collector:4318/v1/metrics");
    }

    #[test]
    fn what_is_told_of_an_endpoint_holds_no_secret() {
        for endpoint in [
            "ftp://user:secret@collector:4318",
            "collector:4318?key=secret",
            "http://user:secret@[collector",
        ] {
            let refused = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]).unwrap_err();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_told_and_what_goes_nowhere_is_refused() {
        let (usual, _) = read(&[]).unwrap();
        for (variable, value, said) in [
            (
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                "http/json",
                "write `http/protobuf` or `grpc`",
            ),
            (
                "OTEL_EXPORTER_OTLP_COMPRESSION",
                "zstd",
                "write `gzip` or `none`",
            ),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1m", "write milliseconds"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "0", "write milliseconds"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret", "is no header"),
        ] {
            let (settings, ignored) = read(&[(variable, value)]).unwrap();
            assert_eq!(settings, usual, "{variable}");
            assert!(
                matches!(&ignored[..], [one] if one.starts_with(variable) && one.contains(said)),
                "{ignored:?}"
            );
        }
        let refused = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")]);
        assert!(refused.unwrap_err().contains("is not a URL"));
    }
}
