//! What is measured and traced of a request to the outside: how long it took, and what came of it. Nothing of what it says, nor of where it goes at its origin.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use metrics::{Histogram, Label, histogram};
use tokio::time::Instant;

use super::Envelope;
use crate::core::{ContextName, CorrelationId, TraceContext};
use crate::guest::OutboundError;
use crate::manifest::{AllowedOrigin, OriginHost};
use crate::observe::metrics::{OUTBOUND_REQUEST_DURATION, STATUS_CLASSES, record, status_class};
use crate::observe::telemetry::{Ended, Span};

/// The methods that OpenTelemetry knows. Others are whatever a guest calls them.
const KNOWN_METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// What is known of a request before there is an answer.
#[derive(Clone)]
pub(super) struct Observation {
    context: ContextName,
    /// None where it is for nobody that the context may ask.
    origin: Option<AllowedOrigin>,
    method: Method,
    trace: TraceContext,
    correlation_id: CorrelationId,
}

/// How it ended.
enum End<'a> {
    Answered(StatusCode),
    Failed(&'a OutboundError),
    /// Nobody waits for it any longer.
    Cancelled,
}

/// A request that was sent, until it has ended.
struct UnderWay {
    observation: Observation,
    began: Instant,
    is_answered: bool,
}

impl Observation {
    /// Of a request of a context, of which it is not known yet whether it may be made.
    pub(super) fn new(context: &ContextName, method: &Method, envelope: &Envelope) -> Self {
        Self {
            context: context.clone(),
            origin: None,
            method: method.clone(),
            trace: envelope.trace.clone(),
            correlation_id: envelope.correlation_id.clone(),
        }
    }

    /// It is for somebody that the context may ask.
    pub(super) fn to(self, origin: &AllowedOrigin) -> Self {
        Self {
            origin: Some(origin.clone()),
            ..self
        }
    }

    /// It is not sent.
    pub(super) fn refused(&self, error: &OutboundError) {
        self.end(&End::Failed(error), Duration::ZERO);
    }

    /// It is sent, and has its answer when that is there.
    pub(super) async fn over(
        self,
        sending: impl Future<Output = Result<Response<Bytes>, OutboundError>>,
    ) -> Result<Response<Bytes>, OutboundError> {
        let mut under_way = UnderWay {
            observation: self,
            began: Instant::now(),
            is_answered: false,
        };
        let answered = sending.await;
        under_way.is_answered = true;
        let end = match &answered {
            Ok(response) => End::Answered(response.status()),
            Err(error) => End::Failed(error),
        };
        under_way.observation.end(&end, under_way.began.elapsed());
        answered
    }

    fn end(&self, end: &End<'_>, took: Duration) {
        let duration = duration(&self.context, self.origin.as_ref(), end.outcome());
        record(&duration, took, &self.trace);
        self.trace(end, took);
    }

    /// By OpenTelemetry's semantic conventions for HTTP clients, but for `url.full`: a path may hold a secret.
    fn trace(&self, end: &End<'_>, took: Duration) {
        let (name, method) = match KNOWN_METHODS.contains(&self.method) {
            true => (self.method.as_str(), self.method.as_str()),
            false => ("HTTP", "_OTHER"),
        };
        let Some(span) = Span::client(&self.trace, || name.to_owned().into()) else {
            return;
        };
        let mut span = span
            .with_text("http.request.method", method)
            .with_text("innkeeper.context", &self.context)
            .with_text("innkeeper.correlation_id", &self.correlation_id);
        if let Some(origin) = &self.origin {
            let host = match &origin.host {
                OriginHost::Name(name) => name.clone(),
                OriginHost::Address(address) => address.to_string(),
            };
            span = span
                .with_text("server.address", &host)
                .with("server.port", i64::from(origin.port))
                .with("url.scheme", if origin.tls { "https" } else { "http" });
        }
        match end {
            End::Answered(status) => {
                let code = i64::from(status.as_u16());
                let span = span.with("http.response.status_code", code);
                match status.is_client_error() || status.is_server_error() {
                    true => span
                        .with_text("error.type", status.as_str())
                        .end(took, Ended::Failed(String::new())),
                    false => span.end(took, Ended::Well),
                }
            }
            End::Failed(error) => span
                .with("error.type", error.name())
                .end(took, Ended::Failed(error.to_string())),
            End::Cancelled => {
                let reason = "nobody waits for its answer any longer".to_owned();
                span.with("error.type", end.outcome())
                    .end(took, Ended::Failed(reason));
            }
        }
    }
}

/// A request of a context came to nothing before it was known for whom it is.
pub(super) fn unaddressed(context: &ContextName, error: &OutboundError) {
    duration(context, None, error.name()).record(Duration::ZERO);
}

fn duration(
    context: &ContextName,
    origin: Option<&AllowedOrigin>,
    outcome: &'static str,
) -> Histogram {
    let mut labels = vec![Label::new("context", context)];
    if let Some(origin) = origin {
        labels.push(Label::new("origin", origin.to_string()));
    }
    labels.push(Label::new("outcome", outcome));
    histogram!(OUTBOUND_REQUEST_DURATION, labels)
}

impl End<'_> {
    /// In a word of a few.
    fn outcome(&self) -> &'static str {
        match self {
            Self::Answered(status) => STATUS_CLASSES[status_class(*status)],
            Self::Failed(error) => error.name(),
            Self::Cancelled => "cancelled",
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.is_answered {
            self.observation.end(&End::Cancelled, self.began.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::observe::metrics::{Metrics, TextFormat};

    #[tokio::test]
    async fn what_nobody_waits_for_any_longer_is_counted_too() {
        let metrics = Metrics::install().unwrap();
        let observation = Observation {
            context: "impatient".into(),
            origin: Some("http://localhost:9000".parse().unwrap()),
            method: Method::GET,
            trace: TraceContext::new(),
            correlation_id: "a-story".parse().unwrap(),
        };
        let mut sending = Box::pin(observation.over(pending()));
        assert!(futures::poll!(&mut sending).is_pending());
        let counted = "innkeeper_outbound_request_duration_seconds_count{context=\"impatient\",origin=\"http://localhost:9000\",outcome=\"cancelled\"} 1";
        let is_counted = || metrics.text(TextFormat::Prometheus).contains(counted);
        assert!(!is_counted());
        drop(sending);
        assert!(is_counted());
    }
}
