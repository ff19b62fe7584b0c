use serde::{Serialize, de::DeserializeOwned};

use crate::Fault;
use crate::host::outbox;
use crate::record::Types;

/// A kind of event; the types are made by [`events!`](crate::events).
pub trait Event {
    /// The kind's name, for example `RoomRegistered`.
    const KIND: &'static str;
    /// What an event of this kind carries.
    type Data: DeserializeOwned;

    /// The place of the data's type among others, where it says what it is in events.
    #[doc(hidden)]
    fn data_type(_: &mut Types) -> Option<u32> {
        None
    }
}

/// An event kind that this context publishes: it is listed under `publishes` in [`context!`](crate::context!).
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

/// An event kind that is declared once, in a crate that its publisher and its followers share.
pub trait Shared: Published {
    /// The context that publishes it.
    const SOURCE: &'static str;
}

/// Declares event kinds, each with the type of its data: `events! { /// A note was left. pub NoteLeft: Note, }`
///
/// A context declares what it publishes, and of what it follows as much as it reads. Or a crate that both use declares the kinds of a context once, and says whose they
/// are; then the publisher lists them under `shares`, and followers need not name the source:
///
/// ```
/// use innkeeper_sdk::prelude::*;
///
/// // In the crate that both use.
/// mod contracts {
///     use super::*;
///
///     #[derive(Serialize, Deserialize, Subject)]
///     pub struct Note { #[subject] pub id: u64, pub text: String }
///
///     innkeeper_sdk::events! {
///         from "desk";
///         /// A note was left.
///         pub NoteLeft: Note,
///     }
/// }
///
/// mod desk {
///     use super::*;
///
///     fn leave() -> Answer {
///         emit::<contracts::NoteLeft>(&contracts::Note { id: 1, text: "Good night.".into() })?;
///         Response::no_content()
///     }
///
///     innkeeper_sdk::context! { summary: "The desk.", routes: { POST "/notes" => leave }, shares: [contracts::NoteLeft] }
/// }
///
/// mod board {
///     use super::*;
///
///     const NOTES: Table<u64, String> = Table::new("notes");
///
///     fn pin(note: contracts::Note) -> Outcome {
///         Ok(NOTES.put(note.id, &note.text)?)
///     }
///
///     innkeeper_sdk::context! { summary: "The board.", tables: [NOTES], follows: { contracts::NoteLeft => pin } }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! events {
    (from $source:literal; $($(#[$attribute:meta])* $visibility:vis $kind:ident: $data:ty),+ $(,)?) => {
        $crate::events! { $($(#[$attribute])* $visibility $kind: $data),+ }
        $(
            impl $crate::Published for $kind {}

            impl $crate::Shared for $kind {
                const SOURCE: &'static str = $source;
            }
        )+
    };
    ($($(#[$attribute:meta])* $visibility:vis $kind:ident: $data:ty),+ $(,)?) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility struct $kind;

        impl $crate::Event for $kind {
            const KIND: &'static str = stringify!($kind);
            type Data = $data;

            #[allow(unused_imports, clippy::needless_borrow, reason = "which of the two is used depends on the type")]
            fn data_type(types: &mut $crate::private::record::Types) -> ::core::option::Option<u32> {
                use $crate::private::{Described as _, Undescribed as _};
                (&$crate::private::Probe::<$data>::NEW).place(types)
            }
        }
    )+};
}
