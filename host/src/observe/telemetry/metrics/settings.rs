//! Where metrics are sent to, and how often: the standard variables.

use std::fmt::Display;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::observe::telemetry::Variables;
use crate::observe::telemetry::address::without_secrets;

/// How often metrics are sent, and how long that may take, unless somebody says otherwise, in milliseconds.
const INTERVAL: u64 = 60_000;
const EXPORT_TIMEOUT: u64 = 30_000;
const REQUEST_TIMEOUT: u64 = 10_000;

/// What is spoken with a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Grpc,
}

/// Where metrics are sent to, and how often.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub protocol: Protocol,
    pub endpoint: String,
    pub headers: HeaderMap,
    pub interval: Duration,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long all requests of one time may take.
    pub round_timeout: Duration,
    /// What the variables ask for that is not followed, to be told.
    pub ignored: Vec<String>,
}

/// Why metrics cannot be exported.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable says what nobody can follow.
    #[error("{variable} is `{value}`; {wanted}")]
    Variable {
        /// The variable.
        variable: String,
        /// What it says.
        value: String,
        /// What it may say.
        wanted: &'static str,
    },
    /// No collector can be reached by this address.
    #[error(
        "cannot export metrics by OTLP to `{endpoint}`: {reason}; correct OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, or set OTEL_METRICS_EXPORTER=none"
    )]
    Endpoint {
        /// The address, without secrets.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// The client could not be made.
    #[error("cannot export metrics by OTLP: {0}")]
    Client(String),
}

impl SettingsError {
    pub(super) fn unusable(endpoint: &str, reason: impl Display) -> Self {
        Self::Endpoint {
            endpoint: without_secrets(endpoint),
            reason: reason.to_string(),
        }
    }
}

impl Settings {
    pub(super) fn read(variables: Variables<'_>) -> Result<Self, SettingsError> {
        let protocol = match exporter(variables, "PROTOCOL") {
            None => Protocol::Http,
            Some((_, value)) if value == "http/protobuf" => Protocol::Http,
            Some((_, value)) if value == "grpc" => Protocol::Grpc,
            Some(found) => return Err(refused(found, "write `http/protobuf` or `grpc`")),
        };
        if let Some(found) = exporter(variables, "COMPRESSION").filter(|(_, value)| value != "none")
        {
            return Err(refused(found, "metrics are sent as they are: write `none`"));
        }
        let preference = named(
            variables,
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        );
        let preference = preference.filter(|(_, value)| !is(value, "cumulative"));
        // As the specification asks for what is not supported.
        let ignored = preference.map(|(variable, value)| {
            format!("{variable} is `{value}`, but metrics are exported as `cumulative`; a collector can make deltas of them")
        });
        let request = milliseconds(exporter(variables, "TIMEOUT"), REQUEST_TIMEOUT)?;
        let round_timeout = milliseconds(
            named(variables, "OTEL_METRIC_EXPORT_TIMEOUT"),
            EXPORT_TIMEOUT,
        )?;
        Ok(Self {
            protocol,
            endpoint: endpoint(variables, protocol)?,
            headers: headers(exporter(variables, "HEADERS"))?,
            interval: milliseconds(named(variables, "OTEL_METRIC_EXPORT_INTERVAL"), INTERVAL)?,
            timeout: request.min(round_timeout),
            round_timeout,
            ignored: ignored.into_iter().collect(),
        })
    }
}

fn is(value: &str, word: &str) -> bool {
    value.eq_ignore_ascii_case(word)
}

/// A variable, by its name.
fn named(variables: Variables<'_>, name: &str) -> Option<(String, String)> {
    variables(name).map(|value| (name.to_owned(), value))
}

/// What is said of the exporter of metrics, or else of all exporters.
fn exporter(variables: Variables<'_>, what: &str) -> Option<(String, String)> {
    let own = format!("OTEL_EXPORTER_OTLP_METRICS_{what}");
    named(variables, &own).or_else(|| named(variables, &format!("OTEL_EXPORTER_OTLP_{what}")))
}

fn refused((variable, value): (String, String), wanted: &'static str) -> SettingsError {
    SettingsError::Variable {
        variable,
        value,
        wanted,
    }
}

fn milliseconds(
    found: Option<(String, String)>,
    otherwise: u64,
) -> Result<Duration, SettingsError> {
    let Some(found) = found else {
        return Ok(Duration::from_millis(otherwise));
    };
    match found.1.trim().parse::<u32>() {
        Ok(number) if number > 0 => Ok(Duration::from_millis(number.into())),
        _ => Err(refused(found, "write milliseconds, for example 60000")),
    }
}

fn endpoint(variables: Variables<'_>, protocol: Protocol) -> Result<String, SettingsError> {
    let own = variables("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
    let shared = variables("OTEL_EXPORTER_OTLP_ENDPOINT");
    let endpoint = match (protocol, own, shared) {
        (_, Some(own), _) => own,
        (Protocol::Grpc, None, shared) => shared.unwrap_or("http://localhost:4317".to_owned()),
        (Protocol::Http, None, shared) => {
            let base = shared.unwrap_or("http://localhost:4318".to_owned());
            format!("{}/v1/metrics", base.trim_end_matches('/'))
        }
    };
    let is_insecure = exporter(variables, "INSECURE").is_some_and(|(_, value)| is(&value, "true"));
    // Only where the endpoint does not say itself: what is to be spoken over TLS must not go out in the clear.
    let endpoint = match (protocol, endpoint.contains("://")) {
        (Protocol::Grpc, false) if is_insecure => format!("http://{endpoint}"),
        (Protocol::Grpc, false) => format!("https://{endpoint}"),
        _ => endpoint,
    };
    let uri = endpoint.parse::<http::Uri>().ok();
    match (protocol, uri.as_ref().and_then(http::Uri::scheme_str)) {
        (_, Some("http")) | (Protocol::Grpc, Some("https")) => Ok(endpoint),
        (Protocol::Http, Some("https")) => Err(SettingsError::unusable(
            &endpoint,
            "TLS is spoken over gRPC only (OTEL_EXPORTER_OTLP_PROTOCOL=grpc)",
        )),
        _ => Err(SettingsError::unusable(
            &endpoint,
            "it is not a URL such as http://collector:4318",
        )),
    }
}

/// Headers, as `name=value,name=value`; values are percent-encoded.
fn headers(found: Option<(String, String)>) -> Result<HeaderMap, SettingsError> {
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
        .ok_or_else(|| refused((found.0, "…".to_owned()), "write `name=value,name=value`"))
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
    fn a_temporality_that_there_is_not_is_told_and_not_followed() {
        let variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        for value in ["delta", "LowMemory", "else"] {
            let ignored = read(&[(variable, value)]).unwrap().ignored;
            assert!(
                matches!(&ignored[..], [one] if one.contains(variable) && one.contains(value)),
                "{ignored:?}"
            );
        }
        assert!(
            read(&[(variable, "Cumulative")])
                .unwrap()
                .ignored
                .is_empty()
        );
    }

    #[test]
    fn what_is_told_of_an_endpoint_holds_no_secret() {
        for endpoint in [
            "ftp://user:secret@collector:4318",
            "https://collector:4318?key=secret",
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
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "write `none`"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1m", "write milliseconds"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "0", "write milliseconds"),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "https://collector:4318",
                "over gRPC only",
            ),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "is not a URL"),
        ] {
            let refused = read(&[(variable, value)]).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
        let secret = read(&[("OTEL_EXPORTER_OTLP_HEADERS", "secret")]).unwrap_err();
        assert!(!secret.contains("secret"), "{secret}");
    }
}
