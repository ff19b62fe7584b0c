//! Commands of operators to the relay, and the events that it cannot publish.

use super::command::RelayCommand;
use super::dead_letter::{self, RelayDeadLetter};
use super::dead_letter_id::RelayDeadLetterId;
use super::error::NatsError;
use super::lag;
use super::relay::{Relay, reading};
use super::republish::{self, Republication, RepublishRequest};
use crate::core::{ContextName, EventId, random_id, wall_clock};
use crate::journal::EventPosition;
use crate::manifest::HOST_SOURCE;

/// What an event that cannot be published costs its context, in bytes that others may publish before its next one: all that was under way is sent again.
const COST: u64 = 256 << 10;

impl Relay {
    /// Makes an event a dead letter of the relay, so that those behind it are published. The others of its context wait for a later turn: whoever has many that
    /// cannot be published holds up nobody else's. When the context has as many dead letters as it may, they wait with the event.
    pub(super) async fn set_aside(&mut self, id: &EventId, reason: &str) -> Result<(), NatsError> {
        let found = self.unconfirmed.iter().position(|one| one.id() == id);
        let Some((index, message)) =
            found.and_then(|index| Some((index, self.unconfirmed.get(index)?)))
        else {
            return Ok(());
        };
        let republish_id = message.republish_id().map(str::to_owned);
        let is_new = republish_id.is_none();
        let place = RelayDeadLetterId {
            context: message.context.clone(),
            position: message.position,
        };
        let event = message.event();
        let letter = RelayDeadLetter {
            event: event.id.clone(),
            kind: event.kind.clone(),
            subject: event.subject.clone(),
            reason: reason.to_owned(),
            time: wall_clock(),
            has_ended: false,
            place: place.clone(),
        };
        let Some(own) = self.bridge.ledger(HOST_SOURCE) else {
            return Ok(());
        };
        if is_new && !self.has_room(&place.context).await? {
            self.hold(&place, reason);
            return Ok(());
        }
        dead_letter::store(&own, &letter).await?;
        tracing::warn!(
            context = place.context.as_str(),
            event = letter.event.as_str(),
            kind = letter.kind,
            subject = letter.subject,
            "an event cannot be published and is now a dead letter; other events are still published: {reason}. To retry it: innkeeper nats retry {place}"
        );
        self.dead_letters
            .insert((place.context.clone(), place.position));
        if is_new {
            self.set_back(&place.context, place.before());
            if let Some(feed) = &mut self.feed {
                feed.charge(&place.context, COST);
            }
            return Ok(());
        }
        if let Some(message) = self.unconfirmed.remove(index) {
            let behind = self.unconfirmed.split_off(index);
            self.pass(message.passed);
            self.unconfirmed.extend(behind);
        }
        if let Some(index) = republish_id.and_then(|id| self.retried(&id)) {
            self.answer(index, Err(reason.to_owned()));
        }
        Ok(())
    }

    /// Has the events of a context wait from one on that cannot be published.
    fn hold(&mut self, place: &RelayDeadLetterId, reason: &str) {
        let context = &place.context;
        tracing::warn!(
            context = context.as_str(),
            limit = self.most_dead_letters(context),
            "the quota of dead letters is used up (quota.dead_letters), and an event cannot be published: {reason}. The context's events wait until some are retried or dropped (innkeeper nats dead-letters); those of others are published"
        );
        self.set_back(context, place.before());
        if let Some(feed) = &mut self.feed {
            feed.hold(context);
        }
        self.held.insert(context.clone());
        self.status.note_held(&self.held);
    }

    /// Goes on with the contexts that have room for dead letters again.
    pub(super) async fn release_held(&mut self) -> Result<(), NatsError> {
        for context in self.held.clone() {
            if self.has_room(&context).await? {
                self.held.remove(&context);
                self.status.note_held(&self.held);
                if let Some(feed) = &mut self.feed {
                    feed.release(&context);
                }
            }
        }
        Ok(())
    }

    fn most_dead_letters(&self, context: &ContextName) -> u64 {
        let manifest = self.bridge.manifest();
        let settings = manifest.contexts.get(context);
        settings.map_or(u64::MAX, |settings| {
            settings.quota.dead_letters.get().into()
        })
    }

    async fn has_room(&self, context: &ContextName) -> Result<bool, NatsError> {
        let most = self.most_dead_letters(context);
        let (bridge, context) = (self.bridge.clone(), context.to_owned());
        let waiting = reading(move || dead_letter::count(&bridge, &context)).await?;
        Ok(waiting < most)
    }

