//! Publishing: many messages under way, each taken by the server only right behind the one before it.
//!
//! That is why not each has to be confirmed: the server has taken a message only if it has taken all before it. Messages are sent in groups, and the last
//! one of a group asks for the confirmation of all. What is wrong with one in the middle is not told, only that those behind it are out of step. So
//! a session begins with groups of one, which tell, and grows them with each that is confirmed.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::IntoFuture;
use std::time::Duration;

use async_nats::client::{PublishError as SendError, PublishErrorKind as SendErrorKind};
use async_nats::header::{NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{Context, ErrorCode};
use async_nats::{Client, HeaderMap};
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, StreamExt};
use tokio::time::MissedTickBehavior;

use super::connection::TIMEOUT;
use super::error::NatsError;
use super::message::{Address, Message};
use super::relay::Relay;
use super::stream;
use crate::observe::metrics;

/// How many messages are under way at once, and how many bytes of data.
pub(super) const WINDOW: usize = 1_024;
const WINDOW_BYTES: usize = 8 << 20;
/// The same for a group: a small part of what is under way.
const GROUP: usize = 32;
const GROUP_BYTES: usize = WINDOW_BYTES / 32;
/// How often the position is kept: the stream tells it more exactly.
const KEEPING: Duration = Duration::from_secs(5);

/// The longest subject: a server ends the connection of a client that sends longer lines.
const LONGEST_SUBJECT: usize = 2_048;
/// Why an event does not get to the server.
const LARGER_THAN_PAYLOAD: &str =
    "it is larger than a message may be; raise `max_payload` of the NATS server";
/// What a server says when there is no room for more.
const IS_FULL: [ErrorCode; 6] = [
    ErrorCode::STREAM_STORE_FAILED,
    ErrorCode::STREAM_MAX_STREAM_BYTES_EXCEEDED,
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
];

type Confirmation = BoxFuture<'static, (Group, Result<PublishAck, PublishError>)>;

/// Messages that are confirmed together.
#[derive(Clone, Copy, Default)]
struct Group {
    messages: usize,
    bytes: usize,
    /// The sequence that its last message is to get.
    last: u64,
}

/// What is under way.
struct Session {
    client: Client,
    context: Context,
    confirmations: FuturesOrdered<Confirmation>,
    /// The sequence that the next message is to get.
    next: u64,
    /// How many of the relay's unconfirmed messages are sent.
    sent: usize,
    bytes: usize,
    /// How many messages the next group has at most.
    group: usize,
}

/// Publishes what is there and what comes, behind the stream's last message, until something is in the way.
pub(super) async fn run(
    relay: &mut Relay,
    context: Context,
    last: u64,
) -> Result<Infallible, NatsError> {
    let mut session = Session {
        client: context.client(),
        context,
        confirmations: FuturesOrdered::new(),
        next: last + 1,
        sent: 0,
        bytes: 0,
        group: 1,
    };
    // A context that is added begins to serve with an exchange of the wiring.
    let mut exchanges = relay.bridge.invoker.wiring.changes();
    let mut keeping = tokio::time::interval(KEEPING);
    keeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if relay.lacks_a_journal() {
            return Err(NatsError::Added);
        }
        session.fill(relay).await?;
        let is_idle = session.has_room();
        let news = async {
            match (&mut relay.feed, is_idle) {
                (Some(feed), true) => feed.changed().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            Some((group, confirmation)) = session.confirmations.next() => {
                session.confirm(relay, group, confirmation)?;
                if !relay.republications.is_empty() {
                    relay.finish_republications().await?;
                }
            }
            () = news => {}
            // The sender lives as long as the wiring.
            Ok(()) = exchanges.changed() => {}
            Some(command) = relay.commands.recv() => relay.execute(command).await?,
            _ = keeping.tick() => {
                relay.keep_position().await?;
                relay.release_held().await?;
                // Nobody tells of a stream that was deleted while there is nothing to publish.
                if session.sent == 0 {
                    stream::is_there(&session.context, &relay.address.stream).await?;
                }
            }
        }
    }
}

