//! NATS: what is committed is published, in order, without a gap, whatever dies; what contexts follow outside is taken in, once; and calls are answered.
//!
//! One relay publishes the events of all journals. Each message says how far the relay had come with it, so the stream itself tells where to go on; and
//! each is only taken by the server right behind the one before it, so nothing that was lost on the way can be overtaken.

mod bridge;
mod calls;
mod cloud_event;
mod command;
mod command_execution;
mod connection;
pub mod dead_letter;
mod dead_letter_id;
mod error;
mod lag;
mod message;
mod raw_message;
mod relay;
mod relay_position;
mod republish;
mod session;
mod status;
mod stream;
mod subject;
mod subscription;
mod tls;

use std::sync::Arc;

pub use self::bridge::Bridge;
pub use self::command::RelayCommand;
pub use self::dead_letter_id::{NotARelayDeadLetterId, RelayDeadLetterId};
pub use self::lag::behind;
use self::message::Address;
pub use self::status::{NatsStatus, SubscriptionStatus};
pub use self::subject::of_event as subject_of_event;
pub use self::subscription::{StreamLoss, acknowledge_loss};
use crate::manifest::Subscription;

/// Starts to publish, to take in and to answer, if the manifest says where. Never fails and never waits: NATS may come later.
pub fn start(bridge: &Arc<Bridge>) {
    let manifest = bridge.manifest();
    let subscriptions = manifest.subscriptions();
    follow(bridge, subscriptions);
    let (Some(settings), Some(status), Some(connection)) =
        (&manifest.nats, &bridge.status, &bridge.connection)
    else {
        return;
    };
    let app = &manifest.app.name;
    let address = Address::new(app, settings);
    let calls = calls::Calls::new(bridge, connection, &address.prefix);
    bridge.tasks.spawn(calls.run());
    let relay = relay::Relay::new(
        bridge,
        settings.clone(),
        status.clone(),
        connection,
        address,
    );
    bridge.tasks.spawn(relay.run());
}

/// Starts to take in what is followed outside.
pub fn follow(bridge: &Arc<Bridge>, subscriptions: Vec<Subscription>) {
    let (Some(status), Some(connection)) = (&bridge.status, &bridge.connection) else {
        if let Some(subscription) = subscriptions.first() {
            tracing::warn!(
                subject = subscription.subject,
                "a context follows a subject of NATS, but no NATS server is configured: name one with --nats or in `[nats]`"
            );
        }
        return;
    };
    for subscription in subscriptions {
        if let Some(ledger) = bridge.ledger(&subscription.source) {
            let subscriber =
                subscription::Subscriber::new(bridge, connection, status, &ledger, subscription);
            bridge.tasks.spawn(subscriber.run());
        }
    }
}
