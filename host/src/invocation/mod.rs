//! The heart: trigger -> unit of work -> commit; and what happens when there is none.
//!
//! An invocation runs its guest until its reads hold and its commit is in the journal, or until it has failed and what its calls did elsewhere is on record to be undone.

mod abandonment;
pub mod admission;
mod attempts;
mod call;
mod check_in;
pub mod compensation;
mod event;
mod failure;
pub mod guest_memory;
pub mod hold;
pub mod idempotency;
mod identifier;
mod intent;
mod job;
mod kept;
mod message;
mod origin;
mod outbox;
pub mod owed;
pub(crate) mod publishable;
pub mod quota;
mod ready;
pub(crate) mod record;
mod recovery;
mod replay;
mod retention;
pub mod reuse;
mod runs;
mod spent;
mod staged;
pub(crate) mod state_key;
pub mod turns;
mod undo;
pub mod unfinished;
mod uninterrupted;
mod unit;
mod web;

pub(crate) use self::identifier::digest;
pub use self::{
    call::{Answered, Caller, Request as CallRequest, call},
    event::{Delivery, EventFailure, event, give_up, has_left},
    failure::Failure,
    identifier::random as random_id,
    job::wall_clock,
    message::{Request, Response, WebAnswer},
    origin::Origin,
    outbox::Timer,
    ready::ready,
    retention::{end_forsaken, forget_results},
    web::web,
};
