//! What becomes known of a request on its way: for its span, the metrics and the access log.

use std::sync::{Arc, OnceLock};

use super::route_metrics::RouteMetrics;

/// What has become known of a request.
#[derive(Default)]
pub(super) struct Observed {
    route: OnceLock<Arc<RouteMetrics>>,
    version: OnceLock<Arc<str>>,
}

impl Observed {
    /// It was found to be for a route, or for a context of which no route is known.
    pub(super) fn note_route(&self, route: Arc<RouteMetrics>) {
        // Each is noted once for a request; so with the others.
        let _ = self.route.set(route);
    }

    /// A version has run it, by its title.
    pub(super) fn note_version(&self, version: Arc<str>) {
        let _ = self.version.set(version);
    }

    /// What is measured of where it belongs.
    pub(super) fn metrics(&self) -> Option<&RouteMetrics> {
        self.route.get().map(|route| &**route)
    }

    /// The path of its route, as the context describes it.
    pub(super) fn route(&self) -> Option<&str> {
        self.metrics().and_then(RouteMetrics::pattern)
    }

    /// The name of the context.
    pub(super) fn context(&self) -> Option<&str> {
        self.metrics().map(RouteMetrics::context)
    }

    /// The title of the version that has run it.
    pub(super) fn version(&self) -> Option<&str> {
        self.version.get().map(|version| &**version)
    }
}
