//! An inlet: takes what is published at a subject outside into a journal, where contexts follow it like the events of a context.
//!
//! How far it has come in the stream is part of the commit that takes messages in, so each is taken in once, whatever dies.

use std::convert::Infallible;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{self, MessagesErrorKind};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context, Message};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::connection::{self, Connection, PATIENCE};
use super::outside::Outside;
use super::stream::nobody_keeps;
use super::trouble::Trouble;
use crate::app::Host;
use crate::events::backoff::Backoff;
use crate::events::bookkeeping;
use crate::invocation::record;
use crate::journal::{Event, Ledger, ReadSet, Space, Unit};
use crate::manifest::Inlet;

/// How many messages are taken in by one commit.
const BATCH: usize = 256;
/// How many bytes of them; a larger message is taken in alone.
const BYTES: usize = 2 << 20;
/// How many bytes one request for messages asks for.
const REQUESTED: usize = 8 << 20;
/// How often the server says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long one request for messages stands.
const REQUEST: Duration = Duration::from_secs(30);
/// How long the server keeps a consumer that nobody asks.
const KEPT: Duration = Duration::from_secs(60);

/// One followed subject.
pub(super) struct Intake {
    host: Arc<Host>,
    connection: Arc<Connection>,
    ledger: Arc<Ledger>,
    inlet: Inlet,
    /// The trouble that was said last.
    said: Option<String>,
}

/// How far it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    stream: String,
    /// When the stream was made: another one of that name counts anew.
    made: i128,
    sequence: u64,
}

/// What one commit takes in.
#[derive(Default)]
struct Taken {
    events: Vec<Event>,
    bytes: usize,
}

impl Taken {
    fn has_room_for(&self, event: &Event) -> bool {
        self.events.is_empty() || self.bytes + event.size() <= BYTES
    }

    fn add(&mut self, event: Event) {
        self.bytes += event.size();
        self.events.push(event);
    }
}

impl Intake {
    pub(super) fn new(
        host: &Arc<Host>,
        connection: &Arc<Connection>,
        ledger: &Arc<Ledger>,
        inlet: Inlet,
    ) -> Self {
        Self {
            host: host.clone(),
            connection: connection.clone(),
            ledger: ledger.clone(),
            inlet,
            said: None,
        }
    }

    /// Takes in until the host stops.
    pub(super) async fn run(mut self) {
        let stop = self.host.shutdown.clone();
        let mut backoff = connection::backoff();
        loop {
            let trouble = tokio::select! {
                () = stop.cancelled() => return,
                Err(trouble) = self.take_in(&mut backoff) => trouble,
            };
            let text = trouble.to_string();
            if self.said.as_ref() != Some(&text) {
                tracing::warn!(
                    source = self.inlet.source,
                    subject = self.inlet.subject,
                    "nothing is taken in from NATS, and waits there: {text}"
                );
                self.said = Some(text);
            }
            if backoff.pause(&stop).await.is_break() {
                return;
            }
        }
    }

    /// Connects, finds the stream, and goes on behind the last message that was taken in.
    async fn take_in(&mut self, backoff: &mut Backoff) -> Result<Infallible, Trouble> {
        let client = self.connection.client().await?;
        let max_payload = client.max_payload();
        let builder = jetstream::context::ContextBuilder::new().timeout(PATIENCE);
        let context = builder.build(client);
        let stream = self.stream(&context).await?;
        let mut position = self.position(&stream)?;
        let mut messages = self
            .consume(&stream, position.sequence, max_payload)
            .await?
            .ready_chunks(BATCH);
        if self.said.take().is_some() {
            tracing::info!(
                source = self.inlet.source,
                subject = self.inlet.subject,
                "messages are taken in again"
            );
        }
        // The consumer counts what it sends: a gap means that something was lost on the way.
        let mut counted = 0;
        while let Some(chunk) = messages.next().await {
            let mut taken = Taken::default();
            let mut trouble = None;
            let mut before = position.sequence;
            for message in chunk {
                match self.read(message, &position, counted) {
                    Ok((sequence, event)) => {
                        if !taken.has_room_for(&event) {
                            let events = mem::take(&mut taken).events;
                            self.commit(&position, before, events).await?;
                            before = position.sequence;
                        }
                        counted += 1;
                        position.sequence = sequence;
                        taken.add(event);
                    }
                    Err(error) => {
                        trouble = Some(error);
                        break;
                    }
                }
            }
            if !taken.events.is_empty() {
                self.commit(&position, before, taken.events).await?;
                *backoff = connection::backoff();
            }
            if let Some(trouble) = trouble {
                return Err(trouble);
            }
        }
        Err(Trouble::Interrupted)
    }

