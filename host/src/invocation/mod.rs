//! The heart: trigger -> unit of work -> commit; and what happens when there is none.
//!
//! An invocation runs its guest until its reads hold and its commit is in the journal, or until it has failed and what its calls did elsewhere is on record to be undone.

pub mod admission;
mod attempts;
mod attributes;
mod availability;
mod cached_response;
mod call;
mod calls_made;
pub mod circuit_breaker;
pub mod commit_hold;
mod context;
mod context_slots;
mod counter;
mod definition;
mod dispatch;
mod entry;
mod event;
mod failure;
pub mod faults;
mod guest_memory;
mod health_check;
mod host_event_kind;
mod host_events;
mod idempotency;
mod intent;
pub mod interrupted_requests;
mod invoker;
mod kept_secret;
pub mod key_locks;
mod known_good;
mod load_meter;
mod occurrences;
mod origin;
mod outbox;
mod parts;
pub(crate) mod publishable;
pub mod quota;
mod read_usage;
pub(crate) mod record;
mod replay;
pub mod resumption;
mod retention;
mod route_to_version;
mod runs;
mod spans;
mod staged;
pub(crate) mod state_key;
mod stored_call_result;
mod suspicion;
mod timer;
pub mod traffic;
pub mod undoing;
mod uninterrupted;
mod unit;
mod unreadable_intent;
mod web;

pub(crate) use self::{
    attributes::Attributes,
    context::{Shared, stored_generation},
    kept_secret::kept_secret,
    occurrences::Occurrences,
};
pub use self::{
    availability::{Availability, Intake},
    call::{Answered, Caller, Request as CallRequest},
    context::{Context, GENERATION_KEY},
    context_slots::ContextSlots,
    dispatch::{dispatch, offering, reach},
    event::{Delivery, EventFailure, event, give_up, has_left},
    failure::Failure,
    health_check::{Check, check_health},
    host_event_kind::HostEventKind,
    host_events::{HostEvents, HostEventsWriter},
    invoker::{Contexts, Invoker, Safeguards},
    known_good::{Verdict, try_known_good},
    load_meter::Load,
    occurrences::{Occurrence, Severity},
    origin::Origin,
    resumption::Resumption,
    retention::{end_forsaken, forget_results},
    suspicion::Suspicions,
    timer::Timer,
    web::{WebFailure, web},
};
