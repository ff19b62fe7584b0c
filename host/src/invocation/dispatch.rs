//! From a caller's import to the context that offers it.

use std::sync::Arc;
use std::time::Instant;

use super::call::{self, Answered, Request};
use super::context::Context;
use super::failure::Failure;
use super::invoker::Invoker;
use super::spans;
use crate::core::ContextName;
use crate::guest::value;
use crate::observe::metrics::CallOutcome;

/// The context that offers an interface.
pub fn offering(invoker: &Invoker, interface: &str) -> Option<ContextName> {
    let wiring = invoker.wiring();
    wiring.links.offering(interface).cloned()
}

/// Calls the context that offers the operation's interface. Never fails: what cannot be reached is `unavailable`, and what did not end in time `deadline-exceeded` where its
/// caller knows that, with the reason.
pub async fn dispatch(invoker: &Arc<Invoker>, request: Request) -> Answered {
    let interface = &request.operation.interface;
    let callee = offering(invoker, interface).and_then(|name| invoker.contexts.get(&name));
    let Some(callee) = callee else {
        return Answered::unavailable(format!("no context offers {interface}"));
    };
    let operation = request.operation.clone();
    let answered = reach(invoker, &callee, request).await;
    answered.unwrap_or_else(|failure| Answered::failed(&failure, &operation))
}

/// Calls a context, as far as its caller's circuit breaker lets it through.
///
/// # Errors
///
/// When the context gave no answer.
pub async fn reach(
    invoker: &Arc<Invoker>,
    callee: &Arc<Context>,
    mut request: Request,
) -> Result<Answered, Failure> {
    let began = Instant::now();
    let span = spans::Call::begin(&mut request, &callee.name);
    let answered = admit(invoker, callee, request).await;
    if let Some(span) = span {
        span.end(&answered, began.elapsed());
    }
    answered
}

async fn admit(
    invoker: &Arc<Invoker>,
    callee: &Arc<Context>,
    request: Request,
) -> Result<Answered, Failure> {
    let breaker = callee.breakers.of(&request.caller);
    let (began, trace) = (Instant::now(), request.trace.clone());
    // A call may lead to further calls: each level is a future of its own.
    let answered = Box::pin(call::call(invoker, callee, Some(&breaker), request)).await;
    match &answered {
        Ok(answered) => {
            breaker.note_success(began.elapsed(), &trace);
            callee.metrics.call(match value::is_err(&answered.answer) {
                true => CallOutcome::Refused,
                false => CallOutcome::Ok,
            });
        }
        Err(failure) => {
            callee.metrics.call(CallOutcome::Unavailable);
            let is_repeated = matches!(failure, Failure::CallerOutdated);
            if !is_repeated && !failure.is_rejection() {
                let failed = failure.is_fault_of_context();
                breaker.note(began.elapsed(), failed, &trace);
            }
            match failure {
                // It is made again at once.
                Failure::CallerOutdated => {}
                _ if !callee.log.admits_failure() => {}
                _ => {
                    tracing::warn!(context = callee.name.as_str(), %failure, "a call was not answered")
                }
            }
        }
    }
    answered
}
