//! Requests to the outside: whom a context may ask, by what addresses, within what time and size. What a guest asks goes through here, whichever way it asks.
//!
//! One connection serves one request, and no redirect is followed: each is asked for by whoever may.

mod account;
mod connection;
mod conversation;
mod exchange;
mod observation;
mod outgoing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use self::account::{Admitted, Held};
pub use self::conversation::Conversation;
use self::observation::Observation;
use self::outgoing::Outgoing;
use crate::core::{ContextName, CorrelationId, TraceContext, digest};
use crate::guest::{OutboundCall, OutboundError, OutboundTimeouts, Sent};
use crate::manifest::{AllowedOrigin, ContextSettings};
use crate::observe::telemetry;

/// How a context asks outside.
pub struct OutboundClient {
    context: ContextName,
    allowed: Vec<AllowedOrigin>,
    longest_body: u64,
}

/// How often one attempt has asked for each target, by its digest: what a guest says has any length. They are numbered by target, since of several requests at once another one may be the first when they are made again.
#[derive(Debug, Default)]
pub struct Asked(Mutex<HashMap<String, usize>>);

impl Asked {
    /// How often the target was asked for before; it is asked for now.
    fn count(&self, target: &str) -> Result<usize, OutboundError> {
        let mut counts = self.0.lock();
        let target = digest(&[target.as_bytes()]);
        if counts.len() >= account::MOST && !counts.contains_key(&target) {
            return Err(account::too_many());
        }
        let count = counts.entry(target).or_default();
        let before = *count;
        *count += 1;
        Ok(before)
    }
}

/// What goes with a request that a guest makes.
pub struct Envelope {
    /// What its invocation has asked already.
    pub conversation: Arc<Conversation>,
    /// What the same attempt has asked before it.
    pub asked: Arc<Asked>,
    /// When there must be an answer.
    pub deadline: Instant,
    /// Where it is in its trace.
    pub trace: TraceContext,
    /// The story that it is a part of.
    pub correlation_id: CorrelationId,
}

impl OutboundClient {
    /// The one of a context.
    pub fn new(context: &ContextName, settings: &ContextSettings) -> Self {
        Self {
            context: context.clone(),
            allowed: settings.allow_outbound.clone().unwrap_or_default(),
            longest_body: settings.limits.outbound,
        }
    }

    /// A request that may be made.
    pub fn call(self: &Arc<Self>, mut envelope: Envelope) -> Box<dyn OutboundCall> {
        // It is a span of its own where spans are exported, and whoever is asked goes on from there.
        if telemetry::is_on() {
            envelope.trace = envelope.trace.child();
        }
        Box::new(Call {
            client: self.clone(),
            held: envelope.conversation.hold_nothing(),
            envelope,
        })
    }

    /// A request that may not be made, and why.
    pub fn refused(&self, reason: &str) -> Box<dyn OutboundCall> {
        Box::new(Refused(reason.to_owned()))
    }
}

struct Call {
    client: Arc<OutboundClient>,
    held: Held,
    envelope: Envelope,
}

impl Call {
    async fn answer(
        self,
        request: http::Request<Bytes>,
        timeouts: OutboundTimeouts,
    ) -> Result<http::Response<Bytes>, OutboundError> {
        let Self {
            client,
            held,
            envelope,
        } = self;
        let observation = Observation::new(&client.context, request.method(), &envelope);
        let outgoing = Outgoing::of(request, &client, &envelope);
        let outgoing = outgoing.inspect_err(|error| observation.refused(error))?;
        let observation = observation.to(&outgoing.origin);
        let limits = exchange::Limits {
            longest_body: client.longest_body,
            first_byte: timeouts.first_byte.unwrap_or(Duration::MAX),
            between_bytes: timeouts.between_bytes.unwrap_or(Duration::MAX),
        };
        let connect = timeouts.connect.unwrap_or(Duration::MAX);
        let deadline = envelope.deadline;
        let known_by = outgoing.known_by.clone();
        let sent = observation.clone();
        let begin = move |admitted: Admitted| -> Sent {
            Box::pin(sent.over(async move {
                let connect = Instant::now() + connect.min(connection::LONGEST);
                let sending = send(outgoing, connect.min(deadline), limits, admitted);
                let answered = timeout_at(deadline, sending).await;
                answered.map_err(|_| OutboundError::ResponseTimeout)?
            }))
        };
        let answering = envelope.conversation.ask(known_by, held, begin);
        let answering = answering.inspect_err(|error| observation.refused(error))?;
        answering.await
    }
}

async fn send(
    outgoing: Outgoing,
    connected_by: Instant,
    limits: exchange::Limits,
    admitted: Admitted,
) -> Result<http::Response<Bytes>, OutboundError> {
    let connecting = connection::connect(&outgoing.origin, connected_by);
    let transport = timeout_at(connected_by, connecting).await;
    let transport = transport.map_err(|_| OutboundError::ConnectTimeout)??;
    exchange::exchange(transport, outgoing.request, limits, &admitted).await
}

impl OutboundCall for Call {
    fn hold(&mut self, bytes: usize) -> Result<(), OutboundError> {
        let limit = self.client.longest_body;
        let held = match self.held.bytes().saturating_add(bytes as u64) > limit {
            true => Err(OutboundError::RequestTooLong { limit }),
            false => self.held.grow(bytes),
        };
        held.inspect_err(|error| observation::unaddressed(&self.client.context, error))
    }

    fn send(self: Box<Self>, request: http::Request<Bytes>, timeouts: OutboundTimeouts) -> Sent {
        Box::pin(async move {
            let context = self.client.context.clone();
            let target = request.uri().authority().map(ToString::to_string);
            let answered = self.answer(request, timeouts).await;
            if let Err(error) = &answered {
                tracing::debug!(context = context.as_str(), target = target.unwrap_or_default(), %error, "a request to the outside has no answer");
            }
            answered
        })
    }
}

/// Why it may not be made.
struct Refused(String);

impl OutboundCall for Refused {
    fn hold(&mut self, _: usize) -> Result<(), OutboundError> {
        Err(OutboundError::Denied(self.0.clone()))
    }

    fn send(self: Box<Self>, _: http::Request<Bytes>, _: OutboundTimeouts) -> Sent {
        Box::pin(std::future::ready(Err(OutboundError::Denied(self.0))))
    }
}
