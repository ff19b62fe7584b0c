//! The heart: trigger -> unit of work -> commit; and what happens when there is none.
//!
//! An invocation runs its guest until its reads hold and its commit is in the journal, or until it has failed and what its calls did elsewhere is on record to be undone.

pub mod admission;
mod attempts;
mod call;
mod check_in;
pub mod compensation;
mod continuity;
mod event;
mod failure;
pub mod idempotency;
mod identifier;
pub mod intent;
mod job;
mod kept;
mod message;
mod origin;
mod orphans;
mod outbox;
mod ready;
pub(crate) mod record;
mod retention;
pub mod reuse;
mod runs;
mod spent;
mod staged;
pub mod turns;
mod uninterrupted;
mod unit;
mod web;

pub(crate) use self::identifier::digest;
pub use self::{
    call::{Request as CallRequest, call},
    event::{Delivery, EventFailure, event, give_up, has_left},
    failure::Failure,
    identifier::random as random_id,
    job::wall_clock,
    message::{Request, Response, WebAnswer},
    origin::Origin,
    outbox::Timer,
    ready::ready,
    retention::{forget_intents, forget_results},
    web::web,
};
