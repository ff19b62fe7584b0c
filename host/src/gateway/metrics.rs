//! The metrics of the gateway.

use std::time::Duration;

use http::StatusCode;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::observe::metrics::{HTTP_CONNECTIONS, HTTP_REQUEST_DURATION, HTTP_REQUESTS};

/// The handles of the gateway's metrics.
pub(super) struct GatewayMetrics {
    classes: [Counter; 5],
    duration: Histogram,
    connections: Gauge,
}

impl GatewayMetrics {
    pub(super) fn new() -> Self {
        Self {
            classes: ["1xx", "2xx", "3xx", "4xx", "5xx"]
                .map(|class| counter!(HTTP_REQUESTS, "status" => class)),
            duration: histogram!(HTTP_REQUEST_DURATION),
            connections: gauge!(HTTP_CONNECTIONS),
        }
    }

    /// A request was answered.
    pub(super) fn answered(&self, status: StatusCode, duration: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.classes.get(class) {
            counter.increment(1);
        }
        self.duration.record(duration);
    }

    /// A connection is open until the result is dropped.
    pub(super) fn connection(&self) -> Connected {
        self.connections.increment(1);
        Connected(self.connections.clone())
    }
}

/// An open connection.
pub(super) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
