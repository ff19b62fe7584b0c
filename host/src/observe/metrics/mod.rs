//! Metrics, as Prometheus reads them.
//!
//! To look a metric up by its name and labels costs more than to change it, so whoever changes one often keeps its handle: [`ContextMetrics`]
//! for what a context does, and the gateway's own.

mod breaker;
mod context;
mod context_label;
mod exposition;
mod histogram;
mod names;
mod registry;
mod status_class;

use std::sync::LazyLock;

use parking_lot::Mutex;

use self::registry::Registry;
pub use self::{
    breaker::{BreakerMetrics, Rejection},
    context::{CallOutcome, ContextMetrics, Kind, Outcome},
    exposition::TextFormat,
    histogram::{BOUNDS, Counted, Exemplar, record},
    names::*,
    registry::{Family, Snapshot, Value},
    status_class::{STATUS_CLASSES, status_class},
};

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);
static IS_INSTALLED: Mutex<bool> = Mutex::new(false);

/// The metrics of this process.
#[derive(Clone, Copy)]
pub struct Metrics(&'static Registry);

impl Metrics {
    /// Begins to measure. There is one set of metrics in a process: a second call gets the same.
    ///
    /// # Errors
    ///
    /// When somebody else measures already.
    pub fn install() -> Result<Self, MetricsError> {
        let mut is_installed = IS_INSTALLED.lock();
        if !*is_installed {
            metrics::set_global_recorder(&*REGISTRY).map_err(|_| MetricsError)?;
            names::describe();
            *is_installed = true;
        }
        Ok(Self(&REGISTRY))
    }

    /// All of them as text, for Prometheus.
    pub fn text(&self, format: TextFormat) -> String {
        exposition::text(&self.snapshot(), format)
    }

    /// All of them, as they are now.
    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }
}

/// Why nothing is measured.
#[derive(Debug, thiserror::Error)]
#[error("metrics are collected by something else in this process already; start the host once")]
pub struct MetricsError;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::TraceContext;

    #[test]
    fn what_is_measured_can_be_read() {
        let registry = Registry::new();
        metrics::with_local_recorder(&registry, || {
            names::describe();
            let room = ContextMetrics::new(&"room".into());
            let trace = TraceContext::new();
            let note = |kind, outcome, took| room.invocation(kind, outcome, took, &trace);
            note(Kind::Web, Outcome::Committed, Duration::from_millis(3));
            note(Kind::Web, Outcome::Committed, Duration::from_micros(30));
            note(Kind::Event, Outcome::Failed, Duration::from_secs(1));
            room.conflicts.increment(2);
            room.call(CallOutcome::Unavailable);
            room.compensations_pending.set(4);
            room.follower_lag(&"payment".into()).set(7);
        });
        let text = exposition::text(&registry.snapshot(), TextFormat::Prometheus);
        for line in [
            "# TYPE innkeeper_invocations_total counter",
            "innkeeper_invocations_total{context=\"room\",kind=\"web\",outcome=\"committed\"} 2",
            "innkeeper_invocations_total{context=\"room\",kind=\"event\",outcome=\"failed\"} 1",
            "innkeeper_invocation_duration_seconds_bucket{context=\"room\",kind=\"web\",le=\"0.00005\"} 1",
            "innkeeper_invocation_duration_seconds_bucket{context=\"room\",kind=\"web\",le=\"0.005\"} 2",
            "innkeeper_invocation_duration_seconds_count{context=\"room\",kind=\"web\"} 2",
            "innkeeper_conflicts_total{context=\"room\"} 2",
            "innkeeper_calls_total{context=\"room\",outcome=\"unavailable\"} 1",
            "innkeeper_compensations_pending{context=\"room\"} 4",
            "innkeeper_follower_lag_events{context=\"room\",source=\"payment\"} 7",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[test]
    fn a_second_installation_is_the_first() {
        let (first, second) = (Metrics::install().unwrap(), Metrics::install().unwrap());
        metrics::counter!("innkeeper_test_total").increment(1);
        for metrics in [first, second] {
            let text = metrics.text(TextFormat::OpenMetrics);
            assert!(text.contains("innkeeper_test_total 1"), "{text}");
        }
    }

    #[test]
    fn names_are_of_one_family_each() {
        let registry = Registry::new();
        metrics::with_local_recorder(&registry, names::describe);
        let names = registry.described();
        assert!(names.len() > 40, "{names:?}");
        let is_name = |name: &&String| {
            let mut characters = name.chars();
            name.starts_with("innkeeper_") && characters.all(|c| c.is_ascii_lowercase() || c == '_')
        };
        assert!(names.iter().all(|name| is_name(&name)), "{names:?}");
        let families = names.iter().map(|name| name.trim_end_matches("_total"));
        let families: std::collections::BTreeSet<_> = families.collect();
        assert_eq!(families.len(), names.len(), "two are one in OpenMetrics");
    }
}
