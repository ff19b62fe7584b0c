//! A subscription: reads a subject of NATS into a journal, where contexts follow its events like those of a context.
//!
//! The position in the stream is part of the commit that stores the messages, so each is stored exactly once, also after a crash. That the stream is still the one
//! that the position is of is checked when the host connects, and from then on: see [`stream_position`].

mod consumer;
mod deduplication;
mod event_mapping;
mod stream_position;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Message as Plain;
use async_nats::jetstream::consumer::pull::{self, MessagesErrorKind};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context, Message};
use async_nats::{Client, Subject};
use futures::StreamExt;
use tokio::time::MissedTickBehavior;

use self::consumer::Reading;
use self::deduplication::{Deduplication, Policy};
use self::event_mapping::{ReceivedEvent, ReceivedMessage};
use self::stream_position::{Comparison, OtherSubjects, StreamPosition};
use super::connection::{self, Connection, TIMEOUT};
use super::error::NatsError;
use super::status::{NatsStatus, SubscriptionStatus};
use super::stream::nobody_keeps;
use super::subject;
use crate::core::{Backoff, wall_clock};
use crate::journal::{Ledger, ReadSet, Space, Unit, Write, bookkeeping};
use crate::manifest::Subscription;
use crate::nats::bridge::Bridge;
use crate::observe::metrics;

/// How many messages are taken in by one commit.
const BATCH: usize = 256;
/// How many bytes of them; a larger message is taken in alone.
const BYTES: usize = 2 << 20;
/// How many events of them; a larger batch is taken in alone.
const EVENTS: usize = 4_096;
/// How often the stream is asked whether it is still the one that is read.
const CHECK: Duration = Duration::from_secs(5);
/// How long after a stream was set back or exchanged repeats are recognized by their names, in milliseconds.
const DISTURBANCE: u64 = 24 * 60 * 60 * 1_000;

/// Reads one subject.
pub(super) struct Subscriber {
    bridge: Arc<Bridge>,
    connection: Arc<Connection>,
    status: Arc<NatsStatus>,
    ledger: Arc<Ledger>,
    subscription: Subscription,
    /// The error that was logged last.
    said: Option<String>,
}

/// What is read, and how far it has come.
struct Session {
    client: Client,
    stream: Stream,
    reading: Reading,
    elsewhere: OtherSubjects,
    repeats: Deduplication,
    place: StreamPosition,
    /// The place that is kept in the journal.
    kept: Option<StreamPosition>,
    /// Whether the subject stands for all that the stream takes: a number that is missing is a message that was dropped then.
    is_whole: bool,
    /// The consumer counts what it sends: a gap means that something was lost on the way.
    counted: u64,
}

/// What one commit takes in.
#[derive(Default)]
struct Taken {
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
    pub(super) fn new(
        bridge: &Arc<Bridge>,
        connection: &Arc<Connection>,
        status: &Arc<NatsStatus>,
        ledger: &Arc<Ledger>,
        subscription: Subscription,
    ) -> Self {
        Self {
            bridge: bridge.clone(),
            connection: connection.clone(),
            status: status.clone(),
            ledger: ledger.clone(),
            subscription,
            said: None,
        }
    }

    /// Takes in until the host stops.
    pub(super) async fn run(mut self) {
        let stop = self.bridge.shutdown.clone();
        let mut backoff = connection::backoff();
        self.show(|_| {});
        loop {
            let error = tokio::select! {
                () = stop.cancelled() => return,
                Err(error) = self.take_in(&mut backoff) => error,
            };
            self.note(&error);
            if backoff.pause(&stop).await.is_break() {
                return;
            }
        }
    }

    fn note(&mut self, error: &NatsError) {
        let text = error.to_string();
        self.show(|status| status.error = Some(text.clone()));
        if self.said.as_ref() != Some(&text) {
            tracing::warn!(
                source = self.subscription.source,
                subject = self.subscription.subject,
                "messages are not being read from NATS and wait there: {text}"
            );
            self.said = Some(text);
        }
    }

    fn show(&self, change: impl FnOnce(&mut SubscriptionStatus)) {
        let Subscription {
            source, subject, ..
        } = &self.subscription;
        self.status.note_subscription(source, subject, change);
    }

