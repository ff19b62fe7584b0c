//! The Rust SDK for Innkeeper contexts: write the domain, and little else.
//!
//! A context is a crate of type `cdylib` that declares itself once with [`context!`]: its tables, its routes, the events that it publishes, the events
//! that it follows. The declaration is both what the host is told ([`Description`]) and what runs, so the two cannot differ.
//!
//! ```
//! use innkeeper_sdk::prelude::*;
//!
//! /// A note that someone left at the desk.
//! #[derive(Clone, Serialize, Deserialize, Record)]
//! pub struct Note { id: u64, text: String }
//! impl Subject for Note { fn subject(&self) -> String { self.id.to_string() } }
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! pub struct NewNote { text: Text<500> }
//!
//! innkeeper_sdk::events! {
//!     /// A note was left.
//!     pub NoteLeft: Note,
//! }
//!
//! const NOTES: Table<u64, Note> = Table::new("notes");
//!
//! fn leave(Json(new): Json<NewNote>) -> Answer {
//!     let note = Note { id: NOTES.next_id(), text: new.text.into() };
//!     NOTES.put(note.id, &note)?;
//!     emit::<NoteLeft>(&note)?;
//!     Response::created(&format!("/notes/{}", note.id), &note)
//! }
//!
//! fn show(Path(id): Path<u64>) -> Answer {
//!     Response::ok(&NOTES.find(id)?)
//! }
//!
//! innkeeper_sdk::context! {
//!     summary: "Notes left at the desk.",
//!     tables: [NOTES],
//!     routes: { POST "/notes" => leave, GET "/notes/{id}" => show },
//!     publishes: [NoteLeft],
//! }
//! # fn main() {}
//! ```
//!
//! On any target but `wasm32` the host's side is played by [`testing`], so a context's tests are plain `cargo test`.

// The macros name this crate as others see it.
extern crate self as innkeeper_sdk;

#[cfg(target_arch = "wasm32")]
mod allocator;
pub mod bindings;
pub mod config;
mod context;
mod counter;
mod declare;
mod document;
pub mod documented;
mod entry;
mod event;
mod event_data;
pub mod evolving;
mod fault;
mod host;
mod index;
mod into_response;
pub mod invocation;
mod json;
mod json_schema;
mod key;
pub mod log;
mod migration;
mod named_values;
pub mod outbound;
mod page;
mod path;
mod policy;
mod probe;
mod problem;
mod query;
mod record;
mod response;
mod table;
#[cfg(not(target_arch = "wasm32"))]
#[expect(clippy::panic, reason = "it is how a test fails")]
pub mod testing;
mod text;
mod web;

pub use bindings::innkeeper::context::state::Entry;
pub use bindings::innkeeper::context::types::{
    Compensation, DataType, Description, Followed, Request, Response, Route,
};
pub use config::Config;
pub use context::Context;
pub use counter::Counter;
pub use document::{Document, Documentation};
pub use event::{Event, Published, Shared, Subject, cancel, emit, emit_after};
pub use event_data::EventData;
pub use fault::Fault;
pub use index::{Index, IndexedTable, NotStored, Unique};
/// Declares a context: what it offers and calls, keeps, answers, publishes and follows. Each part but the `summary` may be left out; their order is free.
///
/// ```text
/// innkeeper_sdk::context! {
///     summary: "Rooms that can be booked.",
///     offers: "stay:room/rooms",
///     calls: ["stay:payment/payments"],
///     tables: [ROOMS, ENDED],
///     routes: {
///         POST "/rooms" => room::register,
///         GET "/rooms/{id}" => room::show,
///     },
///     publishes: [RoomRegistered],
///     shares: [contracts::RoomClosed],
///     follows: {
///         "reservation": ReservationConfirmed => policy::reserve,
///         "payment": PaymentApproved | PaymentCancelled => policy::note,
///     },
///     compensations: { "stay:room/rooms": "hold" => "release" },
///     config: Settings,
///     ready: is_ready,
///     live: is_live,
///     schema: { number: 3, reads: [2], migrate: migrate::rows },
/// }
/// ```
///
/// It makes a type `Component` in the place where it stands, and of the interfaces named under `offers` and `calls` a module of each name, found as
/// WIT in the folders `wit` of the package's directory and those above it: `calls::payments::approve(...)` calls another context, and
/// `impl offers::rooms::Guest for Component` says what this one does for others. Two interfaces of one name are told apart by `"other:room/rooms" as other_rooms`. A
/// [`Fault`] becomes the `unavailable` of an offered function by `?`.
///
/// The `tables` are all that it writes to: the host compares what they keep with what there is, before a version serves, and refuses a row of any other table.
///
/// Events that are declared in a crate of their own (see [`events!`](crate::events!)) are `shares` where they are published, and followed without a source.
///
/// A policy takes the event's data, or all that is known of it ([`Happened`]).
///
/// The `compensations` say which function undoes which, for the host: it takes the same parameters, and may take the result after them.
///
/// The type given as `config` is checked when a version begins to serve, see [`Config`].
///
/// The `schema` is for a context whose state has changed in a way that other versions cannot read (see [`Record`](trait@Record)): its number, the
/// others that it reads as they are, and a function that rewrites entries of any further one (see [`Migration`]); for a projection instead
/// `rebuild: true`, to be filled anew from the events. Without it the number is 0, and no other is read.
///
/// What is to be done around everything, for example a check of every request, is done by a type that implements [`Context`] by asking
/// `Component`, and is exported in its place: `export: Guarded`.
pub use innkeeper_sdk_derive::context;
pub use innkeeper_sdk_derive::{EventData, JsonSchema, Key, Record, Subject};
pub use into_response::{Created, IntoResponse, NoContent};
pub use json::Json;
pub use json_schema::JsonSchema;
pub use key::{Key, OwnedKey, Part};
pub use migration::{Migration, StateSchema};
pub use page::{Page, Paging, Start};
pub use path::Path;
pub use policy::{Happened, Outcome, Policy, PolicyError};
pub use problem::{Invalid, Problem};
pub use query::Query;
pub use record::Record;
pub use table::{Rows, Table, TableReader};
pub use text::Text;
pub use web::{Answer, FromRequest, Handler, Headers};

/// What the expansions of this crate's macros use.
#[doc(hidden)]
pub mod private {
    pub use crate::bindings::innkeeper::context::types::{Event as Delivered, KeyPart};
    pub use crate::config::check as check_config;
    pub use crate::context::entered;
    pub use crate::declare::{Declaration, Shapes};
    pub use crate::document::{Documents, Takes, TakesUnknown, signature};
    pub use crate::fault::unavailable;
    pub use crate::policy::dispatch as policy;
    pub use crate::probe::{Described, HasNoSchema, HasSchema, Probe, Undescribed};
    pub use crate::record::private as record;
    pub use crate::web::{consumes, dispatch as route};
}

#[doc(hidden)]
pub use wit_bindgen;

/// What nearly every context uses.
pub mod prelude {
    pub use crate::{
        Answer, Config, Created, Event, EventData, Fault, Happened, Json, JsonSchema, Key,
        NoContent, Outcome, Page, Paging, Path, PolicyError, Problem, Query, Record, Response,
        Subject, Table, Text, emit,
    };
    pub use serde::{Deserialize, Serialize};
}
