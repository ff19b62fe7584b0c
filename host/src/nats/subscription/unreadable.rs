//! Stepping over messages that no client can read. The server delivers one again and again, and the client cannot say which one it was: so whoever was
//! interrupted looks at the next message as the stream keeps it, before it is delivered once more.

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Stream;

use super::Subscriber;
use super::consumer::{self, Acknowledged};
use super::event_mapping::ReceivedMessage;
use super::intake::message_place;
use super::stream_position::StreamPosition;
use crate::nats::error::NatsError;
use crate::nats::raw_message::{self, RawMessage, Wanted};

/// How far a subscription has come, and what its journal says of that.
pub(super) struct Reached<'a> {
    pub place: &'a mut StreamPosition,
    pub kept: &'a mut Option<StreamPosition>,
}

impl Subscriber {
    /// Takes in as unreadable what comes next, as long as that cannot be read.
    pub(super) async fn step_over_unreadable(
        &self,
        context: &Context,
        stream: &Stream,
        reached: Reached<'_>,
    ) -> Result<(), NatsError> {
        let Reached { place, kept } = reached;
        let acknowledged = match consumer::is_acknowledged(&stream.cached_info().config) {
            true => consumer::acknowledged(&self.bridge, &self.subscription, stream).await,
            false => None,
        };
        let mut after = acknowledged
            .as_ref()
            .map_or(place.sequence, |acknowledged| acknowledged.sequence);
        loop {
            let wanted = Wanted::Next {
                seq: after + 1,
                next_by_subj: &self.subscription.subject,
            };
            let Some(message) = raw_message::find(context, &place.stream, &wanted).await? else {
                return Ok(());
            };
            after = message.sequence;
            let is_new = message.sequence > place.sequence;
            let reason = match message.read_headers() {
                Ok(_) if is_new => return Ok(()),
                // It is brought again, and acknowledged when it is known.
                Ok(_) => continue,
                Err(reason) => reason,
            };
            if is_new {
                self.take_in_unreadable(place, kept, &message, reason)
                    .await?;
            }
            if let Some(acknowledged) = &acknowledged {
                acknowledge(context, place, acknowledged, &message).await?;
            }
        }
    }

    async fn take_in_unreadable(
        &self,
        place: &mut StreamPosition,
        kept: &mut Option<StreamPosition>,
        message: &RawMessage,
        reason: &str,
    ) -> Result<(), NatsError> {
        tracing::warn!(
            source = self.subscription.source.as_str(),
            subject = message.subject,
            stream = place.stream,
            sequence = message.sequence,
            "a message cannot be read, and becomes a dead letter of each context that follows it: {reason}"
        );
        let published = message.time.unix_timestamp_nanos();
        let received = ReceivedMessage {
            subject: &message.subject,
            headers: None,
            payload: &message.payload,
            time: u64::try_from(published / 1_000_000).unwrap_or_default(),
        };
        let event = received.without_headers(
            message_place(place, message.sequence, published).as_bytes(),
            reason.to_owned(),
        );
        place.sequence = message.sequence;
        let began = self.ledger.applied();
        let writes = vec![place.write(&self.subscription.subject)?];
        self.keep(began, kept.as_ref(), writes, vec![event]).await?;
        *kept = Some(place.clone());
        Ok(())
    }
}

/// Acknowledges a message that was never read, so that it is not brought again. The server looks at its sequence only.
async fn acknowledge(
    context: &Context,
    place: &StreamPosition,
    acknowledged: &Acknowledged,
    message: &RawMessage,
) -> Result<(), NatsError> {
    let subject = format!(
        "$JS.ACK.{}.{}.1.{}.1.0.0",
        place.stream, acknowledged.name, message.sequence
    );
    let sent = context.client().publish(subject, "+ACK".into()).await;
    sent.map_err(|error| NatsError::Unreachable(error.to_string()))
}
