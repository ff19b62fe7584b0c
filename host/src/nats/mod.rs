//! The events on NATS: what is committed is published, in order, without a gap, whatever dies.
//!
//! One relay publishes the events of all journals. Each message says how far the relay had come with it, so the stream itself tells where to go on; and
//! each is only taken by the server right behind the one before it, so nothing that was lost on the way can be overtaken.

mod connection;
mod message;
mod position;
mod relay;
mod session;
mod standing;
mod stream;
mod subject;
mod trouble;

use std::sync::Arc;

pub use self::standing::{Standing, behind};
use crate::app::Host;

/// Starts to publish, if the manifest says where to. Never fails and never waits: NATS may come later.
pub fn start(host: &Arc<Host>) {
    if let (Some(settings), Some(standing)) = (&host.manifest.nats, &host.nats) {
        let relay = relay::Relay::new(host, settings.clone(), standing.clone());
        host.tasks.spawn(relay.run());
    }
}
