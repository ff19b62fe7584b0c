//! The relay: takes events from the journals and publishes them, for as long as the host runs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;

use async_nats::jetstream::{self, Context};
use futures::stream::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use super::bridge::Bridge;
use super::command::RelayCommand;
use super::connection::{self, Connection, TIMEOUT};
use super::dead_letter;
use super::error::NatsError;
use super::message::{Address, Message};
use super::relay_position::{self, Kept, Periods, StreamEnd};
use super::republish::{self, Republication};
use super::session::{self, WINDOW};
use super::status::NatsStatus;
use super::stream::{self, End, Published};
use crate::core::{ContextName, EventId, wall_clock};
use crate::events::feed::{Begin, Feed};
use crate::events::feed_position::FeedPosition;
use crate::journal::{self, EventPosition, Ledger};
use crate::manifest::{Engine, HOST_SOURCE, NatsSettings};

/// How many contexts' last events are asked for at once.
const ASKED: usize = 32;

/// The relay of an app.
pub(super) struct Relay {
    pub(super) bridge: Arc<Bridge>,
    settings: NatsSettings,
    pub(super) status: Arc<NatsStatus>,
    pub(super) address: Address,
    connection: Arc<Connection>,
    pub(super) feed: Option<Feed>,
    /// What was read and is not confirmed, in order. The order stays when it is sent again: what was sent before, and arrives late, is the same then.
    pub(super) unconfirmed: VecDeque<Message>,
    /// The newest event that was confirmed.
    confirmed: Option<EventId>,
    /// How far it has come with that.
    pub(super) places: FeedPosition,
    /// How far it has come with what was read. The places of contexts that are not part of the app now are carried along: one may come back.
    read: FeedPosition,
    /// How far is kept.
    kept: FeedPosition,
    /// How far the stream goes with what was confirmed; none before it is known.
    pub(super) end: Option<StreamEnd>,
    /// Which places from before were kept last.
    periods: Periods,
    /// Whether the stream has lost something, and the places are still those of before.
    is_set_back: bool,
    /// Commands of operators.
    pub(super) commands: mpsc::Receiver<RelayCommand>,
    /// What is being republished.
    pub(super) republications: VecDeque<Republication>,
    /// The dead letters behind what is kept, including those that were published or dropped since.
    pub(super) dead_letters: BTreeSet<(ContextName, EventPosition)>,
    /// Contexts that have as many dead letters as they may: their events wait.
    pub(super) held: BTreeSet<ContextName>,
    /// Whether the next event is one that is published again, where there are both.
    is_turn_of_republications: bool,
}

impl Relay {
    pub(super) fn new(
        bridge: &Arc<Bridge>,
        settings: NatsSettings,
        status: Arc<NatsStatus>,
        connection: &Arc<Connection>,
        address: Address,
    ) -> Self {
        let commands = status.commands();
        Self {
            bridge: bridge.clone(),
            settings,
            status,
            address,
            connection: connection.clone(),
            feed: None,
            unconfirmed: VecDeque::new(),
            confirmed: None,
            places: FeedPosition::default(),
            read: FeedPosition::default(),
            kept: FeedPosition::default(),
            end: None,
            periods: Periods::default(),
            is_set_back: false,
            commands,
            republications: VecDeque::new(),
            dead_letters: BTreeSet::new(),
            held: BTreeSet::new(),
            is_turn_of_republications: true,
        }
    }

    /// Publishes until the host stops.
    pub(super) async fn run(mut self) {
        let stop = self.bridge.shutdown.clone();
        let mut backoff = connection::backoff();
        if let Err(error) = self.remember().await {
            self.note(&error);
        }
        loop {
            let before = self.confirmed.clone();
            let error = tokio::select! {
                () = stop.cancelled() => break,
                Err(error) = self.publish() => error,
            };
            if self.confirmed != before {
                backoff = connection::backoff();
            }
            if matches!(error, NatsError::Added) {
                continue;
            }
            if let NatsError::Unpublishable { id, reason } = &error {
                match self.set_aside(id, reason).await {
                    Ok(()) => continue,
                    Err(error) => self.note(&error),
                }
            }
            self.note(&error);
            self.reject_commands(&error);
            if backoff.pause(&stop).await.is_break() {
                break;
            }
        }
        if let Err(error) = self.keep_position().await {
            tracing::warn!("{error}; it is read from the stream at the next start");
        }
    }

    fn note(&self, error: &NatsError) {
        if matches!(error, NatsError::Overtaken) {
            tracing::debug!("{error}; reading the end of the stream again");
            return;
        }
        let text = error.to_string();
        // Said once, not at each attempt.
        if self.status.note_error(Some(text.clone())) {
            tracing::warn!("events are not being published and wait in the journals: {text}");
        }
    }

