//! Commands of operators to the relay, and the events that it cannot publish.

use super::command::RelayCommand;
use super::dead_letter::{self, RelayDeadLetter};
use super::dead_letter_id::RelayDeadLetterId;
use super::error::NatsError;
use super::lag;
use super::relay::{Relay, reading};
use super::republish::{self, Republication, RepublishRequest};
use crate::core::{EventId, random_id, wall_clock};
use crate::journal::EventPosition;
use crate::manifest::HOST_SOURCE;

impl Relay {
    /// Makes an event a dead letter of the relay, so that those behind it are published.
    pub(super) async fn set_aside(&mut self, id: &EventId, reason: &str) -> Result<(), NatsError> {
        let found = self.unconfirmed.iter().position(|one| one.id() == id);
        let Some((index, message)) =
            found.and_then(|index| Some((index, self.unconfirmed.get(index)?)))
        else {
            return Ok(());
        };
        let place = RelayDeadLetterId {
            context: message.context.to_string(),
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
        dead_letter::store(&own, &letter).await?;
        tracing::warn!(
            context = place.context,
            event = letter.event.as_str(),
            kind = letter.kind,
            subject = letter.subject,
            "an event cannot be published and is now a dead letter; other events are still published: {reason}. To retry it: innkeeper nats retry {place}"
        );
        self.dead_letters.insert((place.context, place.position));
        let Some(message) = self.unconfirmed.remove(index) else {
            return Ok(());
        };
        let is_new = message.republish_id().is_none();
        let mut passed = message.passed;
        if is_new {
            passed.insert(0, (message.context, message.position));
        } else if let Some(index) = self.retried(&letter.place.position) {
            self.answer(index, Err(reason.to_owned()));
        }
        match index
            .checked_sub(1)
            .and_then(|before| self.unconfirmed.get_mut(before))
        {
            Some(before) => before.passed.extend(passed),
            None => {
                for (context, position) in passed {
                    self.places.note(&context, position);
                }
                self.status.note_places(self.places.clone());
            }
        }
        Ok(())
    }

    /// Executes a command.
    pub(super) async fn execute(&mut self, command: RelayCommand) -> Result<(), NatsError> {
        match command {
            RelayCommand::Retry { id, answer } => {
                if answer.is_closed() {
                    return Ok(());
                }
                let position = id.position;
                // Just that one: nothing is between it and what is before it.
                let before = match position.index.checked_sub(1) {
                    Some(index) => EventPosition { index, ..position },
                    None => EventPosition {
                        commit: position.commit.saturating_sub(1),
                        index: u16::MAX,
                    },
                };
                let request = RepublishRequest {
                    id: random_id(),
                    context: id.context,
                    after: before,
                    upto: position,
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
                None => tracing::info!(context, "its events are published again"),
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

    /// The republication of one dead letter.
    fn retried(&self, position: &EventPosition) -> Option<usize> {
        let mut republications = self.republications.iter();
        republications.position(|republication| {
            republication.answer.is_some() && republication.request.upto == *position
        })
    }

    fn answer(&mut self, index: usize, answered: Result<(), String>) {
        if let Some(republication) = self.republications.remove(index)
            && let Some(answer) = republication.answer
        {
            let _ = answer.send(answered);
        }
    }

    async fn end_dead_letter(&self, id: &RelayDeadLetterId) -> Result<(), NatsError> {
        let (bridge, own) = (self.bridge.clone(), self.bridge.ledger(HOST_SOURCE));
        let letter = {
            let id = id.clone();
            reading(move || dead_letter::get(&bridge, &id)).await?
        };
        if let (Some(letter), Some(own)) = (letter, own) {
            dead_letter::store(&own, &letter.ended()).await?;
        }
        Ok(())
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
