//! Versions, as data: what a component was found to be, which versions serve, and what follows from that, behind one pointer.

mod current_wiring;
mod documentation;
mod event_types;
mod failure_streak;
mod lease;
mod links;
mod media_type;
mod memory_estimate;
mod pattern;
mod response_cache;
mod routes;
mod scorecard;
mod serving;
mod tables;
mod text_budget;
mod trusted;
pub(crate) mod unreadable_event;
mod version;
mod wiring;

pub use self::{
    current_wiring::CurrentWiring,
    documentation::{Answer, Documentation, RouteDocumentation},
    event_types::EventTypes,
    lease::{Drained, Lease},
    links::{LinkError, Links},
    routes::{Found, Offer, Route, RouteError, Routes},
    serving::{Candidate, Serving},
    tables::{AnnotatedTypes, Shape, Table, Tables},
    trusted::Trusted,
    version::{Description, Identity, Version, numbered},
    wiring::{Wiring, WiringError},
};
pub(crate) use self::{
    memory_estimate::MemoryEstimate,
    pattern::Segment,
    response_cache::{CachedResponse, ResponseCache, size as response_size},
    routes::{ALL_OTHERS, required},
    scorecard::{Scorecard, Tally},
    tables::WrittenTables,
    text_budget::{LONGEST as LONGEST_TEXT, TextBudget},
    wiring::Rewiring,
};
