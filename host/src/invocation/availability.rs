//! Whether a context takes work at this moment. Floors above decide that: a context is held while its version is restarted, and closed while it is not ready, or
//! waits to be restarted.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::failure::Failure;
use crate::core::ContextName;

/// After a suspicion that came to nothing, how long the next one holds nobody up: otherwise a client whose requests trap could slow down all others.
const TRUST: Duration = Duration::from_secs(1);
/// When to try again what was held and could not run.
const SOON: Duration = Duration::from_secs(1);

/// What becomes of work that comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intake {
    /// It runs.
    Open,
    /// It waits: the version is looked at, or restarted.
    Held,
    /// It is refused, or waits where it can: the guest says that it is not ready.
    NotReady {
        /// When it is asked again.
        retry_after: Duration,
    },
    /// It is refused, or waits where it can: the version failed again and again, and is restarted later.
    BackingOff {
        /// When.
        until: Instant,
    },
}

/// Whether a context takes work.
pub struct Availability {
    is_open: AtomicBool,
    intake: watch::Sender<Intake>,
    waiting: AtomicU32,
    max_waiting: u32,
    /// When a suspicion came to nothing.
    cleared: Mutex<Option<Instant>>,
}

impl Availability {
    /// One that is open; while it is held, so many may wait.
    pub fn new(max_waiting: u32) -> Self {
        Self {
            is_open: AtomicBool::new(true),
            intake: watch::Sender::new(Intake::Open),
            waiting: AtomicU32::new(0),
            max_waiting,
            cleared: Mutex::default(),
        }
    }

    /// What becomes of work that comes from now on.
    pub fn set(&self, intake: Intake) {
        self.intake.send_if_modified(|before| {
            self.is_open
                .store(intake == Intake::Open, Ordering::Release);
            let is_other = *before != intake;
            *before = intake;
            is_other
        });
    }

    /// What becomes of work.
    pub fn intake(&self) -> Intake {
        self.intake.borrow().clone()
    }

    /// Whether work runs.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Whether work waits that comes.
    pub(super) fn is_held(&self) -> bool {
        !self.is_open() && *self.intake.borrow() == Intake::Held
    }

    /// Holds what comes, since the version is suspected of failing, unless a suspicion came to nothing just now.
    pub(super) fn suspect(&self) {
        let is_trusted = |cleared: Instant| cleared.elapsed() < TRUST;
        if self.cleared.lock().is_some_and(is_trusted) {
            return;
        }
        self.intake.send_if_modified(|intake| {
            let is_open = *intake == Intake::Open;
            if is_open {
                self.is_open.store(false, Ordering::Release);
                *intake = Intake::Held;
            }
            is_open
        });
    }

    /// The suspicion came to nothing.
    pub fn clear(&self) {
        *self.cleared.lock() = Some(Instant::now());
    }

    /// Lets somebody in, who waits until `deadline` at the latest while the context is held.
    ///
    /// # Errors
    ///
    /// When the context takes no work.
    pub async fn admit(&self, context: &ContextName, deadline: Instant) -> Result<(), Failure> {
        if self.is_open() {
            return Ok(());
        }
        // Most never come here.
        Box::pin(self.wait(context, deadline)).await
    }

    async fn wait(&self, context: &ContextName, deadline: Instant) -> Result<(), Failure> {
        let restarting = || Failure::Restarting {
            context: context.clone(),
            retry_after: SOON,
        };
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        if before >= self.max_waiting {
            return Err(restarting());
        }
        let mut intake = self.intake.subscribe();
        let decided = intake.wait_for(|intake| *intake != Intake::Held);
        let decided = match tokio::time::timeout_at(deadline, decided).await {
            // The sender lives as long as `self`.
            Ok(Ok(decided)) => decided.clone(),
            _ => return Err(restarting()),
        };
        self.refusal(context, decided).map_or(Ok(()), Err)
    }

    fn refusal(&self, context: &ContextName, intake: Intake) -> Option<Failure> {
        let context = context.clone();
        match intake {
            Intake::Open => None,
            Intake::Held => Some(Failure::Restarting {
                context,
                retry_after: SOON,
            }),
            Intake::NotReady { retry_after } => Some(Failure::NotReady {
                context,
                retry_after,
            }),
            Intake::BackingOff { until } => Some(Failure::CrashLoopBackOff {
                context,
                retry_after: until.saturating_duration_since(Instant::now()),
            }),
        }
    }

    /// Waits as long as it takes until work runs: for what would only come again, such as events.
    pub async fn opened(&self) {
        if self.is_open() {
            return;
        }
        let mut intake = self.intake.subscribe();
        // The sender lives as long as `self`.
        let _open = intake.wait_for(|intake| *intake == Intake::Open).await;
    }

    /// Why work does not run at this moment, if it does not.
    ///
    /// # Errors
    ///
    /// The reason.
    pub fn check(&self, context: &ContextName) -> Result<(), Failure> {
        match self.is_open() {
            true => Ok(()),
            false => self.refusal(context, self.intake()).map_or(Ok(()), Err),
        }
    }
}

struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn whoever_comes_while_it_is_held_waits_and_then_runs_or_is_refused() {
        let availability = Arc::new(Availability::new(10));
        for (then, is_admitted) in [
            (Intake::Open, true),
            (Intake::NotReady { retry_after: SOON }, false),
            (Intake::BackingOff { until: late() }, false),
        ] {
            availability.set(Intake::Held);
            let waiting = tokio::spawn({
                let availability = availability.clone();
                async move { availability.admit(&"room".into(), late()).await }
            });
            while availability.waiting.load(Ordering::Acquire) == 0 {
                tokio::task::yield_now().await;
            }
            assert!(!waiting.is_finished());
            availability.set(then);
            assert_eq!(waiting.await.unwrap().is_ok(), is_admitted);
        }
        assert_eq!(availability.waiting.load(Ordering::Acquire), 0);
    }

    #[tokio::test]
    async fn so_many_may_wait_and_no_longer_than_they_have() {
        let availability = Availability::new(1);
        availability.set(Intake::Held);
        let soon = Instant::now() + Duration::from_millis(50);
        let room = "room".into();
        let (first, second) = tokio::join!(
            availability.admit(&room, soon),
            availability.admit(&room, late())
        );
        for refused in [first, second] {
            assert!(
                matches!(refused, Err(Failure::Restarting { .. })),
                "{refused:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspicion_that_came_to_nothing_holds_nobody_up_for_a_while() {
        let availability = Availability::new(1);
        availability.suspect();
        assert!(availability.is_held());
        availability.clear();
        availability.set(Intake::Open);
        availability.suspect();
        assert!(availability.is_open());
        tokio::time::advance(TRUST).await;
        availability.suspect();
        assert!(availability.is_held());
    }

    #[test]
    fn what_is_closed_is_not_held_by_a_suspicion() {
        let availability = Availability::new(1);
        let not_ready = Intake::NotReady { retry_after: SOON };
        availability.set(not_ready.clone());
        availability.suspect();
        assert_eq!(availability.intake(), not_ready);
    }
}
