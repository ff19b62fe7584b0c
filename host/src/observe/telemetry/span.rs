//! Spans: what took how long, and what came of it.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{KeyValue, StringValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks, SpanProcessor};

pub use opentelemetry::Value;

use super::{Tracer, tracer};
use crate::core::TraceContext;

/// A span that has ended, on its way to be exported.
#[must_use = "it is exported by `end`"]
pub struct Span<'a> {
    tracer: &'static Tracer,
    trace: &'a TraceContext,
    name: Cow<'static, str>,
    kind: SpanKind,
    attributes: Vec<KeyValue>,
    links: Vec<Link>,
}

/// How a span ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As it should.
    Well,
    /// With an error, which is exported also when its trace is not recorded.
    Failed(String),
}

impl<'a> Span<'a> {
    /// A request that was answered, a call that was taken, at a place in a trace. None while nothing is exported: then nothing is to be said of it.
    pub fn server(
        trace: &'a TraceContext,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Option<Self> {
        Self::of_kind(SpanKind::Server, trace, name)
    }

    /// A call that was made.
    pub fn client(
        trace: &'a TraceContext,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Option<Self> {
        Self::of_kind(SpanKind::Client, trace, name)
    }

    /// An event that was handled.
    pub fn consumer(
        trace: &'a TraceContext,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Option<Self> {
        Self::of_kind(SpanKind::Consumer, trace, name)
    }

    /// Anything within the host.
    pub fn internal(
        trace: &'a TraceContext,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Option<Self> {
        Self::of_kind(SpanKind::Internal, trace, name)
    }

    fn of_kind(
        kind: SpanKind,
        trace: &'a TraceContext,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Option<Self> {
        let tracer = tracer()?;
        Some(Self {
            tracer,
            trace,
            name: name(),
            kind,
            attributes: Vec::new(),
            links: Vec::new(),
        })
    }

    /// Something that is known of it.
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(key, value));
        self
    }

    /// Something that is known of it in one word of a few.
    pub fn with_text(self, key: &'static str, value: &str) -> Self {
        self.with(key, StringValue::from(value.to_owned()))
    }

    /// What is above it is also what it came from: a message is handled when its sender has long ended.
    pub fn with_link_to_parent(mut self) -> Self {
        let parent = SpanId::from_bytes(self.trace.parent_id_bytes());
        if parent != SpanId::INVALID {
            let flags = TraceFlags::NOT_SAMPLED.with_sampled(self.trace.sampled());
            let place = place(self.trace, parent, flags);
            self.links.push(Link::with_context(place));
        }
        self
    }

    /// It ended just now, after so long.
    pub fn end(self, took: Duration, ended: Ended) {
        self.end_ago(Duration::ZERO, took, ended);
    }

    /// It ended so long ago, after it had taken so long.
    pub fn end_ago(self, ago: Duration, took: Duration, ended: Ended) {
        let sampled = self.trace.sampled();
        let status = match ended {
            Ended::Well if !sampled => return,
            Ended::Well => Status::Unset,
            Ended::Failed(reason) => Status::error(reason),
        };
        let now = SystemTime::now();
        let end_time = now.checked_sub(ago).unwrap_or(now);
        let mut links = SpanLinks::default();
        links.links = self.links;
        self.tracer.processor.on_end(SpanData {
            span_context: place(
                self.trace,
                SpanId::from_bytes(self.trace.span_id_bytes()),
                TraceFlags::SAMPLED,
            ),
            parent_span_id: SpanId::from_bytes(self.trace.parent_id_bytes()),
            parent_span_is_remote: self.kind == SpanKind::Server && self.trace.is_continued(),
            span_kind: self.kind,
            name: self.name,
            start_time: end_time.checked_sub(took).unwrap_or(end_time),
            end_time,
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status,
            instrumentation_scope: self.tracer.scope.clone(),
        });
    }
}

fn place(trace: &TraceContext, span: SpanId, flags: TraceFlags) -> SpanContext {
    let state = trace
        .state()
        .and_then(|state| state.parse::<TraceState>().ok());
    SpanContext::new(
        TraceId::from_bytes(trace.trace_id_bytes()),
        span,
        flags,
        false,
        state.unwrap_or_default(),
    )
}
