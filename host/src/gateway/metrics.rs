//! The metrics of the gateway.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Gauge, counter, gauge};
use parking_lot::RwLock;

use super::route_metrics::RouteMetrics;
use crate::core::{ContextName, TraceContext};
use crate::observe::metrics::{HTTP_CONNECTIONS, HTTP_REQUESTS, STATUS_CLASSES, status_class};
use crate::versions::Route;

/// How many routes are measured one by one. Versions come and go for as long as the host runs, and what was measured stays.
const MOST_ROUTES: usize = 2_000;
/// What all others are called.
const OTHERS: &str = "_OTHER";

/// The handles of the gateway's metrics.
pub(super) struct GatewayMetrics {
    classes: [Counter; STATUS_CLASSES.len()],
    unrouted: RouteMetrics,
    routes: RwLock<MeasuredRoutes>,
    most_routes: usize,
    connections: Gauge,
}

/// What is measured of routes.
#[derive(Default)]
struct MeasuredRoutes {
    contexts: HashMap<ContextName, ContextRoutes>,
    /// How many are measured one by one.
    count: usize,
}

/// What is measured of a context's routes.
#[derive(Default)]
struct ContextRoutes {
    /// By path, as it is described, and method.
    routes: HashMap<Box<str>, Vec<(Method, Arc<RouteMetrics>)>>,
    /// Of what is asked while no version of it serves, which has the routes.
    down: Option<Arc<RouteMetrics>>,
}

impl MeasuredRoutes {
    fn find<C>(&self, route: &Route<C>) -> Option<Arc<RouteMetrics>> {
        let context = self.contexts.get(&*route.owner)?;
        let mut routes = context.routes.get(route.pattern.as_str())?.iter();
        let (_, found) = routes.find(|(method, _)| *method == route.method)?;
        Some(found.clone())
    }

    fn add<C>(&mut self, route: &Route<C>) -> Arc<RouteMetrics> {
        let pattern = route.pattern.as_str();
        let made = Arc::new(RouteMetrics::of_route(route, pattern));
        let context = self.contexts.entry(route.owner.clone()).or_default();
        let routes = context.routes.entry(pattern.into()).or_default();
        routes.push((route.method.clone(), made.clone()));
        self.count += 1;
        made
    }
}

impl GatewayMetrics {
    pub(super) fn new() -> Self {
        Self::with_routes(MOST_ROUTES)
    }

    fn with_routes(most_routes: usize) -> Self {
        Self {
            classes: STATUS_CLASSES.map(|class| counter!(HTTP_REQUESTS, "status" => class)),
            unrouted: RouteMetrics::of_none(),
            routes: RwLock::default(),
            most_routes,
            connections: gauge!(HTTP_CONNECTIONS),
        }
    }

    /// What is measured of a route: the same for all versions that describe it.
    pub(super) fn of_route<C>(&self, route: &Route<C>) -> Arc<RouteMetrics> {
        let known = self.routes.read();
        if let Some(found) = known.find(route) {
            return found;
        }
        let is_full = known.count >= self.most_routes;
        drop(known);
        if !is_full {
            let mut known = self.routes.write();
            // Somebody else may have been quicker.
            if let Some(found) = known.find(route) {
                return found;
            }
            if known.count < self.most_routes {
                return known.add(route);
            }
        }
        // Not kept: there may be as many as versions can describe.
        Arc::new(RouteMetrics::of_route(route, OTHERS))
    }

    /// What is measured of a context while no version of it serves.
    pub(super) fn of_down(&self, context: &ContextName) -> Arc<RouteMetrics> {
        if let Some(known) = self.routes.read().contexts.get(context)
            && let Some(down) = &known.down
        {
            return down.clone();
        }
        let mut known = self.routes.write();
        let known = known.contexts.entry(context.clone()).or_default();
        let made = || Arc::new(RouteMetrics::of_context(context));
        known.down.get_or_insert_with(made).clone()
    }

    /// A request was answered, at this place in a trace; with the route that it was for.
    pub(super) fn answered(
        &self,
        route: Option<&RouteMetrics>,
        status: StatusCode,
        took: Duration,
        trace: &TraceContext,
    ) {
        if let Some(counter) = self.classes.get(status_class(status)) {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::guest;
    use crate::observe::metrics::{Metrics, TextFormat};
    use crate::versions::{Found, Offer, Routes};

    fn count(labels: &str) -> usize {
        let text = Metrics::install().unwrap().text(TextFormat::Prometheus);
        let counted = format!("innkeeper_http_request_duration_seconds_count{{{labels}}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&counted));
        line.map_or(0, |count| count.parse().unwrap())
    }

    const PATHS: [&str; 4] = ["/one", "/two/{id}", "/three", "/four"];

    fn table() -> Routes<()> {
        let described = |method: &str, path: &str| guest::Route {
            method: method.to_owned(),
            path: path.to_owned(),
            consumes: None,
        };
        let put = described("PUT", "/one");
        let routes = PATHS.iter().map(|path| described("GET", path));
        let routes: Vec<_> = routes.chain([put]).collect();
        let offer = Offer {
            context: (),
            name: &"bounded".into(),
            request_limit: 0,
            response_limit: 0,
            deadline: Duration::ZERO,
            requests_per_connection: None,
            routes: &routes,
            rules: &BTreeMap::new(),
        };
        Routes::build([offer]).unwrap()
    }

    #[test]
    fn so_many_routes_are_measured_one_by_one_and_all_others_as_one() {
        Metrics::install().unwrap();
        let gateway = GatewayMetrics::with_routes(2);
        // What is described again, by another version, is the same.
        for table in [table(), table()] {
            let get = PATHS.iter().map(|path| (Method::GET, *path));
            for (method, path) in get.chain([(Method::PUT, "/one")]) {
                let Found::Route(route, _) = table.find(&method, None, path) else {
                    panic!("{path} is described");
                };
                let metrics = gateway.of_route(&route);
                assert_eq!(metrics.pattern(), Some(path));
                let (status, trace) = (StatusCode::OK, TraceContext::new());
                gateway.answered(Some(&metrics), status, Duration::ZERO, &trace);
            }
        }
        let labels = |method: &str, path: &str| {
            format!("context=\"bounded\",method=\"{method}\",http_route=\"{path}\",status=\"2xx\"")
        };
        for (method, path, counted) in [
            ("GET", "/one", 2),
            ("GET", "/two/{id}", 2),
            ("GET", "/three", 0),
            ("PUT", "/one", 0),
            ("GET", "_OTHER", 4),
            ("PUT", "_OTHER", 2),
        ] {
            assert_eq!(count(&labels(method, path)), counted, "{method} {path}");
        }
    }

    #[test]
    fn what_is_asked_of_a_context_that_is_down_is_counted_as_its() {
        Metrics::install().unwrap();
        let gateway = GatewayMetrics::new();
        for _ in 0..2 {
            let metrics = gateway.of_down(&"sleeping".into());
            assert_eq!((metrics.context(), metrics.pattern()), ("sleeping", None));
            let (status, trace) = (StatusCode::SERVICE_UNAVAILABLE, TraceContext::new());
            gateway.answered(Some(&metrics), status, Duration::ZERO, &trace);
        }
        assert_eq!(count("context=\"sleeping\",status=\"5xx\""), 2);
    }
}
