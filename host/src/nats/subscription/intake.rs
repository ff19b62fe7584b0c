//! Storing the messages of a subscription: their events and the position in the stream, in one commit.

use std::mem;

use async_nats::Message as Plain;
use async_nats::Subject;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::{self, MessagesErrorKind};

use super::event_mapping::{ReceivedEvent, ReceivedMessage};
use super::stream_loss::StreamLoss;
use super::stream_position::{self, StreamPosition};
use super::{Session, Subscriber};
use crate::journal::{Quota, ReadSet, Space, Unit, Write, bookkeeping};
use crate::nats::error::NatsError;
use crate::observe::metrics;

/// How many bytes of messages one commit stores; a larger message is taken in alone.
const BYTES: usize = 2 << 20;
/// How many events one commit stores; a larger batch is taken in alone.
const EVENTS: usize = 4_096;
/// What one commit stores.
#[derive(Default)]
pub(super) struct Taken {
    incoming: Vec<ReceivedEvent>,
    bytes: usize,
    messages: usize,
    /// Where the server waits to hear that they are kept.
    receipts: Vec<Subject>,
}

impl Taken {
    fn has_room_for(&self, incoming: &[ReceivedEvent]) -> bool {
        let bytes: usize = incoming.iter().map(ReceivedEvent::size).sum();
        let fits = self.bytes + bytes <= BYTES && self.incoming.len() + incoming.len() <= EVENTS;
        self.incoming.is_empty() || fits
    }

    fn add(&mut self, message: &Arrived, incoming: Vec<ReceivedEvent>) {
        self.bytes += incoming.iter().map(ReceivedEvent::size).sum::<usize>();
        self.incoming.extend(incoming);
        self.messages += 1;
        self.receipts.extend(message.receipt.clone());
    }
}

/// A message, and where it is.
struct Arrived {
    message: Plain,
    sequence: u64,
    /// When it was published, in nanoseconds since the Unix epoch.
    published: i128,
    receipt: Option<Subject>,
}

