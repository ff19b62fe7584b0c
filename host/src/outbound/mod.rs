//! Requests to the outside: whom a context may ask, by what addresses, within what time and size. What a guest asks goes through here, whichever way it asks.
//!
//! One connection serves one request, and no redirect is followed: each is asked for by whoever may.

mod account;
mod connection;
mod conversation;
mod exchange;
mod outgoing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use self::account::{Admitted, Held};
pub use self::conversation::Conversation;
use self::outgoing::Outgoing;
use crate::core::{CorrelationId, TraceContext};
use crate::guest::{OutboundCall, OutboundError, OutboundTimeouts, Sent};
use crate::manifest::{AllowedOrigin, ContextSettings};

/// How a context asks outside.
pub struct OutboundClient {
    context: String,
    allowed: Vec<AllowedOrigin>,
    longest_body: u64,
}

/// How often one attempt has asked for each target. They are numbered by target, since of several requests at once another one may be the first when they are made again.
#[derive(Debug, Default)]
pub struct Asked(Mutex<HashMap<String, usize>>);

impl Asked {
    /// How often the target was asked for before; it is asked for now.
    fn count(&self, target: &str) -> usize {
        let mut counts = self.0.lock();
        let count = counts.entry(target.to_owned()).or_default();
        let before = *count;
        *count += 1;
        before
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
    pub fn new(context: &str, settings: &ContextSettings) -> Self {
        Self {
            context: context.to_owned(),
            allowed: settings.allow_outbound.clone().unwrap_or_default(),
            longest_body: settings.limits.outbound,
        }
    }

    fn longest_body(&self) -> usize {
        usize::try_from(self.longest_body).unwrap_or(usize::MAX)
    }

    /// A request that may be made.
    pub fn call(self: &Arc<Self>, envelope: Envelope) -> Box<dyn OutboundCall> {
        Box::new(Call {
            client: self.clone(),
            held: envelope.conversation.hold_nothing(),
            envelope,
        })
    }

    /// A request that may not be made, and why.
    pub fn refused(self: &Arc<Self>, reason: &str) -> Box<dyn OutboundCall> {
        Box::new(Refused {
            longest_body: self.longest_body(),
            reason: reason.to_owned(),
        })
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
        let outgoing = Outgoing::of(request, &client, &envelope)?;
        let limits = exchange::Limits {
            longest_body: client.longest_body,
            first_byte: timeouts.first_byte.unwrap_or(Duration::MAX),
            between_bytes: timeouts.between_bytes.unwrap_or(Duration::MAX),
        };
        let connect = timeouts.connect.unwrap_or(Duration::MAX);
        let deadline = envelope.deadline;
        let known_by = outgoing.known_by.clone();
        let begin = move |admitted: Admitted| -> Sent {
            Box::pin(async move {
                let connect = Instant::now() + connect.min(connection::LONGEST);
                let sending = send(outgoing, connect.min(deadline), limits, admitted);
                let answered = timeout_at(deadline, sending).await;
                answered.map_err(|_| OutboundError::ResponseTimeout)?
            })
        };
        envelope.conversation.ask(known_by, held, begin)?.await
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
    fn longest_body(&self) -> usize {
        self.client.longest_body()
    }

    fn hold(&mut self, bytes: usize) -> Result<(), OutboundError> {
        self.held.grow(bytes)
    }

    fn send(self: Box<Self>, request: http::Request<Bytes>, timeouts: OutboundTimeouts) -> Sent {
        Box::pin(async move {
            let context = self.client.context.clone();
            let target = request.uri().authority().map(ToString::to_string);
            let answered = self.answer(request, timeouts).await;
            if let Err(error) = &answered {
                tracing::debug!(context, target = target.unwrap_or_default(), %error, "a request to the outside has no answer");
            }
            answered
        })
    }
}

struct Refused {
    longest_body: usize,
    reason: String,
}

impl OutboundCall for Refused {
    fn longest_body(&self) -> usize {
        self.longest_body
    }

    fn hold(&mut self, _: usize) -> Result<(), OutboundError> {
        Err(OutboundError::Denied(self.reason.clone()))
    }

    fn send(self: Box<Self>, _: http::Request<Bytes>, _: OutboundTimeouts) -> Sent {
        Box::pin(std::future::ready(Err(OutboundError::Denied(self.reason))))
    }
}