impl Session {
    fn has_room(&self) -> bool {
        self.sent < WINDOW && self.bytes < WINDOW_BYTES
    }

    /// Sends what there is, as far as there is room.
    async fn fill(&mut self, relay: &mut Relay) -> Result<(), NatsError> {
        while self.has_room() {
            let group = self.gather(relay).await?;
            if group.messages == 0 {
                return Ok(());
            }
            let sending = self.send(relay, group);
            // Only when the connection is lost is there no room for what is to be sent.
            let sent = tokio::time::timeout(TIMEOUT, sending).await;
            let unsent = NatsError::Unreachable("the server accepts no data".to_owned());
            let confirmation = sent.unwrap_or(Err(unsent))?;
            self.confirmations.push_back(confirmation);
            self.sent += group.messages;
            self.bytes += group.bytes;
            self.next = group.last + 1;
        }
        Ok(())
    }

    /// What is sent next: of what there is, as much as makes a group.
    async fn gather(&mut self, relay: &mut Relay) -> Result<Group, NatsError> {
        let mut group = Group::default();
        while group.messages < self.group && group.bytes < GROUP_BYTES {
            let index = self.sent + group.messages;
            if index == relay.unconfirmed.len() && !relay.take().await? {
                break;
            }
            let Some(message) = relay.unconfirmed.get(index) else {
                break;
            };
            group.messages += 1;
            group.bytes += message.data.len();
        }
        group.last = self.next + group.messages as u64 - 1;
        Ok(group)
    }

    /// Sends a group. It is made first and then handed over at once, so that it goes out in few pieces.
    async fn send(&mut self, relay: &Relay, group: Group) -> Result<Confirmation, NatsError> {
        let address = &relay.address;
        let before = self.sent.checked_sub(1);
        let mut previous = before.and_then(|index| relay.unconfirmed.get(index));
        let messages = self.sent..self.sent + group.messages;
        let messages = relay.unconfirmed.range(messages).zip(self.next..);
        let made = messages.map(|(message, sequence)| {
            let headers = headers(address, message, sequence, previous.replace(message));
            (message, sequence, message.subject(address), headers)
        });
        for (message, sequence, subject, headers) in made.collect::<Vec<_>>() {
            if let Some(reason) = no_subject(&subject) {
                return Err(unpublishable(message, reason.to_owned()));
            }
            let data = message.data.clone();
            if sequence == group.last {
                let publish = PublishMessage::build().headers(headers).payload(data);
                let sent = self.context.send_publish(subject, publish).await;
                let confirmed = sent.map_err(|error| publish_error(&error, message, address))?;
                let confirmed = confirmed.into_future();
                return Ok(Box::pin(async move { (group, confirmed.await) }));
            }
            let sent = self.client.publish_with_headers(subject, headers, data);
            let sent = sent.await;
            sent.map_err(|error| unsent(&error, message))?;
        }
        Err(NatsError::Overtaken)
    }

    fn confirm(
        &mut self,
        relay: &mut Relay,
        group: Group,
        confirmation: Result<PublishAck, PublishError>,
    ) -> Result<(), NatsError> {
        let confirmation = match (confirmation, relay.unconfirmed.get(group.messages - 1)) {
            (Ok(confirmation), _) => confirmation,
            (Err(error), Some(message)) => {
                return Err(publish_error(&error, message, &relay.address));
            }
            (Err(_), None) => return Err(NatsError::Overtaken),
        };
        let is_in_step = confirmation.sequence == group.last;
        // One that was in the stream already, somewhere else than what comes next counts on, says nothing of those before it.
        if is_in_step || group.messages == 1 {
            self.sent -= group.messages;
            self.bytes -= group.bytes;
            self.group = (self.group * 2).min(GROUP);
            relay.confirm(group.messages);
            if let Some(end) = &mut relay.end {
                end.sequence = end.sequence.max(confirmation.sequence);
            }
            ::metrics::counter!(metrics::NATS_PUBLISHED).increment(group.messages as u64);
        }
        match is_in_step {
            true => Ok(()),
            false => Err(NatsError::Overtaken),
        }
    }
}

