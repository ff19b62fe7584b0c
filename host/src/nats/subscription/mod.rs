//! A subscription: reads a subject of NATS into a journal, where contexts follow its events like those of a context.
//!
//! The position in the stream is part of the commit that stores the messages, so each is stored exactly once, also after a crash. That the stream is still the one
//! that the position is of is checked when the host connects, and from then on: see [`stream_position`].

mod consumer;
mod deduplication;
mod event_mapping;
mod intake;
mod stream_loss;
mod stream_position;
mod unreadable;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::stream::{Info, Stream};
use async_nats::jetstream::{self, Context};
use futures::StreamExt;
use tokio::time::MissedTickBehavior;

use self::consumer::{Reading, Waiting};
use self::deduplication::{Deduplication, Policy};
use self::intake::Taken;
use self::stream_loss::Loss;
pub use self::stream_loss::StreamLoss;
use self::stream_position::{Comparison, OtherSubjects, StreamPosition};
use super::connection::{self, Connection, TIMEOUT};
use super::error::NatsError;
use super::status::{NatsStatus, SubscriptionStatus};
use super::stream::nobody_keeps;
use super::subject;
use crate::core::{Backoff, wall_clock};
use crate::journal::{CommitError, Ledger};
use crate::manifest::Subscription;
use crate::nats::bridge::Bridge;
use crate::observe::metrics;

/// How many messages are taken in by one commit.
const BATCH: usize = 256;
/// How often the stream is asked whether it is still the one that is read.
const CHECK: Duration = Duration::from_secs(5);
/// At how many looks in a row nothing of what is on the way may have come; then it counts as lost.
const LOOKS: u32 = 2;
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
    /// Whether it is not the first time that it is read.
    is_again: bool,
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
    /// How much was counted when something was on the way at the last look, and how many looks ago that was so already.
    awaited: (u64, u32),
    /// What the stream has lost, and the journal does not say yet.
    losses: Vec<Loss>,
}

