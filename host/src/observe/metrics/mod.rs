//! Metrics, as Prometheus reads them.
//!
//! To look a metric up by its name and labels costs more than to change it, so whoever changes one often keeps its handle: [`ContextMetrics`]
//! for what a context does, and the gateway's own.

mod breaker;
mod context;
mod names;

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use self::{
    breaker::{BreakerMetrics, Rejection},
    context::{CallOutcome, ContextMetrics, Kind, Outcome},
    names::*,
};

/// The seconds that durations are counted by: from what an invocation costs to what a deadline allows.
const DURATIONS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];

/// How often what was measured is added up.
const PERIOD: Duration = Duration::from_secs(5);

static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Begins to measure. There is one set of metrics in a process: a second call gets the same.
    pub fn install() -> Result<Self, MetricsError> {
        let mut installed = INSTALLED.lock();
        if let Some(handle) = &*installed {
            return Ok(Self(handle.clone()));
        }
        let handle = builder()?.install_recorder()?;
        names::describe();
        *installed = Some(handle.clone());
        Ok(Self(handle))
    }

    /// All of them as text, for Prometheus.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Adds up what was measured, until `stop`. Without it, durations pile up while nobody reads.
    pub async fn maintain(self, stop: CancellationToken) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.0.run_upkeep();
        }
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATIONS)
}

/// Why nothing is measured.
#[derive(Debug, thiserror::Error)]
#[error("cannot start collecting metrics: {0}")]
pub struct MetricsError(#[from] BuildError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_can_be_read() {
        let recorder = builder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            names::describe();
            let room = ContextMetrics::new("room");
            room.invocation(Kind::Web, Outcome::Committed, Duration::from_millis(3));
            room.invocation(Kind::Web, Outcome::Committed, Duration::from_micros(30));
            room.invocation(Kind::Event, Outcome::Failed, Duration::from_secs(1));
            room.conflicts.increment(2);
            room.call(CallOutcome::Unavailable);
            room.compensations_pending.set(4);
            room.follower_lag("payment").set(7);
        });
        let text = handle.render();
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
        assert!(
            first.render().contains("innkeeper_test_total 1")
                && second.render().contains("innkeeper_test_total 1")
        );
    }
}
