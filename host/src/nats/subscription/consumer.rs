//! How messages are asked for.
//!
//! A stream that keeps messages whoever reads them is read by a consumer that the server forgets: how far it has come is kept here. One that keeps them only
//! until they are read (by interest, or as a queue of work) is read by a durable consumer, and each message is acknowledged after the commit that took it in.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy, Stream};
use futures::StreamExt;
use futures::stream::ReadyChunks;

use super::BATCH;
use super::stream_position::StreamPosition;
use crate::core::digest;
use crate::manifest::Subscription;
use crate::nats::bridge::Bridge;
use crate::nats::error::NatsError;

/// How many bytes one request for messages asks for.
const REQUESTED: usize = 8 << 20;
/// How often the server says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long one request for messages stands.
const REQUEST: Duration = Duration::from_secs(30);
/// How long the server keeps a consumer that nobody asks, where nothing is lost with it.
const KEPT: Duration = Duration::from_secs(60);
/// How long the server waits for an acknowledgement before it brings a message again.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(5);
/// How many messages may wait for their acknowledgement.
const UNACKNOWLEDGED: i64 = 2 * BATCH as i64;

/// Messages that come.
pub(super) struct Reading {
    consumer: Consumer<pull::Config>,
    pub messages: ReadyChunks<pull::Stream>,
    /// Whether messages are acknowledged, and come again when they are not.
    pub is_acknowledged: bool,
    /// How many messages the consumer had sent before.
    pub counted: u64,
}

/// Begins to read behind a place.
pub(super) async fn open(
    bridge: &Bridge,
    subscription: &Subscription,
    client: &Client,
    stream: &Stream,
    place: &StreamPosition,
    places: &BTreeMap<String, StreamPosition>,
) -> Result<Reading, NatsError> {
    let config = &stream.cached_info().config;
    let is_acknowledged = is_acknowledged(config);
    let unusable = |reason: String| NatsError::Stream {
        stream: config.name.clone(),
        reason,
    };
    let max_payload = client.max_payload();
    let wanted = match is_acknowledged {
        true => durable(bridge, subscription),
        false => ephemeral(bridge, subscription, place.sequence),
    };
    // A queue of work lets nobody ask for what another asks for.
    if config.retention == RetentionPolicy::WorkQueue {
        remove_former(bridge, subscription, stream, places).await;
    }
    let consumer = stream.create_consumer(wanted).await;
    let consumer = consumer.map_err(|error| unusable(error.to_string()))?;
    if config.retention == RetentionPolicy::Interest {
        remove_former(bridge, subscription, stream, places).await;
    }
    let counted = match is_acknowledged {
        true => settled(&consumer).await.map_err(unusable)?,
        false => 0,
    };
    let messages = consumer
        .stream()
        .max_messages_per_batch(BATCH)
        // The server never sends a message that is more than was asked for. One may be a little more than its payload, and have been let in by a server with
        // other settings.
        .max_bytes_per_batch(REQUESTED.max(max_payload.saturating_mul(2)))
        .heartbeat(HEARTBEAT)
        .expires(REQUEST)
        .messages()
        .await;
    let messages = messages.map_err(|error| unusable(error.to_string()))?;
    Ok(Reading {
        messages: messages.ready_chunks(BATCH),
        consumer,
        is_acknowledged,
        counted,
    })
}

/// Whether messages of a stream are acknowledged: it keeps them for whoever has not done so.
pub(super) fn is_acknowledged(config: &Config) -> bool {
    config.retention != RetentionPolicy::Limits
}

fn ephemeral(bridge: &Bridge, subscription: &Subscription, after: u64) -> pull::Config {
    pull::Config {
        description: Some(format!("What {} follows", bridge.manifest().app.name)),
        filter_subject: subscription.subject.clone(),
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: after + 1,
        },
        // What has been taken in is kept here, not there.
        ack_policy: AckPolicy::None,
        inactive_threshold: KEPT,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    }
}

fn durable(bridge: &Bridge, subscription: &Subscription) -> pull::Config {
    pull::Config {
        durable_name: Some(name(bridge, &subscription.source, &subscription.subject)),
        description: Some(format!("What {} follows", bridge.manifest().app.name)),
        filter_subject: subscription.subject.clone(),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACKNOWLEDGEMENT,
        max_ack_pending: UNACKNOWLEDGED,
        ..pull::Config::default()
    }
}

/// What is acknowledged of a stream from its beginning on without a gap; none where nothing is.
pub(super) async fn acknowledged(
    bridge: &Bridge,
    subscription: &Subscription,
    stream: &Stream,
) -> Option<Acknowledged> {
    let name = name(bridge, &subscription.source, &subscription.subject);
    let consumer: Consumer<pull::Config> = stream.get_consumer(&name).await.ok()?;
    let sequence = consumer.cached_info().ack_floor.stream_sequence;
    Some(Acknowledged { name, sequence })
}

/// What the durable consumer of a followed subject knows as handled.
pub(super) struct Acknowledged {
    /// The consumer's name.
    pub name: String,
    /// The last message before the first that is not.
    pub sequence: u64,
}

/// The name of the durable consumer of a followed subject.
fn name(bridge: &Bridge, source: &str, subject: &str) -> String {
    let manifest = bridge.manifest();
    let app = &manifest.app.name;
    let digest = digest(&[subject.as_bytes()]);
    format!(
        "innkeeper-{app}-{source}-{}",
        digest.get(..8).unwrap_or_default()
    )
}

/// Removes the durable consumers of subjects that are not followed any more: the stream would keep messages for them.
async fn remove_former(
    bridge: &Bridge,
    subscription: &Subscription,
    stream: &Stream,
    places: &BTreeMap<String, StreamPosition>,
) {
    let followed = bridge.manifest().subscriptions();
    let is_followed = |subject: &str| {
        let mut followed = followed.iter();
        followed.any(|other| other.source == subscription.source && other.subject == subject)
    };
    let info = stream.cached_info();
    for (subject, place) in places {
        if place.is_of(info) && !is_followed(subject) {
            // Most often it is gone already.
            let _ = stream
                .delete_consumer(&name(bridge, &subscription.source, subject))
                .await;
        }
    }
}

/// Waits until what was sent to an earlier life, and not acknowledged, will be sent again before anything new. Answers how many messages were sent before.
async fn settled(consumer: &Consumer<pull::Config>) -> Result<u64, String> {
    let info = || async { consumer.get_info().await.map_err(|error| error.to_string()) };
    let found = info().await?;
    if found.num_ack_pending == 0 {
        return Ok(found.delivered.consumer_sequence);
    }
    tokio::time::sleep(ACKNOWLEDGEMENT + HEARTBEAT / 4).await;
    Ok(info().await?.delivered.consumer_sequence)
}

/// What of a stream was not read yet.
pub(super) struct Waiting {
    /// What the consumer has not sent.
    pub pending: u64,
    /// What it has sent, and nobody has read.
    pub on_the_way: u64,
}

impl Reading {
    /// What waits, where so many messages were read that the consumer has sent.
    pub(super) async fn waiting(&self, counted: u64) -> Result<Waiting, NatsError> {
        let info = self.consumer.get_info().await;
        let info = info.map_err(|_| NatsError::Interrupted)?;
        Ok(Waiting {
            pending: info.num_pending,
            on_the_way: info.delivered.consumer_sequence.saturating_sub(counted),
        })
    }
}
