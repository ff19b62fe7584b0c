use serde::{Serialize, de::DeserializeOwned};

use crate::Fault;
use crate::host::outbox;

/// A kind of event; the types are made by [`events!`](crate::events).
pub trait Event {
    /// The kind's name, for example `RoomRegistered`.
    const KIND: &'static str;
    /// What an event of this kind carries.
    type Data: DeserializeOwned;
}

/// An event kind that this context publishes: it is listed under `publishes` in [`context!`](crate::context).
pub trait Published: Event {}

/// Names the aggregate that events with this data are about. Events of one subject keep their order.
pub trait Subject {
    /// The subject, for example the id of the room.
    fn subject(&self) -> String;
}

/// Stages an event; returns its id. It exists if and only if the invocation commits.
///
/// # Errors
/// When the data does not serialize.
pub fn emit<E: Published>(data: &E::Data) -> Result<String, Fault>
where
    E::Data: Serialize + Subject,
{
    Ok(outbox::emit(E::KIND, &data.subject(), &encode::<E>(data)?))
}

/// Stages a durable timer: an event that is published not before `delay_ms` milliseconds after the commit. Returns the id to [`cancel`] it with.
///
/// # Errors
/// When the data does not serialize.
pub fn emit_after<E: Published>(delay_ms: u64, data: &E::Data) -> Result<String, Fault>
where
    E::Data: Serialize + Subject,
{
    Ok(outbox::emit_after(
        delay_ms,
        E::KIND,
        &data.subject(),
        &encode::<E>(data)?,
    ))
}

/// Stages the cancellation of a timer. False when it has fired, was cancelled, or never was.
pub fn cancel(id: &str) -> bool {
    outbox::cancel(id)
}

fn encode<E: Event>(data: &E::Data) -> Result<Vec<u8>, Fault>
where
    E::Data: Serialize,
{
    serde_json::to_vec(data)
        .map_err(|error| Fault::new(format!("a {} does not serialize: {error}", E::KIND)))
}

/// Declares event kinds, each with the type of its data: `events! { /// A note was left. pub NoteLeft: Note, }`
#[macro_export]
macro_rules! events {
    ($($(#[$attribute:meta])* $visibility:vis $kind:ident: $data:ty),+ $(,)?) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility struct $kind;

        impl $crate::Event for $kind {
            const KIND: &'static str = stringify!($kind);
            type Data = $data;
        }
    )+};
}
