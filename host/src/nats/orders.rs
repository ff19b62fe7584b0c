//! What the relay does about what cannot be published, and for operators.

use super::again::{self, Again, Command, Order};
use super::parked::{self, Parked, ParkedId};
use super::relay::{Relay, reading};
use super::relay_status;
use super::trouble::Trouble;
use crate::core::{EventId, random_id, wall_clock};
use crate::journal::EventPosition;
use crate::manifest::HOST_SOURCE;

impl Relay {
    /// Makes an event a dead letter of the relay, so that those behind it are published.
    pub(super) async fn park(&mut self, id: &EventId, reason: &str) -> Result<(), Trouble> {
        let found = self.unconfirmed.iter().position(|one| one.id() == id);
        let Some((index, message)) =
            found.and_then(|index| Some((index, self.unconfirmed.get(index)?)))
        else {
            return Ok(());
        };
        let place = ParkedId {
            context: message.context.to_string(),
            position: message.position,
        };
        let event = message.event();
        let letter = Parked {
            event: event.id.clone(),
            kind: event.kind.clone(),
            subject: event.subject.clone(),
            reason: reason.to_owned(),
            time: wall_clock(),
            has_ended: false,
            place: place.clone(),
        };
        let Some(own) = self.bridge.ledger(HOST_SOURCE).cloned() else {
            return Ok(());
        };
        parked::keep(&own, &letter).await?;
        tracing::warn!(
            context = place.context,
            event = letter.event.as_str(),
            kind = letter.kind,
            subject = letter.subject,
            "an event cannot be published and was set aside; the others go on: {reason}. When that is mended: innkeeper nats retry {place}"
        );
        self.parked.insert((place.context, place.position));
        let Some(message) = self.unconfirmed.remove(index) else {
            return Ok(());
        };
        let is_new = message.order().is_none();
        let mut passed = message.passed;
        if is_new {
            passed.insert(0, (message.context, message.position));
        } else if let Some(order) = self.retried(&letter.place.position) {
            self.answer(order, Err(reason.to_owned()));
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

    /// Takes up what an operator asks for.
    pub(super) async fn accept(&mut self, command: Command) -> Result<(), Trouble> {
        match command {
            Command::Retry { id, answer } => {
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
                let order = Order {
                    id: random_id(),
                    context: id.context,
                    after: before,
                    upto: position,
                };
                if let Some(ledger) = self.bridge.ledger(&order.context).cloned() {
                    let mut again = Again::begin(order, &ledger).await?;
                    again.answer = Some(answer);
                    self.again.push_back(again);
                }
            }
            Command::Republish {
                context,
                from,
                answer,
            } => {
                let Some(ledger) = self.bridge.ledger(&context).cloned() else {
                    return Ok(());
                };
                let after = EventPosition {
                    commit: from.saturating_sub(1),
                    index: u16::MAX,
                };
                // What was not published yet is on its way.
                let upto = self.places.0.get(&context).copied().unwrap_or_default();
                let counting = ledger.clone();
                let events = reading(move || relay_status::between(&counting, after, upto)).await?;
                if events > 0 {
                    let order = Order {
                        id: random_id(),
                        context,
                        after,
                        upto,
                    };
                    self.again.push_back(Again::begin(order, &ledger).await?);
                    self.keep_orders().await?;
                }
                self.status.note_notice(None);
                // Whoever asked may have gone.
                let _ = answer.send(Ok(events));
            }
        }
        Ok(())
    }

    /// Tells operators that nothing can be published now.
    pub(super) fn refuse_commands(&mut self, trouble: &Trouble) {
        while let Ok(command) = self.commands.try_recv() {
            let reason = trouble.to_string();
            match command {
                Command::Retry { answer, .. } => drop(answer.send(Err(reason))),
                Command::Republish { answer, .. } => drop(answer.send(Err(reason))),
            }
        }
    }

    /// Ends the orders that are carried out.
    pub(super) async fn finish_orders(&mut self) -> Result<(), Trouble> {
        let mut has_ended = false;
        while let Some(index) = self
            .again
            .iter()
            .position(|again| self.is_carried_out(again))
        {
            let Some(again) = self.again.remove(index) else {
                break;
            };
            has_ended = true;
            let Order { context, upto, .. } = again.order;
            match again.answer {
                Some(answer) => {
                    let id = ParkedId {
                        context,
                        position: upto,
                    };
                    self.unpark(&id).await?;
                    let _ = answer.send(Ok(()));
                }
                None => tracing::info!(context, "its events are published again"),
            }
        }
        match has_ended {
            true => self.keep_orders().await,
            false => Ok(()),
        }
    }

    fn is_carried_out(&self, again: &Again) -> bool {
        let mut unconfirmed = self.unconfirmed.iter();
        again.is_read && !unconfirmed.any(|message| message.order() == Some(&again.order.id))
    }

    /// The order that one dead letter is published for.
    fn retried(&self, position: &EventPosition) -> Option<usize> {
        let mut orders = self.again.iter();
        orders.position(|again| again.answer.is_some() && again.order.upto == *position)
    }

    fn answer(&mut self, order: usize, answered: Result<(), String>) {
        if let Some(again) = self.again.remove(order)
            && let Some(answer) = again.answer
        {
            let _ = answer.send(answered);
        }
    }

    async fn unpark(&self, id: &ParkedId) -> Result<(), Trouble> {
        let (bridge, own) = (self.bridge.clone(), self.bridge.ledger(HOST_SOURCE));
        let letter = {
            let id = id.clone();
            reading(move || parked::get(&bridge, &id)).await?
        };
        if let (Some(letter), Some(own)) = (letter, own) {
            parked::keep(own, &letter.ended()).await?;
        }
        Ok(())
    }

    async fn keep_orders(&self) -> Result<(), Trouble> {
        let Some(own) = self.bridge.ledger(HOST_SOURCE) else {
            return Ok(());
        };
        // Whoever waits for a dead letter does so in this process.
        let lasting = self.again.iter().filter(|again| again.answer.is_none());
        let orders: Vec<_> = lasting.map(|again| again.order.clone()).collect();
        Ok(again::keep(own, &orders).await?)
    }

    /// Says so when the stream holds nothing of what was published.
    pub(super) async fn say_that_it_is_empty(&self, is_new: bool) -> Result<(), Trouble> {
        let (bridge, places) = (self.bridge.clone(), self.places.clone());
        let published = reading(move || {
            let mut events = 0;
            for (context, upto) in &places.0 {
                if let Some(ledger) = bridge.ledger(context) {
                    events += relay_status::between(ledger, EventPosition::default(), *upto)?;
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
