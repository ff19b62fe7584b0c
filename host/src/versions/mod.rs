//! Versions, as data: what a component was found to be, which versions serve, and what follows from that, behind one pointer.

mod foreseen;
mod lease;
mod links;
mod live_wiring;
mod media_type;
mod pattern;
mod response_cache;
mod routes;
mod scorecard;
mod serving;
mod tables;
mod text_budget;
mod trusted;
pub(crate) mod unreadable;
mod version;
mod wiring;

#[cfg(test)]
pub(crate) use self::scorecard::Scorecard;
pub(crate) use self::{
    foreseen::Foreseen,
    response_cache::{CachedResponse, ResponseCache, size as response_size},
    scorecard::Tally,
    tables::Written,
    text_budget::{LONGEST as LONGEST_TEXT, TextBudget},
    wiring::Rewiring,
};
pub use self::{
    lease::{Drained, Lease},
    links::{LinkError, Links},
    live_wiring::LiveWiring,
    routes::{Found, Offer, Route, RouteError, Routes},
    serving::{Candidate, Serving},
    tables::{Table, Tables},
    trusted::Trusted,
    version::{Description, Identity, Version, numbered},
    wiring::{Wiring, WiringError},
};