impl Session {
    /// Asks for the state of the stream and, after it, what waits there.
    async fn look(&self) -> Result<(Info, Waiting), NatsError> {
        let info = super::stream::look(&self.stream, &self.place.stream).await?;
        let waiting = self.reading.waiting(self.counted).await?;
        Ok((info, waiting))
    }
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
            is_again: false,
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
            self.is_again = true;
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
                source = self.subscription.source.as_str(),
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
        let mut losses = self.connection.losses();
        let mut session = self.begin().await?;
        self.show(|status| {
            status.error = None;
            status.stream = Some(session.place.stream.clone());
            status.dropped = session.place.dropped;
        });
        self.show_loss()?;
        if self.said.take().is_some() {
            tracing::info!(
                source = self.subscription.source.as_str(),
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
                _ = checking.tick() => {
                    let seen = tokio::select! {
                        // The answer went with the connection.
                        Ok(()) = losses.changed() => Err(NatsError::Interrupted),
                        seen = session.look() => seen,
                    };
                    self.check(&mut session, seen?).await?;
                }
                // What was on the way counts as sent, and does not come again by itself.
                Ok(()) = losses.changed() => return Err(NatsError::Interrupted),
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
        let mut losses = Vec::new();
        let mut place = match kept {
            Some(place) => {
                self.recognize(&context, &place, &stream, &mut places, &mut losses)
                    .await?
            }
            None => StreamPosition::beginning(info),
        };
        let mut kept = StreamPosition::read(&self.ledger, &self.subscription.subject)?;
        let elsewhere = OtherSubjects::of(&places, &self.subscription.subject, info);
        place.sequence = place
            .sequence
            .max(elsewhere.covers(&self.subscription.subject));
        if self.is_again {
            let at = unreadable::Reached {
                place: &mut place,
                kept: &mut kept,
            };
            self.step_over_unreadable(&context, &stream, at).await?;
        }
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
        // What came under other subjects may have come later.
        let is_only = places.len() <= 1;
        let read_upto = place.read_upto().filter(|_| is_only);
        let mut subjects = info.config.subjects.iter();
        Ok(Session {
            client,
            repeats: Deduplication::read(&self.ledger, policy, came_to.min(now), read_upto).await?,
            is_whole: subjects.all(|taken| subject::covers(&self.subscription.subject, taken)),
            counted: reading.counted,
            awaited: (0, 0),
            losses,
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

    /// The place to go on from in a stream that something was taken in from before. `losses` gets what is not said in the journal yet.
    async fn recognize(
        &self,
        context: &Context,
        place: &StreamPosition,
        stream: &Stream,
        places: &mut BTreeMap<String, StreamPosition>,
        losses: &mut Vec<Loss>,
    ) -> Result<StreamPosition, NatsError> {
        let info = stream.cached_info();
        let now = wall_clock();
        match place.compare(context, info).await? {
            Comparison::Same => Ok(place.clone()),
            Comparison::Another => {
                tracing::warn!(
                    source = self.subscription.source.as_str(),
                    subject = self.subscription.subject,
                    stream = info.config.name,
                    "the stream was replaced by another one and is read from its first message; CloudEvents that were read before are recognized and skipped"
                );
                losses.push(Loss::Replaced);
                Ok(place.anew(info, now))
            }
            Comparison::SetBack(to) => {
                tracing::warn!(
                    source = self.subscription.source.as_str(),
                    subject = self.subscription.subject,
                    stream = info.config.name,
                    "the stream lost messages that had been read: it was read up to {}, and is unchanged only up to {to}. It is read again from there; events that were read before are skipped",
                    place.sequence
                );
                let back = place.set_back(to, now);
                let subject = &self.subscription.subject;
                let began = self.ledger.applied();
                let mut writes = vec![back.write(subject)?];
                writes.extend(StreamLoss::write(&self.ledger, subject, &[Loss::SetBack])?);
                // What was taken in under other subjects is no more of what is there now, either.
                for (subject, other) in places.iter_mut() {
                    if *subject != self.subscription.subject
                        && other.is_of(info)
                        && other.sequence > to
                    {
                        let followed = self.bridge.manifest().subscriptions();
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
                self.keep(began, Some(place), writes, Vec::new()).await?;
                self.count_disturbances(&[Loss::SetBack]);
                Ok(back)
            }
        }
    }

    /// Looks whether the stream is still the one that is read, whether it drops what was not taken in, and how much waits there.
    async fn check(&self, session: &mut Session, seen: (Info, Waiting)) -> Result<(), NatsError> {
        let (info, waiting) = seen;
        if !session.place.is_of(&info) || info.state.last_sequence < session.place.sequence {
            return Err(NatsError::Interrupted);
        }
        let first = info.state.first_sequence;
        if !session.reading.is_acknowledged && first > session.place.sequence + 1 {
            self.dropped(session, first - session.place.sequence - 1);
            session.place.sequence = first - 1;
        }
        let Waiting {
            pending,
            on_the_way,
        } = waiting;
        session.awaited = match session.awaited {
            _ if on_the_way == 0 => (0, 0),
            (counted, looks) if counted == session.counted => (counted, looks + 1),
            _ => (session.counted, 1),
        };
        if session.awaited.1 > LOOKS {
            return Err(NatsError::Interrupted);
        }
        let waiting = pending + on_the_way;
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
        session.losses.push(Loss::Dropped(messages));
        let which = match session.is_whole {
            true => "",
            false => ", some of which may have been at this subject",
        };
        tracing::warn!(
            source = self.subscription.source.as_str(),
            subject = self.subscription.subject,
            stream = session.place.stream,
            "the stream dropped {messages} messages after sequence {} before they were read{which}; raise its limits, or keep the host running",
            session.place.sequence
        );
    }

    /// Shows what the stream has lost, as far as nobody has acknowledged it.
    fn show_loss(&self) -> Result<(), NatsError> {
        let loss = StreamLoss::read(&self.ledger, &self.subscription.subject)?;
        self.show(|status| status.loss = loss);
        Ok(())
    }

    /// Counts what is in the journal by now.
    fn count_disturbances(&self, losses: &[Loss]) {
        for loss in losses {
            let kind = match loss {
                Loss::Dropped(messages) => {
                    self.count(metrics::NATS_SUBSCRIPTION_DROPPED, *messages);
                    continue;
                }
                Loss::SetBack => "set_back",
                Loss::Replaced => "replaced",
            };
            let labels = [
                ("source", self.subscription.source.to_string()),
                ("subject", self.subscription.subject.clone()),
                ("kind", kind.to_owned()),
            ];
            ::metrics::counter!(metrics::NATS_SUBSCRIPTION_DISTURBED, &labels).increment(1);
        }
    }

    fn count(&self, counter: &'static str, by: u64) {
        let labels = [
            ("source", self.subscription.source.to_string()),
            ("subject", self.subscription.subject.clone()),
        ];
        ::metrics::counter!(counter, &labels).increment(by);
    }
}

/// An operator has seen what a followed stream has lost. False when nothing was, or the subject is not followed.
///
/// # Errors
///
/// When the journal cannot be written; a conflict means that more was lost meanwhile.
pub async fn acknowledge_loss(
    bridge: &Bridge,
    source: &str,
    subject: &str,
) -> Result<bool, CommitError> {
    let (Some(ledger), Some(status)) = (bridge.ledger(source), &bridge.status) else {
        return Ok(false);
    };
    let mut followed = bridge.manifest().subscriptions().into_iter();
    let named = |one: &Subscription| one.source == source && one.subject == subject;
    let Some(followed) = followed.find(named) else {
        return Ok(false);
    };
    let is_seen = StreamLoss::acknowledge(&ledger, subject).await?;
    if is_seen {
        let loss = StreamLoss::read(&ledger, subject)?;
        status.note_subscription(&followed.source, subject, |status| status.loss = loss);
    }
    Ok(is_seen)
}
