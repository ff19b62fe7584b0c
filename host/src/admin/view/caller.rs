//! A caller of a context, as the circuit breaker between them sees it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who calls a context, and how that goes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The context that calls; `gateway` for requests at the public port, `nats` for calls over NATS.
    pub caller: String,
    /// Where its circuit breaker stands.
    pub circuit_breaker: Breaker,
    /// How many requests or calls wait.
    pub pending: u32,
    /// How many were turned away since the host started.
    pub rejected: Rejected,
    /// What has passed in the last minute.
    pub traffic: Traffic,
}

/// Where a circuit breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Breaker {
    /// Work goes through.
    Closed,
    /// One request or call tries whether it works again.
    HalfOpen,
    /// Work is turned away at once, without trying.
    Open,
}

/// How many requests or calls were turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// Because too much was under way, and waited.
    pub pool: u64,
    /// Because too much had failed.
    pub open: u64,
}

/// What has passed in the last minute, without what was turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Requests, calls or events that came to an end.
    pub count: u64,
    /// How many of them failed, and whoever did them is to blame.
    pub errors: u64,
    /// How many there were in a second.
    pub per_second: f64,
    /// What 99 of 100 did not take longer than, in microseconds.
    pub p99_micros: u64,
}