    async fn stream(&self, context: &Context) -> Result<Stream, Trouble> {
        let name = match &self.inlet.stream {
            Some(name) => name.clone(),
            None => {
                let found = context.stream_by_subject(self.inlet.subject.as_str()).await;
                found.map_err(|error| nobody_keeps(&self.inlet.subject, &error))?
            }
        };
        super::stream::find(context, &name).await
    }

    /// How far it has come in this stream.
    fn position(&self, stream: &Stream) -> Result<Position, Trouble> {
        let info = stream.cached_info();
        let here = Position {
            stream: info.config.name.clone(),
            made: info.created.unix_timestamp_nanos(),
            sequence: 0,
        };
        let key = self.key();
        let Some(value) = self.ledger.get(Space::Meta, key.as_bytes())? else {
            return Ok(here);
        };
        let kept: Position = record::read(key.as_bytes(), &value)?;
        if (&kept.stream, kept.made) == (&here.stream, here.made) {
            return Ok(kept);
        }
        tracing::warn!(
            source = self.inlet.source,
            subject = self.inlet.subject,
            stream = here.stream,
            "the stream is another one than before, and is taken in from its first message"
        );
        Ok(here)
    }

    async fn consume(
        &self,
        stream: &Stream,
        after: u64,
        max_payload: usize,
    ) -> Result<pull::Stream, Trouble> {
        let config = pull::Config {
            description: Some(format!("What {} follows", self.host.manifest.app.name)),
            filter_subject: self.inlet.subject.clone(),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: after + 1,
            },
            // What has been taken in is kept here, not there.
            ack_policy: AckPolicy::None,
            inactive_threshold: KEPT,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let name = || stream.cached_info().config.name.clone();
        let unusable = |reason: String| Trouble::Stream {
            stream: name(),
            reason,
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(|error| unusable(error.to_string()))?;
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
        messages.map_err(|error| unusable(error.to_string()))
    }

    fn read(
        &self,
        message: Result<Message, pull::MessagesError>,
        position: &Position,
        counted: u64,
    ) -> Result<(u64, Event), Trouble> {
        let message = message.map_err(|error| match error.kind() {
            MessagesErrorKind::MissingHeartbeat | MessagesErrorKind::NoResponders => {
                Trouble::Unreachable("it has fallen silent".to_owned())
            }
            _ => Trouble::Interrupted,
        })?;
        let info = message.info().map_err(|_| Trouble::Interrupted)?;
        if info.consumer_sequence != counted + 1 || info.stream_sequence <= position.sequence {
            return Err(Trouble::Interrupted);
        }
        let time = info.published.unix_timestamp_nanos() / 1_000_000;
        let outside = Outside {
            subject: &message.subject,
            headers: message.headers.as_ref(),
            payload: &message.payload,
            time: u64::try_from(time).unwrap_or_default(),
        };
        let id = crate::invocation::digest(&[
            position.stream.as_bytes(),
            &position.made.to_be_bytes(),
            &info.stream_sequence.to_be_bytes(),
        ]);
        let event = outside.event(id, self.inlet.kind.as_deref());
        Ok((info.stream_sequence, event))
    }

    /// Takes messages in, unless somebody else has meanwhile.
    async fn commit(
        &self,
        position: &Position,
        before: u64,
        events: Vec<Event>,
    ) -> Result<(), Trouble> {
        let key = self.key();
        let began = self.ledger.applied();
        if let Some(value) = self.ledger.get(Space::Meta, key.as_bytes())? {
            let kept: Position = record::read(key.as_bytes(), &value)?;
            if kept.made == position.made && kept.sequence != before {
                return Err(Trouble::Interrupted);
            }
        }
        let mut reads = ReadSet::default();
        reads.note_key(Space::Meta, key.as_bytes());
        let unit = Unit {
            began,
            reads,
            header: bookkeeping("nats"),
            writes: vec![record::write(Space::Meta, &key, position)?],
            events,
        };
        self.ledger.commit(unit).await?;
        Ok(())
    }

    fn key(&self) -> String {
        format!("nats-inlet/{}", self.inlet.subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Event {
        Event {
            id: String::new(),
            kind: String::new(),
            subject: String::new(),
            time: 0,
            data: vec![0; bytes],
            correlation_id: String::new(),
            causation_id: String::new(),
        }
    }

    #[test]
    fn a_commit_takes_in_few_long_messages_and_any_alone() {
        let mut taken = Taken::default();
        assert!(taken.has_room_for(&event(2 * BYTES)));
        taken.add(event(BYTES / 2));
        assert!(taken.has_room_for(&event(BYTES / 4)));
        assert!(!taken.has_room_for(&event(BYTES / 2)));
        taken.add(event(BYTES / 4));
        assert!(taken.has_room_for(&event(10)));
        assert!(!taken.has_room_for(&event(BYTES / 4)));
    }
}
