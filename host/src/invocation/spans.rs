//! The spans of an invocation: the invocation itself, its attempts, its commit, the calls it makes. Nothing is made while no traces are exported.

use std::borrow::Cow;
use std::time::Duration;

use super::attempts::Done;
use super::call::{Answered, Request};
use super::definition::Invocation;
use super::entry::Answer;
use super::failure::Failure;
use crate::core::{ContextName, CorrelationId, TraceContext};
use crate::guest::value;
use crate::journal::{Cause, CommitError, Committed, Flush};
use crate::observe::telemetry::{Ended, Span};

/// An invocation has ended.
pub(super) fn invocation<A: Answer>(
    invocation: &Invocation,
    result: &Result<Done<A>, Failure>,
    took: Duration,
) {
    let Some(span) = begin(invocation) else {
        return;
    };
    let span = identify(span, invocation);
    let span = match result {
        Ok(done) => {
            let span = span
                .with_text("innkeeper.version", &done.version.digest.to_string())
                .with("innkeeper.replayed", done.replayed);
            match done.position {
                Some(position) => span.with("innkeeper.commit", position.cast_signed()),
                None => span,
            }
        }
        Err(failure) => span.with_text("error.type", failure_type(failure)),
    };
    span.end(took, ended(result));
}

fn begin(invocation: &Invocation) -> Option<Span<'_>> {
    let trace = &invocation.trace;
    let context = &invocation.context.name;
    Some(match &invocation.cause {
        Cause::Web { method, route } => {
            Span::internal(trace, || format!("{context} {method} {route}").into())?
                .with_text("http.request.method", method)
                .with_text("http.route", route)
        }
        Cause::Call { function } => {
            let (service, method) = function.split_once('#').unwrap_or((function, ""));
            Span::server(trace, || function.clone().into())?
                .with("rpc.system", "innkeeper")
                .with_text("rpc.service", service)
                .with_text("rpc.method", method)
        }
        Cause::Event { source, kind, id } => {
            Span::consumer(trace, || format!("process {kind}").into())?
                .with("messaging.system", "innkeeper")
                .with("messaging.operation.type", "process")
                .with_text("messaging.destination.name", source)
                .with_text("messaging.message.id", id)
                .with_link_to_parent()
        }
        Cause::Timer { .. } => Span::internal(trace, || "timer".into())?,
        Cause::Host { purpose } => Span::internal(trace, || purpose.clone().into())?,
    })
}

/// What every span of an invocation says of it.
fn identify<'a>(span: Span<'a>, invocation: &Invocation) -> Span<'a> {
    span.with_text("innkeeper.context", &invocation.context.name)
        .with_text("innkeeper.invocation.id", &invocation.id)
        .with_text("innkeeper.correlation_id", &invocation.correlation_id)
}

/// An attempt has ended that was not the first, or did not come to anything. One that does at the first go is its invocation.
pub(super) fn attempt(invocation: &Invocation, number: u32, outcome: &'static str, took: Duration) {
    if number == 1 && outcome == "done" {
        return;
    }
    within(invocation, &invocation.trace, "attempt", |span, _| {
        let span = span
            .with("innkeeper.attempt", i64::from(number))
            .with("innkeeper.outcome", outcome);
        span.end(took, Ended::Well);
    });
}

/// A commit was answered: it is in the journal, and on disk where its context asks for that.
pub(super) fn commit(
    invocation: &Invocation,
    events: usize,
    committed: Result<&Committed, &CommitError>,
    took: Duration,
) {
    within(invocation, &invocation.trace, "commit", |span, trace| {
        let (outcome, ended) = match committed {
            Ok(_) => ("committed", Ended::Well),
            // It is run again: that is how it is meant.
            Err(CommitError::Conflict { .. }) => ("conflict", Ended::Well),
            Err(error) => ("failed", Ended::Failed(error.to_string())),
        };
        span.with("innkeeper.events", count(events))
            .with("innkeeper.outcome", outcome)
            .end(took, ended);
        if let Ok(Committed {
            flush: Some(flush), ..
        }) = committed
        {
            self::flush(invocation, trace, flush);
        }
    });
}

