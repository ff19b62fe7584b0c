//! Which story a request belongs to: `x-correlation-id`, `traceparent`, `tracestate`.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

use super::{CorrelationId, TraceContext};

/// The header with the id that everything with one cause at its root shares.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
/// The header with the place in a trace.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The header with what vendors of tracing add.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The header with what the caller wants to be known by all who take part.
pub const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// What is said of a malformed correlation id.
pub const MALFORMED_ID: &str = "x-correlation-id must be sent once, as 1 to 128 visible ASCII characters without spaces and commas";

/// Where a request stands in the order of cause and effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correlation {
    /// The id that everything with one cause at its root shares.
    pub id: CorrelationId,
    /// The span of the request here: under the caller's, or the first of a new trace.
    pub trace: TraceContext,
}

impl Correlation {
    /// What the headers say; made up where they say nothing.
    ///
    /// A malformed `traceparent` begins a new trace, as the standard asks. A malformed `x-correlation-id` is an error, as its sender could
    /// not find the story again; it comes with the correlation to answer under.
    pub fn of(headers: &HeaderMap) -> Result<Self, Malformed> {
        let trace = trace(headers);
        let mut ids = headers.get_all(CORRELATION_ID).iter();
        match (ids.next(), ids.next()) {
            (None, _) => Ok(Self::of_trace(trace)),
            (Some(id), None) => match id.to_str().ok().and_then(|id| id.parse().ok()) {
                Some(id) => Ok(Self { id, trace }),
                None => Err(Malformed(Self::of_trace(trace))),
            },
            (Some(_), Some(_)) => Err(Malformed(Self::of_trace(trace))),
        }
    }

    /// Of what comes without an id of its own: that of its trace.
    pub(crate) fn of_trace(trace: TraceContext) -> Self {
        Self {
            id: trace.correlation_id(),
            trace,
        }
    }
}

/// A request's correlation id is malformed; this is its correlation without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MALFORMED_ID}")]
pub struct Malformed(pub Correlation);

fn trace(headers: &HeaderMap) -> TraceContext {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = match (parents.next(), parents.next()) {
        (Some(parent), None) => parent.to_str().ok().and_then(TraceContext::parse),
        _ => None,
    };
    let mut trace = match parent {
        Some(parent) => match list(headers, &TRACESTATE) {
            Some(state) => parent.with_state(&state).child(),
            None => parent.child(),
        },
        None => TraceContext::new(),
    };
    // It is a standard of its own: it may come without a trace.
    if let Some(baggage) = list(headers, &BAGGAGE) {
        trace = trace.with_baggage(&baggage);
    }
    trace
}

/// A header that is a list, and may come in several fields.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let fields = headers.get_all(name).iter();
    fields
        .filter_map(|field| field.to_str().ok())
        .map(Cow::Borrowed)
        .reduce(|all, field| Cow::Owned(format!("{all},{field}")))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(headers: &[(&'static str, &str)]) -> Result<Correlation, Malformed> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                )
            })
            .collect();
        Correlation::of(&headers)
    }

    #[test]
    fn it_is_taken_from_the_headers() {
        let correlation = of(&[
            ("x-correlation-id", "order-7"),
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
        ])
        .unwrap();
        assert_eq!(correlation.id, "order-7");
        assert_eq!(
            correlation.trace.trace_id(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_ne!(correlation.trace.span_id(), "00f067aa0ba902b7");
        assert_eq!(correlation.trace.state(), Some("a=1"));
    }

    #[test]
    fn it_is_the_trace_without_an_id_of_its_own() {
        assert_eq!(
            of(&[("traceparent", PARENT)]).unwrap().id,
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        let made = of(&[]).unwrap();
        assert_eq!(made.id, made.trace.correlation_id());
    }

    #[test]
    fn a_malformed_id_is_an_error() {
        for id in ["", "two words", "a,b", "tab\t", "ü", &"x".repeat(129)] {
            let Malformed(correlation) = of(&[("x-correlation-id", id)]).unwrap_err();
            assert_eq!(correlation.id, correlation.trace.correlation_id(), "{id}");
        }
        assert!(of(&[("x-correlation-id", &"x".repeat(128))]).is_ok());
        let mut twice = HeaderMap::new();
        twice.append(CORRELATION_ID, HeaderValue::from_static("a"));
        twice.append(CORRELATION_ID, HeaderValue::from_static("a"));
        assert!(Correlation::of(&twice).is_err());
    }

    #[test]
    fn a_malformed_parent_begins_a_trace() {
        assert_eq!(
            of(&[("traceparent", "nonsense"), ("tracestate", "a=1")])
                .unwrap()
                .trace
                .state(),
            None
        );
    }

    #[test]
    fn several_states_are_one() {
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        headers.append(TRACESTATE, HeaderValue::from_static("a=1"));
        headers.append(TRACESTATE, HeaderValue::from_static("b=2"));
        assert_eq!(
            Correlation::of(&headers).unwrap().trace.state(),
            Some("a=1,b=2")
        );
    }
}
