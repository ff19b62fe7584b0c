//! From a caller's import to the context that offers it.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Val;

use crate::app::{Context, Host};
use crate::guest::value;
use crate::invocation::{self, CallRequest, Failure};
use crate::observe::metrics::CallOutcome;

/// What the caller hears.
pub struct Answered {
    /// The answer; `unavailable` when there is none.
    pub answer: Val,
    /// Whether the call may have been committed all the same.
    pub uncertain: bool,
}

impl Answered {
    fn unavailable(reason: impl Into<String>) -> Self {
        Self {
            answer: value::unavailable(reason),
            uncertain: false,
        }
    }
}

/// Calls the context that offers the operation's interface. Never fails: what cannot be reached is `unavailable`, with the reason.
pub async fn dispatch(host: &Arc<Host>, request: CallRequest) -> Answered {
    let interface = &request.operation.interface;
    let callee = host
        .links()
        .offering(interface)
        .and_then(|name| host.contexts.get(name).cloned());
    let Some(callee) = callee else {
        return Answered::unavailable(format!("no context offers {interface}"));
    };
    if let Some(difference) = difference(&callee, &request) {
        return Answered::unavailable(difference);
    }
    reach(host, &callee, request).await.map_or_else(
        |failure| Answered {
            answer: value::unavailable(failure.to_string()),
            uncertain: matches!(failure, Failure::Journal { .. } | Failure::Stopping),
        },
        |answer| Answered {
            answer,
            uncertain: false,
        },
    )
}

/// Calls a context, unless its circuit breaker is open.
///
/// # Errors
///
/// When the context gave no answer.
pub async fn reach(
    host: &Arc<Host>,
    callee: &Arc<Context>,
    request: CallRequest,
) -> Result<Val, Failure> {
    if let Err(retry_after) = callee.breaker.admit(Instant::now()) {
        callee.metrics.call(CallOutcome::Unavailable);
        return Err(Failure::BreakerOpen {
            context: callee.name.clone(),
            retry_after,
        });
    }
    // A call may lead to further calls: each level is a future of its own.
    let answered = Box::pin(invocation::call(host, callee, request)).await;
    match &answered {
        Ok(answer) => {
            callee.breaker.succeeded(Instant::now());
            callee.metrics.call(match value::is_err(answer) {
                true => CallOutcome::Refused,
                false => CallOutcome::Ok,
            });
        }
        Err(failure) => {
            callee.metrics.call(CallOutcome::Unavailable);
            if failure.is_fault_of_context() && callee.breaker.failed(Instant::now()) {
                callee.metrics.breaker_opened.increment(1);
            }
            tracing::warn!(context = callee.name, %failure, "a call was not answered");
        }
    }
    answered
}

/// Why what the callee offers does not serve what the caller was built against.
fn difference(callee: &Context, request: &CallRequest) -> Option<String> {
    let wanted = &request.operation;
    let Some(version) = callee.version() else {
        return Some(format!(
            "context {} has no version that serves",
            callee.name
        ));
    };
    let offered = version
        .guest
        .offers()
        .get(&wanted.interface)?
        .operations
        .get(&wanted.function);
    match offered {
        Some(offered) => offered
            .serves(wanted)
            .err()
            .map(|difference| format!("context {}: {difference}", callee.name)),
        None => Some(format!(
            "context {} does not offer {}",
            callee.name,
            wanted.name()
        )),
    }
}