/// What a commit has waited for on the disk. One flush is that of many commits, so each of their traces has a span of it.
fn flush(invocation: &Invocation, commit: &TraceContext, flush: &Flush) {
    within(invocation, commit, "flush", |span, _| {
        let ago = flush.began.elapsed().saturating_sub(flush.took);
        span.with("innkeeper.commits", count(flush.commits))
            .end_ago(ago, flush.took, Ended::Well);
    });
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A span of an invocation, below another of its spans.
fn within(
    invocation: &Invocation,
    above: &TraceContext,
    name: &'static str,
    end: impl FnOnce(Span<'_>, &TraceContext),
) {
    if !crate::observe::telemetry::is_on() {
        return;
    }
    let trace = above.child();
    if let Some(span) = Span::internal(&trace, || Cow::Borrowed(name)) {
        end(identify(span, invocation), &trace);
    }
}

/// A call that is about to be made.
pub(super) struct Call {
    trace: TraceContext,
    correlation_id: CorrelationId,
    operation: String,
    callee: ContextName,
}

impl Call {
    /// Of a request; what it leads to is below it. None while nothing is exported.
    pub(super) fn begin(request: &mut Request, callee: &ContextName) -> Option<Self> {
        if !crate::observe::telemetry::is_on() {
            return None;
        }
        request.trace = request.trace.child();
        Some(Self {
            trace: request.trace.clone(),
            correlation_id: request.correlation_id.clone(),
            operation: request.operation.name(),
            callee: callee.to_owned(),
        })
    }

    /// It was answered, or not.
    pub(super) fn end(self, answered: &Result<Answered, Failure>, took: Duration) {
        let (service, method) = self
            .operation
            .split_once('#')
            .unwrap_or((&self.operation, ""));
        let Some(span) = Span::client(&self.trace, || self.operation.clone().into()) else {
            return;
        };
        let span = span
            .with("rpc.system", "innkeeper")
            .with_text("rpc.service", service)
            .with_text("rpc.method", method)
            .with_text("server.address", &self.callee)
            .with_text("innkeeper.correlation_id", &self.correlation_id);
        match answered {
            Ok(answered) => {
                let refused = value::is_err(&answered.answer);
                span.with("innkeeper.refused", refused)
                    .end(took, Ended::Well);
            }
            Err(failure) => span
                .with_text("error.type", failure_type(failure))
                .end(took, Ended::Failed(failure.to_string())),
        }
    }
}

/// What was called is undone, or could not be.
pub(super) fn undo(
    trace: &TraceContext,
    function: &str,
    correlation_id: &CorrelationId,
    reason: Option<String>,
    took: Duration,
) {
    if let Some(span) = Span::client(trace, || format!("undo {function}").into()) {
        span.with_text("innkeeper.correlation_id", correlation_id)
            .end(took, reason.map_or(Ended::Well, Ended::Failed));
    }
}

fn ended<A: Answer>(result: &Result<Done<A>, Failure>) -> Ended {
    match result {
        Ok(done) if done.answer.is_error() => Ended::Failed(done.answer.reason()),
        Ok(_) => Ended::Well,
        Err(failure) => Ended::Failed(failure.to_string()),
    }
}

/// A failure in one word of a few.
fn failure_type(failure: &Failure) -> &'static str {
    match failure {
        Failure::Deadline { .. } => "timeout",
        Failure::Trap { .. } => "trap",
        Failure::Contended { .. } => "contended",
        Failure::Overloaded { .. } => "overloaded",
        Failure::BreakerOpen { .. } => "circuit_breaker_open",
        Failure::NotServing { .. } => "not_serving",
        _ => "_OTHER",
    }
}