    /// What an earlier process knew: how far it had come, what it could not publish, and what it was to publish again.
    async fn remember(&mut self) -> Result<(), NatsError> {
        let bridge = self.bridge.clone();
        let (places, dead_letters, requests) = reading(move || {
            let own = bridge.ledger(HOST_SOURCE);
            let own = own.as_deref();
            let places = own.map_or(Ok(None), relay_position::read)?;
            let requests = own.map_or(Ok(Vec::new()), republish::stored_requests)?;
            Ok((places, dead_letter::all(&bridge)?, requests))
        })
        .await?;
        // Until the stream tells: so what waits can be counted while no server is there.
        let places = places.filter(|_| self.outlives_the_process());
        self.status.note_places(places.unwrap_or_default());
        let dead_letters = dead_letters.into_iter().map(|letter| letter.place);
        self.dead_letters = dead_letters.map(|id| (id.context, id.position)).collect();
        for request in requests {
            if let Some(ledger) = self.bridge.ledger(&request.context) {
                self.republications
                    .push_back(Republication::begin(request, &ledger).await?);
            }
        }
        Ok(())
    }

    /// Connects, finds out where the stream ends, and goes on from there.
    async fn publish(&mut self) -> Result<std::convert::Infallible, NatsError> {
        let context = self.jetstream().await?;
        let ledgers = self.bridge.ledgers();
        let contexts = || ledgers.keys();
        let opened = stream::open(&context, &self.address, &self.settings, contexts()).await?;
        let End { sequence, event } =
            stream::end(&context, &opened.stream, &self.address, contexts()).await?;
        let is_empty = sequence == 0;
        let made = opened.stream.cached_info().created.unix_timestamp_nanos();
        let end = StreamEnd { made, sequence };
        self.go_on_after(&context, end, event).await?;
        self.take_up_added(&context, end, &ledgers).await?;
        // From here on what was confirmed and what the stream has belong together.
        self.end = Some(end);
        if is_empty {
            self.notify_empty_stream(opened.is_new).await?;
        }
        if self.status.note_error(None) {
            tracing::info!(stream = self.address.stream, "events are published again");
        }
        session::run(self, context, sequence).await
    }

    async fn jetstream(&self) -> Result<Context, NatsError> {
        let client = self.connection.client().await?;
        let builder = jetstream::context::ContextBuilder::new();
        let builder = builder.timeout(TIMEOUT).max_ack_inflight(2 * WINDOW);
        Ok(builder.backpressure_on_inflight(true).build(client))
    }

    /// Makes what is sent next be what comes after the last event of the stream.
    async fn go_on_after(
        &mut self,
        context: &Context,
        end: StreamEnd,
        last: Option<Published>,
    ) -> Result<(), NatsError> {
        if let Some(last) = last {
            if self.confirmed.as_ref() == Some(&last.id) {
                return Ok(());
            }
            let place = self.unconfirmed.iter().position(|one| *one.id() == last.id);
            if let Some(place) = place {
                self.confirm(place + 1);
                return Ok(());
            }
            if self.outlives_the_process() && self.is_ours(&last).await? {
                let places = self.published(context, end).await?;
                self.begin_after(Some(places)).await?;
                // Not sooner: whoever comes here again after a failure has not gone on from there.
                self.confirmed = Some(last.id);
                return Ok(());
            }
            tracing::warn!(
                stream = self.address.stream,
                "the stream ends with an event that is not in the journals: it belongs to another data directory"
            );
        }
        let kept = self.read_kept(end).await?;
        if self.feed.is_some() && !self.is_set_back {
            return Ok(());
        }
        self.begin_after(kept).await
    }

    /// Whether a context was added whose events are not read yet.
    pub(super) fn lacks_a_journal(&self) -> bool {
        let feed = self.feed.as_ref();
        feed.is_some_and(|feed| feed.count() < self.bridge.invoker.ledgers.own.count())
    }

    /// Reads from now on what the stream takes by now of contexts that were added: of one that comes back, what comes after its last event there.
    async fn take_up_added(
        &mut self,
        context: &Context,
        end: StreamEnd,
        ledgers: &BTreeMap<ContextName, Arc<Ledger>>,
    ) -> Result<(), NatsError> {
        if !self.lacks_a_journal() {
            return Ok(());
        }
        let places = match self.outlives_the_process() {
            true => self.published(context, end).await?,
            false => FeedPosition::default(),
        };
        let Some(feed) = &mut self.feed else {
            return Ok(());
        };
        for (name, ledger) in ledgers {
            if feed.has(name) {
                continue;
            }
            let place = places.0.get(name).copied();
            // A journal that was begun anew has nothing to do with what was counted.
            let place = place.filter(|place| place.commit <= ledger.flushed());
            let place = place.unwrap_or_default();
            feed.add(name, ledger, place);
            self.read.note(name, place);
            self.places.note(name, place);
            self.status.note_place(name, place);
        }
        Ok(())
    }