    /// Executes a command.
    pub(super) async fn execute(&mut self, command: RelayCommand) -> Result<(), NatsError> {
        match command {
            RelayCommand::Retry { id, answer } => {
                if answer.is_closed() {
                    return Ok(());
                }
                // Just that one: nothing is between it and what is before it.
                let request = RepublishRequest {
                    id: random_id(),
                    after: id.before(),
                    upto: id.position,
                    context: id.context,
                };
                if let Some(ledger) = self.bridge.ledger(&request.context) {
                    let mut republication = Republication::begin(request, &ledger).await?;
                    republication.answer = Some(answer);
                    self.republications.push_back(republication);
                }
            }
            RelayCommand::Republish {
                context,
                from,
                answer,
            } => {
                let Some(ledger) = self.bridge.ledger(&context) else {
                    return Ok(());
                };
                let after = EventPosition {
                    commit: from.saturating_sub(1),
                    index: u16::MAX,
                };
                // What was not published yet is on its way.
                let upto = self.places.0.get(&context).copied().unwrap_or_default();
                let counting = ledger.clone();
                let events = reading(move || lag::between(&counting, after, upto)).await?;
                if events > 0 {
                    let request = RepublishRequest {
                        id: random_id(),
                        context,
                        after,
                        upto,
                    };
                    self.republications
                        .push_back(Republication::begin(request, &ledger).await?);
                    self.store_requests().await?;
                }
                self.status.note_notice(None);
                // Whoever asked may have gone.
                let _ = answer.send(Ok(events));
            }
        }
        Ok(())
    }

    /// Answers all waiting commands with the error that keeps the relay from publishing.
    pub(super) fn reject_commands(&mut self, error: &NatsError) {
        while let Ok(command) = self.commands.try_recv() {
            let reason = error.to_string();
            match command {
                RelayCommand::Retry { answer, .. } => drop(answer.send(Err(reason))),
                RelayCommand::Republish { answer, .. } => drop(answer.send(Err(reason))),
            }
        }
    }

    /// Ends the republications that are complete.
    pub(super) async fn finish_republications(&mut self) -> Result<(), NatsError> {
        let mut has_ended = false;
        while let Some(index) = self
            .republications
            .iter()
            .position(|republication| self.is_finished(republication))
        {
            let Some(republication) = self.republications.remove(index) else {
                break;
            };
            has_ended = true;
            let RepublishRequest { context, upto, .. } = republication.request;
            match republication.answer {
                Some(answer) => {
                    let id = RelayDeadLetterId {
                        context,
                        position: upto,
                    };
                    self.end_dead_letter(&id).await?;
                    let _ = answer.send(Ok(()));
                }
                None => {
                    tracing::info!(context = context.as_str(), "its events are published again")
                }
            }
        }
        match has_ended {
            true => self.store_requests().await,
            false => Ok(()),
        }
    }

    fn is_finished(&self, republication: &Republication) -> bool {
        let mut unconfirmed = self.unconfirmed.iter();
        republication.is_read
            && !unconfirmed.any(|message| message.republish_id() == Some(&republication.request.id))
    }

    /// The republication of one dead letter, by the id of its request: two of them may be of events at one position.
    fn retried(&self, id: &str) -> Option<usize> {
        let mut republications = self.republications.iter();
        republications.position(|republication| {
            republication.answer.is_some() && republication.request.id == id
        })
    }

    fn answer(&mut self, index: usize, answered: Result<(), String>) {
        if let Some(republication) = self.republications.remove(index)
            && let Some(answer) = republication.answer
        {
            let _ = answer.send(answered);
        }
    }

    async fn end_dead_letter(&mut self, id: &RelayDeadLetterId) -> Result<(), NatsError> {
        let (bridge, own) = (self.bridge.clone(), self.bridge.ledger(HOST_SOURCE));
        let letter = {
            let id = id.clone();
            reading(move || dead_letter::get(&bridge, &id)).await?
        };
        if let (Some(letter), Some(own)) = (letter, own) {
            dead_letter::end(&own, letter).await?;
        }
        self.release_held().await
    }

    async fn store_requests(&self) -> Result<(), NatsError> {
        let Some(own) = self.bridge.ledger(HOST_SOURCE) else {
            return Ok(());
        };
        // Whoever waits for a dead letter does so in this process.
        let lasting = self
            .republications
            .iter()
            .filter(|republication| republication.answer.is_none());
        let requests: Vec<_> = lasting
            .map(|republication| republication.request.clone())
            .collect();
        Ok(republish::store_requests(&own, &requests).await?)
    }

    /// Notifies operators when the stream holds none of the events that were published.
    pub(super) async fn notify_empty_stream(&self, is_new: bool) -> Result<(), NatsError> {
        let (bridge, places) = (self.bridge.clone(), self.places.clone());
        let published = reading(move || {
            let mut events = 0;
            for (context, upto) in &places.0 {
                if let Some(ledger) = bridge.ledger(context) {
                    events += lag::between(&ledger, EventPosition::default(), *upto)?;
                }
            }
            Ok(events)
        });
        let events = published.await?;
        if events == 0 {
            return Ok(());
        }
        let stream = &self.address.stream;
        let state = match is_new {
            true => "was missing and has been created again",
            false => "is empty",
        };
        let notice = format!(
            "the stream `{stream}` {state}, though {events} events were published before: it starts with the next event. To publish the earlier ones again: innkeeper nats republish --context <CONTEXT> --from 1"
        );
        tracing::warn!("{notice}");
        self.status.note_notice(Some(notice));
        Ok(())
    }
}
