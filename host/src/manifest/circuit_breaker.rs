//! `[context.<name>.circuit_breaker]`: when work is turned away. The words are Istio's.

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Deserializer};

use super::scalar;

/// What requests at the public port are called as a caller.
pub const GATEWAY: &str = "gateway";
/// What calls over NATS are called as a caller.
pub const NATS: &str = "nats";

/// How many errors in a row open the breaker of a caller from inside, when the manifest does not say.
const ERRORS_OF_CALLS: u32 = 5;

/// `[context.<name>.circuit_breaker]`: when work is turned away. All but `max_requests` is for each caller apart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Requests or calls of one caller that are under way at once.
    #[serde(deserialize_with = "optional_positive")]
    pub max_connections: Option<NonZeroU32>,
    /// Requests or calls of one caller that may wait for their turn.
    #[serde(deserialize_with = "scalar::number")]
    pub max_pending_requests: u32,
    /// Invocations that run at once, whoever asked for them.
    #[serde(deserialize_with = "scalar::positive")]
    pub max_requests: NonZeroU32,
    /// How many requests a connection serves before the next one is opened.
    #[serde(deserialize_with = "optional_positive")]
    pub max_requests_per_connection: Option<NonZeroU32>,
    /// Errors in a row, within `interval`, that open the breaker; 0 never opens it.
    #[serde(deserialize_with = "scalar::optional_number")]
    pub consecutive_errors: Option<u32>,
    /// How long an error counts.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub interval: Duration,
    /// How long the breaker stays open the first time; longer each time that follows.
    #[serde(deserialize_with = "scalar::positive_duration")]
    pub base_ejection_time: Duration,
    /// Which share of the work may be turned away at once, in percent, for what failed.
    #[serde(deserialize_with = "scalar::percent_or_zero")]
    pub max_ejection_percent: u8,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            max_connections: None,
            max_pending_requests: 4096,
            max_requests: NonZeroU32::MIN.saturating_add(255),
            max_requests_per_connection: None,
            consecutive_errors: None,
            interval: Duration::from_secs(10),
            base_ejection_time: Duration::from_secs(1),
            max_ejection_percent: 100,
        }
    }
}

impl CircuitBreaker {
    /// How many errors in a row open the breaker of a caller; 0 never opens it.
    ///
    /// At the gateway none do unless the manifest says so: any client could make a context unreachable for all others by a request that it fails at.
    pub fn consecutive_errors_of(&self, caller: &str) -> u32 {
        match (self.consecutive_errors, caller) {
            (Some(errors), _) => errors,
            (None, GATEWAY) => 0,
            (None, _) => ERRORS_OF_CALLS,
        }
    }

    /// Says which setting contradicts the others, and how.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.max_pending_requests == 0 && self.max_requests_per_connection.is_some() {
            return Err((
                "max_pending_requests",
                "must be at least 1 where max_requests_per_connection is set: a request waits while its connection is opened".to_owned(),
            ));
        }
        Ok(())
    }
}

fn optional_positive<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NonZeroU32>, D::Error> {
    scalar::positive(deserializer).map(Some)
}
