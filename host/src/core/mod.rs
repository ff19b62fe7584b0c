//! What every room may build upon: ids and names, the clock, the thread of cause, pauses between attempts, budgets of memory, and what goes in and out of a web invocation.

mod backoff;
mod by_name;
mod clock;
pub(crate) mod cloud_event;
pub mod correlation;
mod counted;
mod human_duration;
mod id;
pub mod memory;
pub mod message;
mod name;
pub(crate) mod nearest;
mod timestamp;
mod trace_context;
pub(crate) mod uri_path;
mod verified_identity;
mod volume;

pub(crate) use self::{
    backoff::Backoff,
    id::{Kept, digest, or_empty},
    name::{NAME_RULE, check_name},
    verified_identity::{InvalidIdentity, Statement},
};
pub use self::{
    by_name::ByName,
    clock::wall_clock,
    correlation::Correlation,
    counted::counted,
    human_duration::human_duration,
    id::{
        CallId, CausationId, ContentDigest, ContextName, CorrelationId, EventId, IdSecret,
        InvalidContentDigest, InvalidCorrelationId, InvalidDigest, InvocationId, RunId,
        VersionDigest, random_id,
    },
    name::InvalidName,
    timestamp::Timestamp,
    trace_context::TraceContext,
    verified_identity::VerifiedIdentity,
    volume::Volume,
};
