//! What a circuit breaker does, measured.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, SharedString, counter, gauge, histogram};

use super::{histogram::record, names};
use crate::core::{ContextName, TraceContext};

/// Why a circuit breaker turns work away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Too much is under way, and waits.
    Pool,
    /// Too much has failed.
    Open,
}

impl Rejection {
    /// In a word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Open => "open",
        }
    }
}

/// The handles of the metrics of one pair of a caller and a callee.
pub struct BreakerMetrics {
    state: Gauge,
    opened: Counter,
    rejections: [(Counter, AtomicU64); 2],
    duration: Histogram,
}

impl BreakerMetrics {
    /// Looks the handles up, once.
    pub fn new(caller: &ContextName, callee: &ContextName) -> Self {
        let labels = [("caller", caller), ("callee", callee)]
            .map(|(role, name)| (role, SharedString::from(name)));
        let rejected = |why: Rejection| {
            let [caller, callee] = labels.clone();
            let labels = [caller, callee, ("reason", why.name().into())];
            (
                counter!(names::BREAKER_REJECTED, &labels),
                AtomicU64::new(0),
            )
        };
        Self {
            state: gauge!(names::BREAKER_STATE, &labels),
            opened: counter!(names::BREAKER_OPENED, &labels),
            rejections: [Rejection::Pool, Rejection::Open].map(rejected),
            duration: histogram!(names::EDGE_DURATION, &labels),
        }
    }

    /// A request or call that was let through came to an end, at this place in a trace.
    pub fn answered(&self, took: Duration, trace: &TraceContext) {
        record(&self.duration, took, trace);
    }

    /// Something was turned away.
    pub fn reject(&self, why: Rejection) {
        let (counter, count) = self.of(why);
        counter.increment(1);
        count.fetch_add(1, Relaxed);
    }

    /// How much was turned away so far.
    pub fn rejected(&self, why: Rejection) -> u64 {
        self.of(why).1.load(Relaxed)
    }

    /// It has opened.
    pub fn opened(&self) {
        self.opened.increment(1);
    }

    /// Where it stands: 0 closed, 1 open, 2 half-open.
    pub fn state(&self, state: u8) {
        self.state.set(f64::from(state));
    }

    fn of(&self, why: Rejection) -> &(Counter, AtomicU64) {
        let [pool, open] = &self.rejections;
        match why {
            Rejection::Pool => pool,
            Rejection::Open => open,
        }
    }
}
