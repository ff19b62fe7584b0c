//! Circuit breakers: one for each pair of a caller and a callee, with a connection pool and outlier detection, as Istio has them.
//!
//! What is about a pair is kept with the callee, and made when the caller first comes. Callers are the contexts of the app, the gateway and NATS, so there are
//! never many.

mod breaker;
mod outliers;
mod pool;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::breaker::{Breaker, BreakerState};
pub(super) use self::breaker::{Entered, Trial};
pub(super) use self::pool::Connection;
use super::call::Caller;
use crate::core::{ByName, ContextName};
use crate::manifest::{CircuitBreaker, GATEWAY, NATS};

/// The circuit breakers of one callee, by caller.
pub struct Breakers {
    callee: ContextName,
    settings: CircuitBreaker,
    call_depth: u32,
    breakers: ByName<Breaker>,
}

impl Breakers {
    /// Those of a callee that nobody has called yet.
    pub(super) fn new(callee: &ContextName, settings: CircuitBreaker, call_depth: u32) -> Self {
        Self {
            callee: callee.clone(),
            settings,
            call_depth,
            breakers: ByName::default(),
        }
    }

    /// The one of the requests at the public port.
    pub(super) fn of_gateway(&self) -> Arc<Breaker> {
        self.of_outside(GATEWAY)
    }

    /// The one of whoever makes a call.
    pub(super) fn of(&self, caller: &Caller) -> Arc<Breaker> {
        match caller {
            Caller::Context(name) => self.named(name),
            Caller::Outside => self.of_outside(NATS),
        }
    }

    /// All that there are, by caller.
    pub fn all(&self) -> Arc<BTreeMap<ContextName, Arc<Breaker>>> {
        self.breakers.all()
    }

    /// Closes them all and forgets what they have counted, because the callee was started anew.
    pub fn reset(&self) {
        for breaker in self.breakers.all().values() {
            breaker.reset();
        }
    }

    fn of_outside(&self, caller: &'static str) -> Arc<Breaker> {
        let made = || self.named(&ContextName::of_host(caller));
        self.breakers.get(caller).unwrap_or_else(made)
    }

    fn named(&self, caller: &ContextName) -> Arc<Breaker> {
        let make = || Breaker::new(caller, &self.callee, &self.settings, self.call_depth);
        self.breakers.get_or_make(caller, make)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_one_breaker_and_keeps_it() {
        let breakers = Breakers::new(&"payment".into(), CircuitBreaker::default(), 8);
        assert!(breakers.all().is_empty());
        let first = breakers.of_gateway();
        assert!(Arc::ptr_eq(&first, &breakers.of_gateway()));
        breakers.of(&Caller::Outside);
        breakers.of(&Caller::Context("room".into()));
        let all = breakers.all();
        let callers: Vec<_> = all.keys().map(ContextName::as_str).collect();
        assert_eq!(callers, ["gateway", "nats", "room"]);
        assert!(Arc::ptr_eq(&first, &all["gateway"]));
    }
}
