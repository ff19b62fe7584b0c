//! Throttling of wrong tokens, against brute force: a burst of wrong ones from one address, and then one a second. Beyond that no token from there is checked, not even
//! a valid one: otherwise the throttle would not slow anybody down.
//!
//! Each token counts as wrong until it was found to be valid: sending many at once does not get more of them checked.

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

/// Throttles wrong tokens by the address that they come from.
pub(super) struct TokenThrottle(RateLimiter<Option<IpAddr>>);

/// A token that is being checked. It counts as wrong unless [`TokenAttempt::succeeded`] is called.
pub(super) struct TokenAttempt<'a> {
    throttle: &'a TokenThrottle,
    from: Option<IpAddr>,
}

impl TokenThrottle {
    pub fn new() -> Self {
        Self(RateLimiter::new(LIMIT))
    }

    /// Admits a token from this address to be checked; else says in how long one will be.
    pub fn admit(&self, from: Option<IpAddr>) -> Result<TokenAttempt<'_>, Duration> {
        let from = from.map(network);
        self.0.admit(from, Instant::now())?;
        Ok(TokenAttempt {
            throttle: self,
            from,
        })
    }
}

impl TokenAttempt<'_> {
    /// The token was valid.
    pub fn succeeded(self) {
        self.throttle.0.give_back(&self.from, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn who_guesses_is_slowed_down_and_nobody_else() {
        let throttle = TokenThrottle::new();
        let (one, other) = ("10.0.0.1".parse().ok(), "10.0.0.2".parse().ok());
        let looked_at = (0..10_000).filter(|_| throttle.admit(one).is_ok());
        let looked_at = looked_at.count();
        assert!((20..30).contains(&looked_at), "{looked_at}");
        let wait = throttle.admit(one).err();
        assert!(wait.is_some_and(|wait| wait <= Duration::from_secs(1)));
        assert!(throttle.admit(other).is_ok() && throttle.admit(None).is_ok());
    }

    #[test]
    fn who_is_right_is_never_slowed_down() {
        let throttle = TokenThrottle::new();
        let from = "10.0.0.1".parse().ok();
        for _ in 0..1_000 {
            throttle.admit(from).unwrap().succeeded();
        }
        let wrong = (0..100).filter(|_| throttle.admit(from).is_ok());
        assert!((20..22).contains(&wrong.count()));
    }

    #[test]
    fn many_at_once_are_no_more_than_one_after_the_other() {
        const AT_ONCE: usize = 64;
        let from = "10.0.0.1".parse().ok();
        for _ in 0..20 {
            let throttle = TokenThrottle::new();
            let (together, looked_at) = (Barrier::new(AT_ONCE), AtomicUsize::new(0));
            let began = Instant::now();
            std::thread::scope(|scope| {
                for _ in 0..AT_ONCE {
                    scope.spawn(|| {
                        together.wait();
                        if throttle.admit(from).is_ok() {
                            looked_at.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            let most = 20 + began.elapsed().as_secs() as usize + 1;
            let looked_at = looked_at.into_inner();
            assert!((20..=most).contains(&looked_at), "{looked_at}");
        }
    }
}
