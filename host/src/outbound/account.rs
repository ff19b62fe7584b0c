//! How much one invocation may have under way outside, and hold of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::core::memory::Reservation;
use crate::guest::OutboundError;

/// How many requests of one invocation may be under way at once.
const AT_ONCE: usize = 16;
/// How many requests one invocation may send in all its attempts.
pub(super) const MOST: usize = 1_000;
/// What is held for a request and its answer besides what they say, in bytes.
const OVERHEAD: usize = 1 << 10;

/// What one invocation holds for what it asks outside.
pub(super) struct Account {
    under_way: Arc<Semaphore>,
    sent: AtomicUsize,
    held: Mutex<Reservation>,
    /// The most that it may hold, in bytes.
    limit: u64,
}

/// What is held for a request, until there is an answer or it is not sent after all.
pub(super) struct Held {
    account: Arc<Account>,
    bytes: u64,
}

/// Why nothing more is sent.
pub(super) fn too_many() -> OutboundError {
    OutboundError::Overloaded(format!("one invocation sends {MOST} requests at most"))
}

/// A request that may be under way.
pub(super) struct Admitted {
    request: Held,
    _permit: OwnedSemaphorePermit,
}

impl Account {
    /// Of an invocation whose guest may have so much memory.
    pub(super) fn new(nothing: Reservation, limit: u64) -> Arc<Self> {
        Arc::new(Self {
            under_way: Arc::new(Semaphore::new(AT_ONCE)),
            sent: AtomicUsize::new(0),
            held: Mutex::new(nothing),
            limit,
        })
    }

    /// Holds nothing of a request yet.
    pub(super) fn nothing(self: &Arc<Self>) -> Held {
        Held {
            account: self.clone(),
            bytes: 0,
        }
    }

    fn hold(&self, bytes: u64) -> Result<(), OutboundError> {
        let mut held = self.held.lock();
        if held.bytes().saturating_add(bytes) > self.limit {
            return Err(OutboundError::Overloaded(format!(
                "what it asked and heard outside is more than its memory of {} bytes (limits.memory)",
                self.limit
            )));
        }
        held.grow(bytes)
            .map_err(|exhausted| OutboundError::Overloaded(exhausted.to_string()))
    }
}

impl Held {
    /// How much is held, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Holds so many bytes more of the request.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), OutboundError> {
        let bytes = bytes as u64;
        self.account.hold(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Lets it be sent, unless too many are.
    pub(super) fn admit(self) -> Result<Admitted, OutboundError> {
        let account = &self.account;
        let permit = account.under_way.clone().try_acquire_owned();
        let permit = permit.map_err(|_| {
            OutboundError::Overloaded(format!(
                "{AT_ONCE} requests of one invocation are under way; wait for some of them"
            ))
        })?;
        if account.sent.fetch_add(1, Ordering::Relaxed) >= MOST {
            return Err(too_many());
        }
        account.hold(OVERHEAD as u64)?;
        Ok(Admitted {
            request: self,
            _permit: permit,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.held.lock().shrink(self.bytes);
    }
}

impl Admitted {
    /// Holds so many bytes of the answer, until the invocation has ended: its guest may have them until then, and a re-run may ask for them.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), OutboundError> {
        self.request.account.hold(bytes as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::memory::Budget;

    #[test]
    fn what_is_asked_is_held_until_it_is_answered_and_what_is_heard_until_the_end() {
        let budget = Budget::new(1 << 20);
        let account = Account::new(budget.nothing(), 10_000);
        let mut request = account.nothing();
        request.grow(4_000).unwrap();
        let admitted = request.admit().unwrap();
        admitted.hold(2_000).unwrap();
        assert_eq!(budget.held(), 4_000 + 2_000 + OVERHEAD as u64);
        drop(admitted);
        assert_eq!(budget.held(), 2_000 + OVERHEAD as u64);
        let mut request = account.nothing();
        assert!(matches!(
            request.grow(10_000),
            Err(OutboundError::Overloaded(_))
        ));
        drop(request);
        drop(account);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn no_more_are_sent_than_may_be_at_once_and_in_all() {
        let budget = Budget::new(1 << 30);
        let account = Account::new(budget.nothing(), 1 << 30);
        let under_way: Vec<_> = (0..AT_ONCE)
            .map(|_| account.nothing().admit().ok().unwrap())
            .collect();
        assert!(account.nothing().admit().is_err());
        drop(under_way);
        for _ in AT_ONCE..MOST {
            assert!(account.nothing().admit().is_ok());
        }
        assert!(account.nothing().admit().is_err());
    }
}
