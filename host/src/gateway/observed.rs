//! What becomes known of a request on its way: for its span, the metrics and the access log.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use super::forwarded::{Scheme, Sender};
use super::route_metrics::RouteMetrics;

/// What has become known of a request.
#[derive(Default)]
pub(super) struct Observed {
    sender: OnceLock<(IpAddr, Option<Scheme>)>,
    route: OnceLock<Arc<RouteMetrics>>,
    version: OnceLock<Arc<str>>,
}

impl Observed {
    /// It was found out who has sent it.
    pub(super) fn note_sender(&self, sender: &Sender) {
        // Each is noted once for a request; so with the others.
        let _ = self.sender.set((sender.address, sender.scheme));
    }

    /// It was found to be for a route.
    pub(super) fn note_route(&self, route: Arc<RouteMetrics>) {
        let _ = self.route.set(route);
    }

    /// A version has answered it, by its title.
    pub(super) fn note_version(&self, version: Arc<str>) {
        let _ = self.version.set(version);
    }

    /// The client's address.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.sender.get().map(|(address, _)| *address)
    }

    /// What the client has asked by, where that was told.
    pub(super) fn scheme(&self) -> Option<Scheme> {
        self.sender.get().and_then(|(_, scheme)| *scheme)
    }

    /// The route that it is for.
    pub(super) fn route(&self) -> Option<&RouteMetrics> {
        self.route.get().map(|route| &**route)
    }

    /// The title of the version that has answered.
    pub(super) fn version(&self) -> Option<&str> {
        self.version.get().map(|version| &**version)
    }
}