    /// Where the host's own journal says that it stood when the stream ended there. A stream that has lost something sets back what is kept, too.
    async fn read_kept(&mut self, end: StreamEnd) -> Result<Option<FeedPosition>, NatsError> {
        let bridge = self.bridge.clone();
        let kept = reading(move || {
            let own = bridge.ledger(HOST_SOURCE);
            own.map_or(Ok(Kept::default()), |own| {
                relay_position::read_at(&own, end)
            })
        });
        let kept = kept.await?;
        let Some(before) = kept.set_back_from else {
            return Ok(kept.places);
        };
        tracing::warn!(
            stream = self.address.stream,
            "the stream lost messages that the server had confirmed: it went up to {before}, and ends at {} now. Their events are published again",
            end.sequence
        );
        self.is_set_back = true;
        // What could not be published then is met again.
        let bridge = self.bridge.clone();
        let letters = reading(move || dead_letter::all(&bridge)).await?;
        let letters = letters.into_iter().map(|letter| letter.place);
        self.dead_letters = letters.map(|id| (id.context, id.position)).collect();
        if let Some(own) = self.bridge.ledger(HOST_SOURCE) {
            relay_position::set_back(&own, kept.places.as_ref(), end, &kept.lost).await?;
        }
        self.kept = kept.places.clone().unwrap_or_default();
        self.periods = Periods::default();
        Ok(kept.places)
    }

    /// How far each context is published: as far as was kept, and those that have come further since as far as their last event in the stream.
    async fn published(
        &mut self,
        context: &Context,
        end: StreamEnd,
    ) -> Result<FeedPosition, NatsError> {
        let mut places = self.read_kept(end).await?.unwrap_or_default();
        let this = &*self;
        let ledgers = this.bridge.ledgers();
        let further = ledgers.iter().filter(|(name, ledger)| {
            let kept = places.0.get(*name).map_or(0, |place| place.commit);
            ledger.flushed() > kept
        });
        let asking = further.map(|(name, _)| async move {
            let last = stream::last_of(context, &this.address, name).await?;
            Ok::<_, NatsError>(match last {
                Some(last) if this.is_ours(&last).await? => last.come_to(),
                _ => None,
            })
        });
        let asking = futures::stream::iter(asking.collect::<Vec<_>>());
        let found: Vec<_> = asking.buffered(ASKED).try_collect().await?;
        for (name, place) in found.into_iter().flatten() {
            let kept = places.0.get(&name).copied().unwrap_or_default();
            places.note(&name, place.max(kept));
        }
        Ok(places)
    }

    /// Whether what was counted by a process before this one can be true of the journals. In memory they begin anew with each, and come to the same places
    /// with other events.
    fn outlives_the_process(&self) -> bool {
        self.bridge.manifest().journal.engine != Engine::Memory
    }

    /// Whether the journals hold an event where the stream says it is.
    async fn is_ours(&self, last: &Published) -> Result<bool, NatsError> {
        let ledger = self.bridge.ledger(&last.context);
        let (Some(ledger), Some(place)) = (ledger, last.place) else {
            return Ok(false);
        };
        let id = last.id.clone();
        reading(move || {
            let commits = ledger
                .journal()
                .commits(place.commit.saturating_sub(1), 1)?;
            Ok(commits.iter().any(|(commit, _, events)| {
                let event = events.get(usize::from(place.index));
                *commit == place.commit && event.is_some_and(|event| event.id == id)
            }))
        })
        .await
    }

    async fn begin_after(&mut self, places: Option<FeedPosition>) -> Result<(), NatsError> {
        let mut places = places.unwrap_or_default();
        let ledgers = self.bridge.ledgers();
        // A journal that was begun anew has nothing to do with what was counted.
        places.0.retain(|name, place| {
            let ledger = ledgers.get(name);
            ledger.is_none_or(|ledger| place.commit <= ledger.flushed())
        });
        let journals = ledgers.iter();
        let journals: Vec<(ContextName, Arc<Ledger>)> = journals
            .map(|(name, ledger)| (name.clone(), ledger.clone()))
            .collect();
        let begin = Begin::After(places.clone());
        self.unconfirmed.clear();
        for republication in &mut self.republications {
            republication.rewind().await?;
        }
        let feed = Feed::open(journals, BTreeSet::new(), begin)
            .await?
            .in_turns();
        // Whoever was held is met again at the same event.
        self.held.clear();
        self.status.note_held(&self.held);
        self.read = places.clone();
        for (name, place) in &feed.places().0 {
            self.read.note(name, *place);
        }
        self.feed = Some(feed);
        self.status.note_places(places.clone());
        self.places = places;
        self.is_set_back = false;
        Ok(())
    }

