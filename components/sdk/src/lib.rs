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
mod declare;
mod entry;
mod event;
pub mod evolving;
mod fault;
mod host;
pub mod invocation;
mod json;
pub mod log;
mod migration;
mod page;
mod path;
mod policy;
mod problem;
mod record;
mod response;
mod table;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod text;
mod web;

pub use bindings::innkeeper::context::state::Entry;
pub use bindings::innkeeper::context::types::{
    Compensation, DataType, Description, Followed, Request, Response, Route,
};
pub use context::Context;
pub use event::{Event, Published, Subject, cancel, emit, emit_after};
pub use fault::Fault;
pub use innkeeper_sdk_derive::Record;
pub use json::Json;
pub use migration::{Migration, StateSchema};
pub use page::{Page, Paging, Start};
pub use path::Path;
pub use policy::{Happened, Outcome, PolicyError};
pub use problem::{Invalid, Problem};
pub use record::Record;
pub use table::{Key, Table};
pub use text::Text;
pub use web::{Answer, FromRequest, Handler};

/// What the expansions of this crate's macros use.
#[doc(hidden)]
pub mod private {
    pub use crate::bindings::innkeeper::context::types::Event as Delivered;
    pub use crate::declare::{Declaration, Tables};
    pub use crate::policy::dispatch as policy;
    pub use crate::record::private as record;
    pub use crate::web::{consumes, dispatch as route};
}

#[doc(hidden)]
pub use wit_bindgen;

/// What nearly every context uses.
pub mod prelude {
    pub use crate::{
        Answer, Event, Fault, Happened, Json, Outcome, Page, Paging, Path, PolicyError, Problem,
        Record, Response, Subject, Table, Text, emit,
    };
    pub use serde::{Deserialize, Serialize};
}