impl Subscriber {
    /// Takes in what has come.
    pub(super) async fn take(
        &self,
        session: &mut Session,
        chunk: Vec<Result<Message, pull::MessagesError>>,
    ) -> Result<(), NatsError> {
        let mut taken = Taken::default();
        let mut failed = None;
        for message in chunk {
            let message = match arrived(message, session) {
                Ok(message) => message,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            session.counted += 1;
            let incoming = self.read(session, &message);
            if !taken.has_room_for(&incoming) {
                self.commit(session, mem::take(&mut taken)).await?;
            }
            self.pass(session, &message);
            taken.add(&message, incoming);
        }
        if taken.messages > 0 {
            self.commit(session, taken).await?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Goes past a message, and sees whether others are missing before it.
    fn pass(&self, session: &mut Session, message: &Arrived) {
        let expected = session.place.sequence + 1;
        if session.is_whole && message.sequence > expected {
            self.dropped(session, message.sequence - expected);
        }
        session.place.note(message.sequence, message.published);
    }

    /// The events in a message that have not been taken in before.
    fn read(&self, session: &mut Session, arrived: &Arrived) -> Vec<ReceivedEvent> {
        let Arrived {
            message,
            sequence,
            published,
            ..
        } = arrived;
        if session.elsewhere.has(&message.subject, *sequence) {
            return Vec::new();
        }
        let time = u64::try_from(published / 1_000_000).unwrap_or_default();
        let message = ReceivedMessage {
            subject: &message.subject,
            headers: message.headers.as_ref(),
            payload: &message.payload,
            time,
        };
        let place = message_place(&session.place, *sequence, *published);
        let mut incoming = message.events(place.as_bytes(), self.subscription.kind.as_deref());
        let found = incoming.len();
        incoming.retain(|one| !session.repeats.recognizes(one, time));
        let repeats = found - incoming.len();
        if repeats > 0 {
            self.count(metrics::NATS_SUBSCRIPTION_DUPLICATES, repeats as u64);
            tracing::debug!(
                source = self.subscription.source.as_str(),
                subject = %message.subject,
                sequence,
                repeats,
                "events that had been read before were skipped"
            );
        }
        incoming
    }

    /// Commits what was read, and tells the server.
    pub(super) async fn commit(
        &self,
        session: &mut Session,
        taken: Taken,
    ) -> Result<(), NatsError> {
        let mut writes = vec![session.place.write(&self.subscription.subject)?];
        for incoming in &taken.incoming {
            if let Some(attributes) = &incoming.attributes {
                writes.push(attributes.write(&incoming.event.id)?);
            }
        }
        let losses = mem::take(&mut session.losses);
        // Whoever acknowledges what was lost from here on is not overwritten.
        let began = self.ledger.applied();
        let lost = StreamLoss::write(&self.ledger, &self.subscription.subject, &losses)?;
        writes.extend(lost);
        self.keep(began, session.kept.as_ref(), writes, taken.incoming)
            .await?;
        session.kept = Some(session.place.clone());
        if !losses.is_empty() {
            self.count_disturbances(&losses);
            self.show_loss()?;
        }
        for receipt in taken.receipts {
            // One that gets lost is asked for again: the message is brought once more.
            let _ = session.client.publish(receipt, "".into()).await;
        }
        Ok(())
    }

    /// Commits what was made of what was there at `began`, unless somebody else has come further meanwhile.
    pub(super) async fn keep(
        &self,
        began: u64,
        before: Option<&StreamPosition>,
        writes: Vec<Write>,
        incoming: Vec<ReceivedEvent>,
    ) -> Result<(), NatsError> {
        if StreamPosition::read(&self.ledger, &self.subscription.subject)?.as_ref() != before {
            return Err(NatsError::Interrupted);
        }
        let mut reads = ReadSet::default();
        reads.note_key(
            Space::Meta,
            stream_position::key(&self.subscription.subject).as_bytes(),
        );
        StreamLoss::note(&self.subscription.subject, &mut reads);
        let unit = Unit {
            began,
            reads,
            header: bookkeeping("nats"),
            writes,
            events: incoming.into_iter().map(|one| one.event).collect(),
        };
        // Where the volume is full, messages wait in their stream.
        let committed = self.ledger.commit_within(unit, None, Some(Quota::ALL));
        committed.await?;
        Ok(())
    }
}

/// What tells a message from all others. The time is part of it: a stream that was set back gives the same numbers to other messages.
pub(super) fn message_place(place: &StreamPosition, sequence: u64, published: i128) -> String {
    crate::core::digest(&[
        place.stream.as_bytes(),
        &place.made.to_be_bytes(),
        &sequence.to_be_bytes(),
        &published.to_be_bytes(),
    ])
}

/// A message in its order.
fn arrived(
    message: Result<Message, pull::MessagesError>,
    session: &Session,
) -> Result<Arrived, NatsError> {
    let message = message.map_err(|error| match error.kind() {
        MessagesErrorKind::MissingHeartbeat | MessagesErrorKind::NoResponders => {
            NatsError::Unreachable("the server sends no heartbeats".to_owned())
        }
        _ => NatsError::Interrupted,
    })?;
    let info = message.info().map_err(|_| NatsError::Interrupted)?;
    let (sequence, published) = (info.stream_sequence, info.published.unix_timestamp_nanos());
    let is_next = info.consumer_sequence == session.counted + 1;
    // Where messages are acknowledged one may come again, and is recognized.
    let is_new = session.reading.is_acknowledged || sequence > session.place.sequence;
    if !is_next || !is_new {
        return Err(NatsError::Interrupted);
    }
    let acknowledged = session.reading.is_acknowledged;
    Ok(Arrived {
        receipt: message.reply.clone().filter(|_| acknowledged),
        message: message.message,
        sequence,
        published,
    })
}
