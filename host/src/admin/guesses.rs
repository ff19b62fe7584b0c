//! A brake for whoever guesses tokens: so many wrong ones from one address, and then one a second. While the brake is on, no token from there is looked at, also not
//! the right one: otherwise it would be no brake.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::gateway::rate_limit::{RateLimiter, network};
use crate::manifest::RateLimit;

/// One a second, and twenty at once: enough for a client whose token was exchanged.
const LIMIT: RateLimit = RateLimit {
    requests_per_second: NonZeroU32::MIN,
    burst: NonZeroU32::MIN.saturating_add(19),
};

/// The wrong tokens of late, by the address that they came from.
pub(super) struct Guesses(RateLimiter<Option<IpAddr>>);

impl Guesses {
    pub fn new() -> Self {
        Self(RateLimiter::new(LIMIT))
    }

    /// Whether a token from this address is looked at; else when one will be.
    pub fn may(&self, from: Option<IpAddr>) -> Result<(), Duration> {
        self.0.has_room(from.map(network), Instant::now())
    }

    /// Notes a wrong one.
    pub fn note(&self, from: Option<IpAddr>) {
        // When there was no room for it, there is none for the next one either.
        let _ = self.0.admit(from.map(network), Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_is_slowed_down_and_nobody_else() {
        let guesses = Guesses::new();
        let (one, other) = ("10.0.0.1".parse().ok(), "10.0.0.2".parse().ok());
        let looked_at = (0..10_000).filter(|_| {
            let may = guesses.may(one).is_ok();
            guesses.note(one);
            may
        });
        let looked_at = looked_at.count();
        assert!((20..30).contains(&looked_at), "{looked_at}");
        assert!(
            guesses
                .may(one)
                .is_err_and(|wait| wait <= Duration::from_secs(1))
        );
        assert!(guesses.may(other).is_ok() && guesses.may(None).is_ok());
    }
}