    /// Reads the next event and makes it a message, the last of the unconfirmed ones; `false` when all that there are have been taken. What is published again
    /// and what is new take turns.
    pub(super) async fn take(&mut self) -> Result<bool, NatsError> {
        self.is_turn_of_republications = !self.is_turn_of_republications;
        if self.is_turn_of_republications {
            return Ok(self.take_again().await? || self.take_new().await?);
        }
        Ok(self.take_new().await? || self.take_again().await?)
    }

    async fn take_again(&mut self) -> Result<bool, NatsError> {
        for _ in 0..self.republications.len() {
            // They take turns, too.
            self.republications.rotate_left(1);
            let Some(republication) = self.republications.front_mut() else {
                break;
            };
            if let Some(told) = republication.next().await? {
                let come_to = self.read.0.get(&*told.context).copied();
                let message = Message::new(told);
                let message =
                    message.republished(&republication.request.id, come_to.unwrap_or_default());
                self.unconfirmed.push_back(message);
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn take_new(&mut self) -> Result<bool, NatsError> {
        let Some(feed) = &mut self.feed else {
            return Ok(false);
        };
        while let Some(told) = feed.next().await? {
            self.read.note(&told.context, told.position);
            let place = (told.context.clone(), told.position);
            if self.dead_letters.contains(&place) {
                match self.unconfirmed.back_mut() {
                    Some(message) => message.passed.push((told.context, told.position)),
                    None => {
                        self.places.note(&told.context, told.position);
                        self.status.note_place(&told.context, told.position);
                    }
                }
                continue;
            }
            self.unconfirmed.push_back(Message::new(told));
            return Ok(true);
        }
        Ok(false)
    }

    /// Leaves the new events of a context behind a place to be read again, when it is its turn. Whatever has counted on them does not any more.
    pub(super) fn set_back(&mut self, context: &ContextName, after: EventPosition) {
        let unconfirmed = mem::take(&mut self.unconfirmed);
        for mut message in unconfirmed {
            let is_behind =
                |context_of: &ContextName, position| context_of == context && position > after;
            message
                .passed
                .retain(|(context_of, position)| !is_behind(context_of, *position));
            if is_behind(&message.context, message.position) && message.republish_id().is_none() {
                self.pass(message.passed);
                continue;
            }
            if message.context == *context {
                message.come_no_further_than(after);
            }
            self.unconfirmed.push_back(message);
        }
        self.read.note(context, after);
        if let Some(feed) = &mut self.feed {
            feed.go_back(context, after);
        }
    }

    /// Counts events as published with the last message that is under way; at once where there is none.
    pub(super) fn pass(&mut self, passed: Vec<(ContextName, EventPosition)>) {
        if let Some(before) = self.unconfirmed.back_mut() {
            return before.passed.extend(passed);
        }
        for (context, position) in passed {
            self.places.note(&context, position);
            self.status.note_place(&context, position);
        }
    }

    /// Notes that so many of the unconfirmed messages are in the stream.
    pub(super) fn confirm(&mut self, count: usize) {
        for message in self.unconfirmed.drain(..count) {
            match message.republish_id() {
                None => {
                    self.places.note(&message.context, message.position);
                    self.status.note_place(&message.context, message.position);
                }
                Some(id) => {
                    let mut requests = self
                        .republications
                        .iter_mut()
                        .map(|republication| &mut republication.request);
                    if let Some(request) = requests.find(|one| one.id == id) {
                        request.after = message.position;
                    }
                }
            }
            for (context, position) in &message.passed {
                self.places.note(context, *position);
                self.status.note_place(context, *position);
            }
            self.confirmed = Some(message.into_id());
        }
    }

    /// Keeps how far it has come, if it has come further, and what is still to be published again.
    pub(super) async fn keep_position(&mut self) -> Result<(), NatsError> {
        self.finish_republications().await?;
        if self.places == self.kept || self.is_set_back {
            return Ok(());
        }
        if let Some(own) = self.bridge.ledger(HOST_SOURCE) {
            let (end, periods) = (self.end, &mut self.periods);
            relay_position::keep(&own, &self.places, end, periods, wall_clock()).await?;
            self.kept = self.places.clone();
            // Nobody comes to what is before that again, unless the stream loses it.
            let kept = &self.kept.0;
            self.dead_letters
                .retain(|(context, position)| kept.get(context).is_none_or(|kept| position > kept));
        }
        Ok(())
    }
}

pub(super) async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, journal::Error> + Send + 'static,
) -> Result<T, NatsError> {
    let read = tokio::task::spawn_blocking(read).await;
    // Only a runtime that shuts down gives no answer.
    let read = read.unwrap_or(Err(journal::Error::Closed));
    Ok(read.map_err(crate::events::feed::FeedError::from)?)
}
