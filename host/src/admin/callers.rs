//! The callers of a context, as their circuit breakers see them.

use std::collections::BTreeSet;

use super::view;
use crate::core::ContextName;
use crate::invocation::Context;
use crate::invocation::circuit_breaker::{Breaker, BreakerState};
use crate::invocation::traffic::LastMinute;
use crate::observe::metrics::Rejection;

/// Who has called a context, and how that goes.
pub(super) fn see(context: &Context) -> Vec<view::Caller> {
    let breakers = context.breakers.all();
    let breakers = breakers.iter();
    breakers
        .map(|(caller, breaker)| view(caller, breaker, context))
        .collect()
}

/// The same, together with who may call it and has not done so yet.
pub(super) fn see_with(context: &Context, expected: BTreeSet<ContextName>) -> Vec<view::Caller> {
    let mut seen = see(context);
    let unseen = expected
        .into_iter()
        .filter(|name| seen.iter().all(|caller| *name != caller.caller.as_str()));
    let unseen: Vec<_> = unseen.map(quiet).collect();
    seen.extend(unseen);
    seen.sort_by(|one, other| one.caller.cmp(&other.caller));
    seen
}

/// Where the circuit breaker stands between a caller and a context.
pub(super) fn state(context: &Context, caller: &ContextName) -> view::Breaker {
    let breakers = context.breakers.all();
    let breaker = breakers.get(caller);
    breaker.map_or(view::Breaker::Closed, |breaker| {
        breaker.state(context).into()
    })
}

fn view(caller: &ContextName, breaker: &Breaker, context: &Context) -> view::Caller {
    view::Caller {
        caller: caller.to_string(),
        circuit_breaker: breaker.state(context).into(),
        pending: breaker.pending(),
        rejected: view::Rejected {
            pool: breaker.rejected(Rejection::Pool),
            open: breaker.rejected(Rejection::Open),
        },
        traffic: breaker.traffic().last_minute().into(),
    }
}

fn quiet(caller: ContextName) -> view::Caller {
    view::Caller {
        caller: caller.to_string(),
        circuit_breaker: view::Breaker::Closed,
        pending: 0,
        rejected: view::Rejected::default(),
        traffic: view::Traffic::default(),
    }
}

impl From<LastMinute> for view::Traffic {
    fn from(passed: LastMinute) -> Self {
        Self {
            count: passed.count,
            errors: passed.errors,
            per_second: (passed.per_second * 10.0).round() / 10.0,
            p99_micros: u64::try_from(passed.p99.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

impl From<BreakerState> for view::Breaker {
    fn from(state: BreakerState) -> Self {
        match state {
            BreakerState::Closed => Self::Closed,
            BreakerState::Open => Self::Open,
            BreakerState::HalfOpen => Self::HalfOpen,
        }
    }
}
