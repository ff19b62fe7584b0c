//! Where metrics are sent to, and how often: the standard variables.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::observe::telemetry::REQUEST_TIMEOUT;
use crate::observe::telemetry::certificates::{Certificates, CertificatesError};
use crate::observe::telemetry::endpoint::{self, EndpointError};
use crate::observe::telemetry::variables::{
    Protocol, Said, Signal, VariableError, Variables, milliseconds, named,
};

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
    /// What the variables ask for that is not followed, to be told.
    pub ignored: Vec<String>,
}

/// Why metrics cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable says what nobody can follow.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// TLS cannot be spoken with the collector.
    #[error("cannot export metrics by OTLP: {0}")]
    Certificates(#[from] CertificatesError),
    /// No collector can be reached by this address.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

impl Settings {
    pub(super) fn read(variables: Variables<'_>) -> Result<Self, SettingsError> {
        let signal = Signal::Metrics;
        let protocol = signal.protocol(variables)?;
        let compressed = match signal.exporter(variables, "COMPRESSION") {
            None => false,
            Some((_, value)) if is(&value, "none") => false,
            Some((_, value)) if is(&value, "gzip") => true,
            Some(said) => return Err(VariableError::new(said, "write `gzip` or `none`").into()),
        };
        let mut ignored = Vec::new();
        let temporality = match named(variables, TEMPORALITY) {
            None => Temporality::Cumulative,
            Some((_, value)) if is(&value, "cumulative") => Temporality::Cumulative,
            // Of what is counted here nothing is only looked at, which is all that the two differ in.
            Some((_, value)) if is(&value, "delta") || is(&value, "lowmemory") => {
                Temporality::Delta
            }
            Some((variable, value)) => {
                // As the specification asks for what is not known.
                ignored.push(format!(
                    "{variable} is `{value}`, and metrics are exported as `cumulative`; write `cumulative`, `delta` or `lowmemory`"
                ));
                Temporality::Cumulative
            }
        };
        let request = milliseconds(signal.exporter(variables, "TIMEOUT"), REQUEST_TIMEOUT)?;
        let round_timeout = milliseconds(
            named(variables, "OTEL_METRIC_EXPORT_TIMEOUT"),
            EXPORT_TIMEOUT,
        )?;
        let endpoint = endpoint::of(signal, variables, protocol)?;
        Ok(Self {
            protocol,
            headers: headers(signal.exporter(variables, "HEADERS"))?,
            certificates: Certificates::read(variables, signal, &endpoint)?,
            endpoint,
            compressed,
            temporality,
            interval: milliseconds(named(variables, "OTEL_METRIC_EXPORT_INTERVAL"), INTERVAL)?,
            timeout: request.min(round_timeout),
            round_timeout,
            ignored,
        })
    }
}

fn is(value: &str, word: &str) -> bool {
    value.eq_ignore_ascii_case(word)
}

/// Headers, as `name=value,name=value`; values are percent-encoded.
fn headers(found: Option<Said>) -> Result<HeaderMap, VariableError> {
    let Some(found) = found else {
        return Ok(HeaderMap::new());
    };
    let parts = found.1.split(',').map(str::trim);
    let read = parts.filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        Some((
            name.trim().parse::<HeaderName>().ok()?,
            HeaderValue::from_str(&value).ok()?,
        ))
    });
    read.collect::<Option<HeaderMap>>()
        // Not with what it says: such headers hold secrets.
        .ok_or_else(|| {
            VariableError::new((found.0, "…".to_owned()), "write `name=value,name=value`")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::read(&find).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_as_the_specification_has_it() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.protocol, Protocol::Http);
        assert_eq!(settings.endpoint, "http://localhost:4318/v1/metrics");
        assert_eq!(settings.interval, Duration::from_secs(60));
        assert_eq!(settings.timeout, Duration::from_secs(10));
        let grpc = read(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap();
        assert_eq!(grpc.endpoint, "http://localhost:4317");
    }

    #[test]
    fn what_is_said_of_metrics_goes_before_what_is_said_of_all() {
        let settings = read(&[
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
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://own:1/else");
        assert_eq!(read(&[own]).unwrap().endpoint, "http://own:1/else");
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
            assert_eq!(settings.unwrap().endpoint, wanted, "{insecure}");
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
            let settings = asked(value);
            assert_eq!(settings.temporality, temporality);
            assert!(settings.ignored.is_empty(), "{:?}", settings.ignored);
        }
        let settings = asked("else");
        assert_eq!(settings.temporality, Temporality::Cumulative);
        assert!(
            matches!(&settings.ignored[..], [one] if one.contains(TEMPORALITY) && one.contains("else")),
            "{:?}",
            settings.ignored
        );
    }

    #[test]
    fn what_is_sent_may_be_compressed_and_spoken_over_tls() {
        assert!(!read(&[]).unwrap().compressed);
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ]);
        let settings = settings.unwrap();
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
    fn what_cannot_be_followed_is_refused() {
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
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "is not a URL"),
        ] {
            let refused = read(&[(variable, value)]).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
        let secret = read(&[("OTEL_EXPORTER_OTLP_HEADERS", "secret")]).unwrap_err();
        assert!(!secret.contains("secret"), "{secret}");
    }
}
