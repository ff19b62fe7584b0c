//! Fault injection: requests and calls that are kept waiting, or answered with an error, on purpose.
//!
//! A fault takes its place and its connection as the guest would have, so that what is tried is what would happen. It says nothing of the guest, so circuit breakers
//! and rollouts do not count it. Events and timers are left alone: nobody waits for their answer, and they would only come again.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;

use super::circuit_breaker::Connection;
use super::context::Context;
use super::failure::Failure;
use super::host_event_kind::HostEventKind;
use super::invoker::Invoker;
use crate::core::{Timestamp, human_duration, wall_clock};
use crate::manifest::FaultInjection;

/// The faults that are injected into one context.
pub struct Faults {
    /// Read for each request.
    current: ArcSwapOption<InjectedFaults>,
    /// What comes back when those of an operator end.
    otherwise: Mutex<FaultInjection>,
}

/// Faults that are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedFaults {
    /// What goes wrong.
    pub injection: FaultInjection,
    /// When they end by themselves; those of the manifest do not.
    pub until: Option<Timestamp>,
}

impl Faults {
    /// Those that the manifest asks for, which are usually none.
    pub(super) fn new(injection: FaultInjection) -> Self {
        Self {
            current: ArcSwapOption::new(of_manifest(injection)),
            otherwise: Mutex::new(injection),
        }
    }

    /// Those that are on.
    pub fn current(&self) -> Option<Arc<InjectedFaults>> {
        self.current.load_full()
    }

    /// Whether there are any.
    pub(super) fn are_on(&self) -> bool {
        self.current.load().is_some()
    }

    /// Keeps a request or call waiting, or answers it with an error, if it is one of those. Says whether it was kept waiting.
    pub(super) async fn inject(
        &self,
        context: &Context,
        connection: &Connection,
        deadline: Instant,
    ) -> Result<bool, Failure> {
        let Some(faults) = self.current.load_full() else {
            return Ok(false);
        };
        let FaultInjection { delay, abort } = faults.injection;
        let began = Instant::now();
        let delay = delay.filter(|delay| is_hit(delay.percent));
        if let Some(delay) = delay {
            context.metrics.faults_delayed.increment(1);
            connection.open();
            Box::pin(tokio::time::sleep_until(deadline.min(began + delay.fixed))).await;
            if began + delay.fixed >= deadline {
                let after = deadline.saturating_duration_since(began);
                return Err(Failure::Delayed(Box::new(Failure::Deadline { after })));
            }
        }
        match abort.filter(|abort| is_hit(abort.percent)) {
            None => Ok(delay.is_some()),
            Some(abort) => {
                context.metrics.faults_aborted.increment(1);
                Err(Failure::FaultInjected {
                    context: context.name.clone(),
                    status: abort.status,
                })
            }
        }
    }
}

/// Switches faults on in a context until a time, in place of all others that are on.
pub fn switch_on(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    injection: FaultInjection,
    until: Timestamp,
) -> Arc<InjectedFaults> {
    let faults = Arc::new(InjectedFaults {
        injection,
        until: Some(until),
    });
    context.faults.current.store(Some(faults.clone()));
    tracing::warn!(context = context.name.as_str(), %until, "faults are injected: {}", describe(&injection));
    tell_of(invoker, context, &faults);
    let ending = end_at(invoker.clone(), context.clone(), faults.clone(), until);
    invoker.tasks.spawn(ending);
    faults
}

/// Ends what an operator has switched on when its time is over; then what the manifest says holds again.
async fn end_at(
    invoker: Arc<Invoker>,
    context: Arc<Context>,
    theirs: Arc<InjectedFaults>,
    until: Timestamp,
) {
    let left = Duration::from_millis(until.0.saturating_sub(wall_clock()));
    let over = tokio::time::sleep(left);
    if invoker.shutdown.run_until_cancelled(over).await.is_none() {
        return;
    }
    let faults = &context.faults;
    let otherwise = of_manifest(*faults.otherwise.lock());
    let before = faults.current.compare_and_swap(&theirs, otherwise);
    let before = before.as_ref();
    // Others may have been switched on since, and they have a time of their own.
    if before.is_some_and(|before| Arc::ptr_eq(before, &theirs)) {
        end(&invoker, &context, "their time is over");
    }
}

/// Switches all faults of a context off, also those of the manifest until the next start. False when there were none.
pub fn switch_off(invoker: &Invoker, context: &Context) -> bool {
    *context.faults.otherwise.lock() = FaultInjection::default();
    let were_on = context.faults.current.swap(None).is_some();
    if were_on {
        end(invoker, context, "an operator switched them off");
    }
    were_on
}

/// Tells that the manifest has switched faults on in a context.
pub fn tell_at_start(invoker: &Invoker, context: &Context) {
    if let Some(faults) = context.faults.current() {
        tracing::warn!(
            context = context.name.as_str(),
            "faults are injected, as the manifest says: {}",
            describe(&faults.injection)
        );
        tell_of(invoker, context, &faults);
    }
}

/// What goes wrong, for people.
pub fn describe(injection: &FaultInjection) -> String {
    let delay = injection.delay.map(|delay| {
        format!(
            "{} % are delayed by {}",
            delay.percent,
            human_duration(delay.fixed)
        )
    });
    let abort = injection
        .abort
        .map(|abort| format!("{} % are answered with {}", abort.percent, abort.status));
    let parts: Vec<_> = delay.into_iter().chain(abort).collect();
    parts.join(", ")
}

fn of_manifest(injection: FaultInjection) -> Option<Arc<InjectedFaults>> {
    let faults = InjectedFaults {
        injection,
        until: None,
    };
    (!injection.is_none()).then(|| Arc::new(faults))
}

fn tell_of(invoker: &Invoker, context: &Context, faults: &InjectedFaults) {
    let FaultInjection { delay, abort } = faults.injection;
    let mut data = json!({});
    if let Some(delay) = delay {
        data["delay"] =
            json!({"percent": delay.percent, "fixed": human_duration(delay.fixed).to_string()});
    }
    if let Some(abort) = abort {
        data["abort"] = json!({"percent": abort.percent, "status": abort.status});
    }
    if let Some(until) = faults.until {
        data["until"] = json!(until.to_string());
    }
    let kind = HostEventKind::FaultInjectionStarted;
    invoker.host_events.record(kind, &context.name, data);
}

fn end(invoker: &Invoker, context: &Context, reason: &str) {
    tracing::info!(
        context = context.name.as_str(),
        "no more faults are injected: {reason}"
    );
    let kind = HostEventKind::FaultInjectionEnded;
    let data = json!({ "reason": reason });
    invoker.host_events.record(kind, &context.name, data);
}

fn is_hit(percent: u8) -> bool {
    rand::random_range(0..100) < percent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_hit_as_it_says() {
        let hits = |percent| (0..10_000).filter(|_| is_hit(percent)).count();
        assert_eq!((hits(0), hits(100)), (0, 10_000));
        assert!((4_500..5_500).contains(&hits(50)));
    }

    #[test]
    fn they_are_off_unless_they_were_asked_for() {
        assert!(!Faults::new(FaultInjection::default()).are_on());
        let injection = FaultInjection {
            delay: "10%:2s".parse().ok(),
            abort: "5%:503".parse().ok(),
        };
        let faults = Faults::new(injection);
        assert_eq!(faults.current().unwrap().until, None);
        assert_eq!(
            describe(&injection),
            "10 % are delayed by 2 s, 5 % are answered with 503"
        );
    }
}
