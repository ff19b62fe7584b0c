//! The span of a request, by OpenTelemetry's semantic conventions for HTTP servers.

use std::net::IpAddr;
use std::time::Duration;

use http::{Method, Request, StatusCode, Version};

use crate::core::Correlation;
use crate::observe::telemetry::{self, Ended, Span};

/// What a span says of a request; noted before the request is used up.
pub(super) struct TracedRequest {
    method: Method,
    path: String,
    version: Version,
    client: IpAddr,
}

impl TracedRequest {
    /// None while nothing is exported.
    pub(super) fn begin<B>(request: &Request<B>, client: IpAddr) -> Option<Self> {
        telemetry::is_on().then(|| Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            version: request.version(),
            client,
        })
    }

    /// It was answered. `route` is the pattern that it was found to be for.
    pub(super) fn end(
        self,
        correlation: &Correlation,
        route: Option<&str>,
        status: StatusCode,
        took: Duration,
    ) {
        let method = self.method.as_str();
        // Not the path: there may be as many as clients can think of.
        let name = || match route {
            Some(route) => format!("{method} {route}").into(),
            None => method.to_owned().into(),
        };
        let Some(span) = Span::server(&correlation.trace, name) else {
            return;
        };
        let span = span
            .with_text("http.request.method", method)
            .with_text("url.path", &self.path)
            .with("http.response.status_code", i64::from(status.as_u16()))
            .with_text("network.peer.address", &self.client.to_string())
            .with("network.protocol.version", protocol_version(self.version))
            .with_text("innkeeper.correlation_id", &correlation.id);
        let span = match route {
            Some(route) => span.with_text("http.route", route),
            None => span,
        };
        // What a client did wrong is no error of the server.
        let ended = match status.is_server_error() {
            true => Ended::Failed(String::new()),
            false => Ended::Well,
        };
        span.end(took, ended);
    }
}

/// The version of HTTP, as OpenTelemetry writes it.
pub(super) fn protocol_version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
