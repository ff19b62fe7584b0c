//! Publishing: many messages under way, each taken by the server only right behind the one before it.

use std::convert::Infallible;
use std::future::IntoFuture;
use std::time::Duration;

use async_nats::header::{NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE};
use async_nats::jetstream::Context;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, StreamExt};
use tokio::time::MissedTickBehavior;

use super::message::Message;
use super::relay::Relay;
use super::trouble::Trouble;
use crate::observe::metrics;

/// How many messages are under way at once, and how many bytes of data.
pub(super) const WINDOW: usize = 1_024;
const WINDOW_BYTES: usize = 8 << 20;
/// How often the position is kept: the stream tells it more exactly.
const KEEPING: Duration = Duration::from_secs(5);

type Confirmation = BoxFuture<'static, Result<PublishAck, PublishError>>;

/// What is under way.
struct Session<'a> {
    context: &'a Context,
    confirmations: FuturesOrdered<Confirmation>,
    /// The sequence that the next message is to get.
    next: u64,
    /// How many of the relay's unconfirmed messages are sent.
    sent: usize,
    bytes: usize,
}

/// Publishes what is there and what comes, behind the stream's last message, until something is in the way.
pub(super) async fn run(
    relay: &mut Relay,
    context: &Context,
    last: u64,
) -> Result<Infallible, Trouble> {
    let mut session = Session {
        context,
        confirmations: FuturesOrdered::new(),
        next: last + 1,
        sent: 0,
        bytes: 0,
    };
    let mut keeping = tokio::time::interval(KEEPING);
    keeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        session.fill(relay).await?;
        let is_idle = session.has_room();
        let news = async {
            match (&mut relay.feed, is_idle) {
                (Some(feed), true) => feed.changed().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(confirmation) = session.confirmations.next() => {
                session.confirm(relay, confirmation)?;
            }
            () = news => {}
            _ = keeping.tick() => relay.keep_position().await?,
        }
    }
}

impl Session<'_> {
    fn has_room(&self) -> bool {
        self.sent < WINDOW && self.bytes < WINDOW_BYTES
    }

    /// Sends what there is, as far as there is room.
    async fn fill(&mut self, relay: &mut Relay) -> Result<(), Trouble> {
        while self.has_room() {
            let previous = self.sent.checked_sub(1);
            let previous = previous.and_then(|index| relay.unconfirmed.get(index));
            let previous = previous.map(|message| message.id.clone());
            if self.sent == relay.unconfirmed.len() && relay.take().await?.is_none() {
                return Ok(());
            }
            let Some(message) = relay.unconfirmed.get(self.sent) else {
                return Ok(());
            };
            let confirmation = self.send(message, previous).await?;
            self.bytes += message.data.len();
            self.confirmations.push_back(confirmation);
            self.sent += 1;
            self.next += 1;
        }
        Ok(())
    }

    /// Sends one message. What comes out of step is refused by the server: by its place in the stream, and by what it follows.
    async fn send(
        &mut self,
        message: &Message,
        previous: Option<String>,
    ) -> Result<Confirmation, Trouble> {
        let mut headers = message.headers.clone();
        let last = (self.next - 1).to_string();
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, last);
        if let Some(previous) = previous {
            headers.insert(NATS_EXPECTED_LAST_MESSAGE_ID, previous);
        }
        let publish = PublishMessage::build()
            .headers(headers)
            .payload(message.data.clone());
        let sent = self.context.send_publish(message.subject.clone(), publish);
        match sent.await {
            Ok(confirmation) => Ok(confirmation.into_future()),
            Err(error) => Err(trouble(&error, message)),
        }
    }

    fn confirm(
        &mut self,
        relay: &mut Relay,
        confirmation: Result<PublishAck, PublishError>,
    ) -> Result<(), Trouble> {
        let expected = self.next - self.confirmations.len() as u64 - 1;
        let confirmation = match (confirmation, relay.unconfirmed.front()) {
            (Ok(confirmation), _) => confirmation,
            (Err(error), Some(message)) => return Err(trouble(&error, message)),
            (Err(_), None) => return Err(Trouble::Overtaken),
        };
        if let Some(message) = relay.unconfirmed.pop_front() {
            self.sent -= 1;
            self.bytes -= message.data.len();
            relay.places = message.places;
            relay.confirmed = Some(message.id);
            relay.standing.note_places(relay.places.clone());
            ::metrics::counter!(metrics::NATS_PUBLISHED).increment(1);
        }
        match confirmation.sequence == expected {
            true => Ok(()),
            // It was in the stream already, somewhere else than what comes next counts on.
            false => Err(Trouble::Overtaken),
        }
    }
}

fn trouble(error: &PublishError, message: &Message) -> Trouble {
    match error.kind() {
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
            Trouble::Overtaken
        }
        PublishErrorKind::MaxPayloadExceeded => Trouble::TooBig {
            id: message.id.clone(),
            subject: message.subject.clone(),
        },
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Trouble::Unconfirmed {
            subject: message.subject.clone(),
        },
        _ => Trouble::Unreachable(error.to_string()),
    }
}