    /// Connects, finds the stream, and goes on behind the last message that was taken in.
    async fn take_in(&mut self, backoff: &mut Backoff) -> Result<Infallible, NatsError> {
        let mut session = self.begin().await?;
        self.show(|status| {
            status.error = None;
            status.stream = Some(session.place.stream.clone());
            status.dropped = session.place.dropped;
        });
        if self.said.take().is_some() {
            tracing::info!(
                source = self.subscription.source,
                subject = self.subscription.subject,
                "messages are being read again"
            );
        }
        let mut checking = tokio::time::interval(CHECK);
        checking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                chunk = session.reading.messages.next() => {
                    let chunk = chunk.ok_or(NatsError::Interrupted)?;
                    self.take(&mut session, chunk).await?;
                    *backoff = connection::backoff();
                }
                _ = checking.tick() => self.check(&mut session).await?,
            }
        }
    }

    async fn begin(&self) -> Result<Session, NatsError> {
        let client = self.connection.client().await?;
        let builder = jetstream::context::ContextBuilder::new().timeout(TIMEOUT);
        let context = builder.build(client.clone());
        let stream = self.stream(&context).await?;
        let info = stream.cached_info();
        let mut places = StreamPosition::all(&self.ledger)?;
        let kept = StreamPosition::read(&self.ledger, &self.subscription.subject)?;
        let mut place = match kept {
            Some(place) => self.recognize(&place, &stream, &mut places).await?,
            None => StreamPosition::beginning(info),
        };
        let kept = StreamPosition::read(&self.ledger, &self.subscription.subject)?;
        let elsewhere = OtherSubjects::of(&places, &self.subscription.subject, info);
        place.sequence = place
            .sequence
            .max(elsewhere.covers(&self.subscription.subject));
        let reading = consumer::open(
            &self.bridge,
            &self.subscription,
            &client,
            &stream,
            &place,
            &places,
        )
        .await?;
        let now = wall_clock();
        let policy = Policy {
            redelivered: reading.is_acknowledged,
            republished: place
                .disturbed
                .is_some_and(|at| now < at.saturating_add(DISTURBANCE)),
            window: self.subscription.deduplicate,
        };
        let came_to = info.state.last_timestamp.unix_timestamp_nanos() / 1_000_000;
        let came_to = u64::try_from(came_to).unwrap_or_default();
        let mut subjects = info.config.subjects.iter();
        Ok(Session {
            client,
            repeats: Deduplication::read(&self.ledger, policy, came_to.min(now)).await?,
            is_whole: subjects.all(|taken| subject::covers(&self.subscription.subject, taken)),
            counted: reading.counted,
            reading,
            elsewhere,
            place,
            kept,
            stream,
        })
    }

    async fn stream(&self, context: &Context) -> Result<Stream, NatsError> {
        let name = match &self.subscription.stream {
            Some(name) => name.clone(),
            None => {
                let found = context
                    .stream_by_subject(self.subscription.subject.as_str())
                    .await;
                found.map_err(|error| nobody_keeps(&self.subscription.subject, &error))?
            }
        };
        super::stream::find(context, &name).await
    }

    /// The place to go on from in a stream that something was taken in from before.
    async fn recognize(
        &self,
        place: &StreamPosition,
        stream: &Stream,
        places: &mut BTreeMap<String, StreamPosition>,
    ) -> Result<StreamPosition, NatsError> {
        let info = stream.cached_info();
        let now = wall_clock();
        match place.compare(stream, info).await? {
            Comparison::Same => Ok(place.clone()),
            Comparison::Another => {
                tracing::warn!(
                    source = self.subscription.source,
                    subject = self.subscription.subject,
                    stream = info.config.name,
                    "the stream was replaced by another one and is read from its first message; CloudEvents that were read before are recognized and skipped"
                );
                Ok(place.anew(info, now))
            }
            Comparison::SetBack(to) => {
                tracing::warn!(
                    source = self.subscription.source,
                    subject = self.subscription.subject,
                    stream = info.config.name,
                    "the stream lost messages that had been read: it was read up to {}, and is unchanged only up to {to}. It is read again from there; events that were read before are skipped",
                    place.sequence
                );
                let back = place.set_back(to, now);
                let mut writes = vec![back.write(&self.subscription.subject)?];
                // What was taken in under other subjects is no more of what is there now, either.
                for (subject, other) in places.iter_mut() {
                    if *subject != self.subscription.subject
                        && other.is_of(info)
                        && other.sequence > to
                    {
                        let followed = self.bridge.manifest.subscriptions();
                        let mut followed = followed.iter();
                        let is_read = followed.any(|subscription| {
                            subscription.source == self.subscription.source
                                && subscription.subject == *subject
                        });
                        // Whoever reads it notices by itself.
                        if !is_read {
                            *other = other.set_back(to, now);
                            writes.push(other.write(subject)?);
                        }
                    }
                }
                self.keep(Some(place), writes, Vec::new()).await?;
                Ok(back)
            }
        }
    }

    /// Takes in what has come.
    async fn take(
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
        // The time is part of it: a stream that was set back gives the same numbers to other messages.
        let place = crate::core::digest(&[
            session.place.stream.as_bytes(),
            &session.place.made.to_be_bytes(),
            &sequence.to_be_bytes(),
            &published.to_be_bytes(),
        ]);
        let mut incoming = message.events(place.as_bytes(), self.subscription.kind.as_deref());
        let found = incoming.len();
        incoming.retain(|one| !session.repeats.recognizes(one, time));
        let repeats = found - incoming.len();
        if repeats > 0 {
            self.count(metrics::NATS_SUBSCRIPTION_DUPLICATES, repeats as u64);
            tracing::debug!(
                source = self.subscription.source,
                subject = %message.subject,
                sequence,
                repeats,
                "events that had been read before were skipped"
            );
        }
        incoming
    }

    /// Commits what was read, and tells the server.
    async fn commit(&self, session: &mut Session, taken: Taken) -> Result<(), NatsError> {
        let mut writes = vec![session.place.write(&self.subscription.subject)?];
        for incoming in &taken.incoming {
            if let Some(attributes) = &incoming.attributes {
                writes.push(attributes.write(&incoming.event.id)?);
            }
        }
        self.keep(session.kept.as_ref(), writes, taken.incoming)
            .await?;
        session.kept = Some(session.place.clone());
        for receipt in taken.receipts {
            // One that gets lost is asked for again: the message is brought once more.
            let _ = session.client.publish(receipt, "".into()).await;
        }
        Ok(())
    }

    /// Commits, unless somebody else has come further meanwhile.
    async fn keep(
        &self,
        before: Option<&StreamPosition>,
        writes: Vec<Write>,
        incoming: Vec<ReceivedEvent>,
    ) -> Result<(), NatsError> {
        let began = self.ledger.applied();
        if StreamPosition::read(&self.ledger, &self.subscription.subject)?.as_ref() != before {
            return Err(NatsError::Interrupted);
        }
        let mut reads = ReadSet::default();
        reads.note_key(
            Space::Meta,
            stream_position::key(&self.subscription.subject).as_bytes(),
        );
        let unit = Unit {
            began,
            reads,
            header: bookkeeping("nats"),
            writes,
            events: incoming.into_iter().map(|one| one.event).collect(),
        };
        self.ledger.commit(unit).await?;
        Ok(())
    }

    /// Asks whether the stream is still the one that is read, whether it drops what was not taken in, and how much waits there.
    async fn check(&self, session: &mut Session) -> Result<(), NatsError> {
        let info = super::stream::look(&session.stream, &session.place.stream).await?;
        if !session.place.is_of(&info) || info.state.last_sequence < session.place.sequence {
            return Err(NatsError::Interrupted);
        }
        let first = info.state.first_sequence;
        if !session.reading.is_acknowledged && first > session.place.sequence + 1 {
            self.dropped(session, first - session.place.sequence - 1);
            session.place.sequence = first - 1;
        }
        let waiting = session.reading.waiting(session.counted).await?;
        if waiting == 0 {
            // The consumer was asked after the stream: whatever is for it of what the stream had is taken in.
            session.place.sequence = session.place.sequence.max(info.state.last_sequence);
        }
        if session.kept.as_ref() != Some(&session.place) {
            self.commit(session, Taken::default()).await?;
        }
        self.show(|status| {
            status.waiting = Some(waiting);
            status.dropped = session.place.dropped;
        });
        Ok(())
    }

    /// Says that the stream dropped messages which were not taken in.
    fn dropped(&self, session: &mut Session, messages: u64) {
        if messages == 0 {
            return;
        }
        session.place.dropped += messages;
        self.count(metrics::NATS_SUBSCRIPTION_DROPPED, messages);
        let which = match session.is_whole {
            true => "",
            false => ", some of which may have been at this subject",
        };
        tracing::warn!(
            source = self.subscription.source,
            subject = self.subscription.subject,
            stream = session.place.stream,
            "the stream dropped {messages} messages after sequence {} before they were read{which}; raise its limits, or keep the host running",
            session.place.sequence
        );
    }

    fn count(&self, counter: &'static str, by: u64) {
        let labels = [
            ("source", self.subscription.source.clone()),
            ("subject", self.subscription.subject.clone()),
        ];
        ::metrics::counter!(counter, &labels).increment(by);
    }
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
