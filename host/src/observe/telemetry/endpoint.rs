//! Where a signal's collector is.

use std::fmt::Display;

use super::address::without_secrets;
use super::variables::{Environment, Protocol, Signal};

/// No collector can be reached by an address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot export {signal} by OTLP to `{endpoint}`: {reason}; correct OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_{variable}_ENDPOINT, or set OTEL_{variable}_EXPORTER=none"
)]
pub struct EndpointError {
    signal: &'static str,
    /// What the signal is called in the names of variables.
    variable: String,
    /// The address, without secrets.
    endpoint: String,
    /// Why not.
    reason: String,
}

impl EndpointError {
    pub(super) fn new(signal: Signal, endpoint: &str, reason: impl Display) -> Self {
        Self {
            signal: signal.name(),
            variable: signal.name().to_uppercase(),
            endpoint: without_secrets(endpoint),
            reason: reason.to_string(),
        }
    }
}

/// The address of a signal's collector, as a URL.
///
/// # Errors
///
/// When it is none that a collector can be reached by.
pub(super) fn of(
    environment: &Environment<'_>,
    signal: Signal,
    protocol: Protocol,
) -> Result<String, EndpointError> {
    let own = format!(
        "OTEL_EXPORTER_OTLP_{}_ENDPOINT",
        signal.name().to_uppercase()
    );
    let own = environment.value(&own);
    let shared = environment.value("OTEL_EXPORTER_OTLP_ENDPOINT");
    let endpoint = match (protocol, own, shared) {
        (_, Some(own), _) => own,
        (Protocol::Grpc, None, shared) => shared.unwrap_or("http://localhost:4317".to_owned()),
        (Protocol::Http, None, shared) => {
            let base = shared.unwrap_or("http://localhost:4318".to_owned());
            format!("{}/v1/{}", base.trim_end_matches('/'), signal.name())
        }
    };
    let is_insecure = environment.is_true(environment.of_exporter(signal, "INSECURE"));
    // Only where the endpoint does not say itself: what is to be spoken over TLS must not go out in the clear.
    let endpoint = match (protocol, endpoint.contains("://")) {
        (Protocol::Grpc, false) if is_insecure => format!("http://{endpoint}"),
        (Protocol::Grpc, false) => format!("https://{endpoint}"),
        _ => endpoint,
    };
    let uri = endpoint.parse::<http::Uri>().ok();
    match uri.as_ref().and_then(http::Uri::scheme_str) {
        Some("http" | "https") => Ok(endpoint),
        _ => Err(EndpointError::new(
            signal,
            &endpoint,
            "it is not a URL such as http://collector:4318",
        )),
    }
}
