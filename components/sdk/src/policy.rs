use crate::bindings::innkeeper::context::types::Event as Delivered;
use crate::{Event, Fault};

pub use crate::bindings::exports::innkeeper::context::policies::PolicyError;

/// How a policy ends. With an error nothing that was staged is committed.
pub type Outcome = Result<(), PolicyError>;

/// An event that happened in a followed context.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened<E: Event> {
    /// What it carries.
    pub data: E::Data,
    /// The event's id: unique, and the same for a repeated delivery.
    pub id: String,
    /// The aggregate that it is about.
    pub subject: String,
    /// When it was committed, in milliseconds since 1970-01-01T00:00:00Z.
    pub time: u64,
}

impl From<Fault> for PolicyError {
    fn from(fault: Fault) -> Self {
        Self::Retry(fault.to_string())
    }
}

/// Runs a policy. Data that it cannot read will not get better: the event is rejected.
pub fn dispatch<E: Event>(policy: impl Fn(Happened<E>) -> Outcome, event: Delivered) -> Outcome {
    let data = serde_json::from_slice(&event.data).map_err(|error| {
        PolicyError::Reject(format!("the data of {} cannot be read: {error}", E::KIND))
    })?;
    policy(Happened {
        data,
        id: event.id,
        subject: event.subject,
        time: event.time,
    })
}
