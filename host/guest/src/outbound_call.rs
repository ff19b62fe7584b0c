//! A request to the outside, as whoever answers a guest's imports makes it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

/// How long what a guest asks outside may take, where it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboundTimeouts {
    /// Until there is a connection.
    pub connect: Option<Duration>,
    /// From then on, until the answer begins.
    pub first_byte: Option<Duration>,
    /// Between two parts of the answer.
    pub between_bytes: Option<Duration>,
}

/// A request to the outside that may be made once.
pub trait OutboundCall: Send {
    /// Holds so many bytes more of the body for it, before the host keeps them.
    ///
    /// # Errors
    ///
    /// When the body is too long with them, the host has no room for them, or the request may not be made.
    fn hold(&mut self, bytes: usize) -> Result<(), OutboundError>;

    /// Sends it, and waits for the whole answer. What its body takes was held before.
    fn send(self: Box<Self>, request: http::Request<Bytes>, timeouts: OutboundTimeouts) -> Sent;
}

/// The answer from outside, on its way.
pub type Sent = Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, OutboundError>> + Send>>;

/// Why there is no answer from outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// It may not be asked.
    #[error("{0}")]
    Denied(String),
    /// Its name leads to an address that may not be asked.
    #[error("{0}")]
    AddressDenied(String),
    /// Its name leads nowhere.
    #[error("its name cannot be resolved: {0}")]
    Unresolved(String),
    /// Nobody has said in time where its name leads.
    #[error("its name was not resolved in time")]
    ResolveTimeout,
    /// There is no connection.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// There is no TLS with it.
    #[error("no TLS with it: {0}")]
    Tls(String),
    /// It took too long to connect.
    #[error("no connection in time")]
    ConnectTimeout,
    /// It took too long to answer.
    #[error("no answer in time")]
    ResponseTimeout,
    /// What is sent is too long.
    #[error("the body of the request has more than {limit} bytes")]
    RequestTooLong {
        /// What it may have, in bytes.
        limit: u64,
    },
    /// What comes back is too long.
    #[error("the body of the response has more than {limit} bytes")]
    ResponseTooLong {
        /// What it may have, in bytes.
        limit: u64,
    },
    /// The request is none.
    #[error("{0}")]
    Invalid(String),
    /// What is sent with this method is not sent outside.
    #[error("{0} is not sent outside")]
    Method(String),
    /// The head of what is sent is too long.
    #[error("the headers of the request have more than {limit} bytes")]
    HeadTooLong {
        /// What they may have, in bytes.
        limit: u32,
    },
    /// The answer is none.
    #[error("{0}")]
    Protocol(String),
    /// The host has no memory for it, or too much is under way.
    #[error("{0}")]
    Overloaded(String),
}

impl OutboundError {
    /// In a word of a few, for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::AddressDenied(_) => "address_denied",
            Self::Unresolved(_) | Self::ResolveTimeout => "unresolved",
            Self::Unreachable(_) => "unreachable",
            Self::Tls(_) => "tls",
            Self::ConnectTimeout => "connect_timeout",
            Self::ResponseTimeout => "timeout",
            Self::RequestTooLong { .. } | Self::HeadTooLong { .. } => "request_too_large",
            Self::ResponseTooLong { .. } => "response_too_large",
            Self::Invalid(_) | Self::Method(_) => "invalid",
            Self::Protocol(_) => "protocol",
            Self::Overloaded(_) => "overloaded",
        }
    }
}