/// The headers of a message that is to get this sequence. What comes out of step is refused by the server: by its place in the stream, and by what it follows.
fn headers(
    address: &Address,
    message: &Message,
    sequence: u64,
    previous: Option<&Message>,
) -> HeaderMap {
    let mut headers = message.headers(address);
    headers.insert(NATS_EXPECTED_LAST_SEQUENCE, (sequence - 1).to_string());
    if let Some(previous) = previous {
        headers.insert(NATS_EXPECTED_LAST_MESSAGE_ID, &*previous.message_id());
    }
    headers
}

fn publish_error(error: &PublishError, message: &Message, address: &Address) -> NatsError {
    let said = error.source().and_then(|why| why.downcast_ref());
    let code = said.map(|why: &async_nats::jetstream::Error| (why.error_code(), why.to_string()));
    match (error.kind(), code) {
        (PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId, _) => {
            NatsError::Overtaken
        }
        (PublishErrorKind::MaxPayloadExceeded, _) => {
            unpublishable(message, LARGER_THAN_PAYLOAD.to_owned())
        }
        (PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe, _) => NatsError::Unconfirmed {
            subject: message.subject(address),
        },
        (PublishErrorKind::StreamNotFound, _) => NatsError::Gone(address.stream.clone()),
        (_, Some((ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM, _))) => unpublishable(
            message,
            format!(
                "it is larger than the stream `{}` takes; raise its `max_msg_size`",
                address.stream
            ),
        ),
        (_, Some((ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM, said))) => {
            unpublishable(message, format!("its headers are too large: {said}"))
        }
        (_, Some((code, said))) if IS_FULL.contains(&code) => NatsError::Full {
            stream: address.stream.clone(),
            said,
        },
        (_, Some((_, said))) => NatsError::Stream {
            stream: address.stream.clone(),
            reason: said,
        },
        _ => NatsError::Unreachable(error.to_string()),
    }
}

fn unsent(error: &SendError, message: &Message) -> NatsError {
    match error.kind() {
        SendErrorKind::MaxPayloadExceeded => unpublishable(message, LARGER_THAN_PAYLOAD.to_owned()),
        SendErrorKind::InvalidSubject => unpublishable(
            message,
            "its kind cannot be part of a NATS subject".to_owned(),
        ),
        SendErrorKind::Send => NatsError::Unreachable(error.to_string()),
    }
}

/// Why a text is no subject of a message. The client would send some of these, and the server would answer as if nobody kept the subject.
fn no_subject(subject: &str) -> Option<&'static str> {
    if subject.len() > LONGEST_SUBJECT {
        return Some("its kind is too long for a subject of NATS");
    }
    let is_empty = subject.split('.').any(str::is_empty);
    is_empty.then_some("its kind is empty, so it has no NATS subject")
}

fn unpublishable(message: &Message, reason: String) -> NatsError {
    NatsError::Unpublishable {
        id: message.id().clone(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::subject;

    #[test]
    fn a_kind_that_makes_no_subject_is_told_before_it_is_sent() {
        let of = |kind: &str| subject::of_event("stay", "room", kind);
        for kind in ["RoomRegistered", "a.b *>", &"k".repeat(255)] {
            assert_eq!(no_subject(&of(kind)), None, "{kind}");
        }
        for kind in ["", &"k".repeat(40_000), &"\u{e9}".repeat(1_000)] {
            assert!(no_subject(&of(kind)).is_some(), "{kind}");
        }
    }
}
