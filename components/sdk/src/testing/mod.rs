//! Contexts under test, without a host: their exports run in this process, against a state in memory.
//!
//! A [`TestContext`] is one context. The test plays the others:
//!
//! ```text
//! let test = TestContext::<Component>::new();
//! test.answer(calls::rooms::HOLD, |_room: u64, _reservation: u64| Ok(()));
//! test.answer(calls::payments::APPROVE, |_reservation: u64, _room: u64| Err(PaymentError::Declined("No money.".into())));
//! assert_eq!(test.post("/reservations", json!({"roomId": 1})).status, 402);
//! assert!(test.calls()[0].undone);
//! ```
//!
//! A [`TestApp`] is several contexts, with their events, timers and calls. A [`ConflictFuzzer`] finds out whether what they do survives being run again: requests,
//! what these call, what is undone, and the events and timers that come of them.
//!
//! What fails leaves nothing, as in the host. Limits, gates and who is faster are the host's, and are not played here.

mod app;
pub(crate) mod calls;
mod context;
mod decode;
mod delivery;
mod drawn_numbers;
mod ending;
mod finding;
mod fuzzer;
pub(crate) mod host;
mod interference;
mod invocation;
mod outbox;
pub mod outside;
pub(crate) mod simulation;
mod tested_context;
#[cfg(test)]
mod tests;

pub use app::TestApp;
pub use calls::{
    Answered, Answers, Argument, Call, Function, Named, Offered, Offers, Returned, argument, ask,
    play,
};
pub use context::{Bare, TestContext};
pub use finding::{Finding, Tried};
pub use fuzzer::ConflictFuzzer;
pub use serde_json::{Value, json};

use crate::Response;
use crate::bindings::innkeeper::context::types::Event as Delivered;
use crate::invocation::Identity;

/// An event, or with a delay a timer, that a context has emitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Emitted {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// What it carries.
    pub data: Value,
    /// The delay of a timer in milliseconds.
    pub delay_ms: Option<u64>,
}

/// An event as followers get it.
#[derive(Debug, Clone)]
pub(crate) struct DeliveredEvent {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) time: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) correlation_id: String,
    pub(crate) causation_id: String,
    /// Who is behind it.
    pub(crate) identity: Option<Identity>,
}

impl From<DeliveredEvent> for Delivered {
    fn from(event: DeliveredEvent) -> Self {
        Self {
            id: event.id,
            kind: event.kind,
            source: event.source,
            subject: event.subject,
            time: event.time,
            content_type: "application/json".into(),
            data: event.data,
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
            extensions: Vec::new(),
        }
    }
}

/// An event whose handling was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The context that followed it.
    pub context: String,
    /// The event's kind.
    pub kind: String,
    /// The event's subject.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// What a context answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body; null when there is none.
    pub body: Value,
}

impl Reply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// What happens to an app without anybody asking answers nothing.
impl From<()> for Reply {
    fn from((): ()) -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: Value::Null,
        }
    }
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self {
            status: response.status,
            headers: response.headers,
            body: serde_json::from_slice(&response.body).unwrap_or_default(),
        }
    }
}
