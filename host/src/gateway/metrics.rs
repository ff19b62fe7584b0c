//! The metrics of the gateway.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Gauge, counter, gauge};
use parking_lot::Mutex;

use super::route_metrics::{CLASSES, RouteMetrics, class};
use crate::core::TraceContext;
use crate::observe::metrics::{HTTP_CONNECTIONS, HTTP_REQUESTS};
use crate::versions::Route;

/// How many routes are measured one by one. Versions come and go for as long as the host runs, and what was measured stays.
const MOST_ROUTES: usize = 2_000;
/// What all others are called.
const OTHERS: &str = "_OTHER";

/// The handles of the gateway's metrics.
pub(super) struct GatewayMetrics {
    classes: [Counter; CLASSES.len()],
    unrouted: RouteMetrics,
    /// The routes that are measured one by one: context, method and path.
    routes: Mutex<HashSet<(Arc<str>, Method, String)>>,
    connections: Gauge,
}

impl GatewayMetrics {
    pub(super) fn new() -> Self {
        Self {
            classes: CLASSES.map(|class| counter!(HTTP_REQUESTS, "status" => class)),
            unrouted: RouteMetrics::of_none(),
            routes: Mutex::default(),
            connections: gauge!(HTTP_CONNECTIONS),
        }
    }

    /// What is measured of a route.
    pub(super) fn of_route<C>(&self, route: &Route<C>) -> Arc<RouteMetrics> {
        let measured = route.measured.get_or_init(|| self.measure(route) as _);
        // Nobody else puts anything there.
        let measured = measured.clone().downcast();
        measured.unwrap_or_else(|_| self.measure(route))
    }

    fn measure<C>(&self, route: &Route<C>) -> Arc<RouteMetrics> {
        let pattern = route.pattern.as_str();
        let mut routes = self.routes.lock();
        let key = (
            route.owner.clone(),
            route.method.clone(),
            pattern.to_owned(),
        );
        let is_measured = routes.contains(&key) || routes.len() < MOST_ROUTES && routes.insert(key);
        Arc::new(RouteMetrics::new(
            route,
            if is_measured { pattern } else { OTHERS },
        ))
    }

    /// A request was answered, at this place in a trace; with the route that it was for.
    pub(super) fn answered(
        &self,
        route: Option<&RouteMetrics>,
        status: StatusCode,
        took: Duration,
        trace: &TraceContext,
    ) {
        if let Some(counter) = self.classes.get(class(status)) {
            counter.increment(1);
        }
        let route = route.unwrap_or(&self.unrouted);
        route.answered(status, took, trace);
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
