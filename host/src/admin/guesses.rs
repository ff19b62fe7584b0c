//! A brake for whoever guesses tokens: so many wrong ones from one address, and then one a second. While the brake is on, no token from there is looked at, also not
//! the right one: otherwise it would be no brake.
//!
//! Each token that comes counts as wrong until it was found to be right: whoever sends many at once gets no more of them looked at.

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

/// A token that is being looked at. It was wrong, unless it is said to be right.
pub(super) struct Guess<'a> {
    guesses: &'a Guesses,
    from: Option<IpAddr>,
}

impl Guesses {
    pub fn new() -> Self {
        Self(RateLimiter::new(LIMIT))
    }

    /// A token from this address that may be looked at; else when one will be.
    pub fn admit(&self, from: Option<IpAddr>) -> Result<Guess<'_>, Duration> {
        let from = from.map(network);
        self.0.admit(from, Instant::now())?;
        Ok(Guess {
            guesses: self,
            from,
        })
    }
}

impl Guess<'_> {
    /// It was no guess.
    pub fn was_right(self) {
        self.guesses.0.give_back(&self.from, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn who_guesses_is_slowed_down_and_nobody_else() {
        let guesses = Guesses::new();
        let (one, other) = ("10.0.0.1".parse().ok(), "10.0.0.2".parse().ok());
        let looked_at = (0..10_000).filter(|_| guesses.admit(one).is_ok());
        let looked_at = looked_at.count();
        assert!((20..30).contains(&looked_at), "{looked_at}");
        let wait = guesses.admit(one).err();
        assert!(wait.is_some_and(|wait| wait <= Duration::from_secs(1)));
        assert!(guesses.admit(other).is_ok() && guesses.admit(None).is_ok());
    }

    #[test]
    fn who_is_right_is_never_slowed_down() {
        let guesses = Guesses::new();
        let from = "10.0.0.1".parse().ok();
        for _ in 0..1_000 {
            guesses.admit(from).unwrap().was_right();
        }
        let wrong = (0..100).filter(|_| guesses.admit(from).is_ok());
        assert!((20..22).contains(&wrong.count()));
    }

    #[test]
    fn many_at_once_are_no_more_than_one_after_the_other() {
        const AT_ONCE: usize = 64;
        let from = "10.0.0.1".parse().ok();
        for _ in 0..20 {
            let guesses = Guesses::new();
            let (together, looked_at) = (Barrier::new(AT_ONCE), AtomicUsize::new(0));
            let began = Instant::now();
            std::thread::scope(|scope| {
                for _ in 0..AT_ONCE {
                    scope.spawn(|| {
                        together.wait();
                        if guesses.admit(from).is_ok() {
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
