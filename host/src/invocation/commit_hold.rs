//! Holding: a run that has made a call which nothing can undo must commit what it has read and decided, since it can neither be repeated nor taken back.
//!
//! So before a call that names no undo commits, its caller is asked for its consent. The caller then checks that what it has read until now still holds,
//! and keeps everybody else in its context from committing until its run has ended. Each context has one holder at a time. Whoever holds waits
//! for another holder only for a moment, and so does whoever it has called: two that waited for each other would wait until a deadline. It is run again then.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, mpsc, oneshot};
use tokio::time::Instant;

use super::definition::{Invocation, Trigger};
use super::failure::Failure;
use crate::core::InvocationId;
use crate::journal::Cause;
use crate::versions::Version;

/// How long an invocation waits for a holder while somebody waits for it: the holder may be waiting for that one.
const PATIENCE: Duration = Duration::from_millis(20);

/// Who may commit in a context: everybody, or one that holds.
#[derive(Default)]
pub struct Commits {
    lock: Arc<RwLock<()>>,
    /// Held for an invocation that a crash cut short, until it is run again.
    left: Mutex<Option<(InvocationId, OwnedRwLockWriteGuard<()>)>>,
}

impl Commits {
    /// Holds the commits for an invocation that is to be run again; called before anything runs. False when another one holds them already.
    pub(super) fn hold_for(&self, invocation: &InvocationId) -> bool {
        let held = self.lock.clone().try_write_owned();
        let is_held = held.is_ok();
        if let Ok(held) = held {
            *self.left.lock() = Some((invocation.clone(), held));
        }
        is_held
    }

    /// Lets everybody commit who waits for an invocation that has not come back.
    pub fn release_left(&self) {
        self.left.lock().take();
    }

    fn take_left(&self, invocation: &InvocationId) -> Option<OwnedRwLockWriteGuard<()>> {
        let mut left = self.left.lock();
        let is_its = left
            .as_ref()
            .is_some_and(|(held_for, _)| held_for == invocation);
        match is_its {
            true => left.take().map(|(_, held)| held),
            false => None,
        }
    }
}

/// What an invocation holds of its context's commits.
#[derive(Default)]
pub(super) struct Hold(Mutex<Option<OwnedRwLockWriteGuard<()>>>);

impl Hold {
    /// Whether it holds them.
    pub(super) fn is_held(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Lets others commit again.
    pub(super) fn release(&self) {
        self.0.lock().take();
    }
}

/// How a callee asks its caller for its consent to a commit that nothing undoes.
#[derive(Clone)]
pub struct Consent(mpsc::Sender<Asked>);

/// A callee that waits for the consent.
pub(super) struct Asked(oneshot::Sender<bool>);

impl Asked {
    pub(super) fn answer(self, agreed: bool) {
        // Whoever does not wait any more does not commit.
        let _ = self.0.send(agreed);
    }
}

impl Consent {
    pub(super) fn new() -> (Self, mpsc::Receiver<Asked>) {
        let (consent, asked) = mpsc::channel(1);
        (Self(consent), asked)
    }

    async fn ask(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.0.send(Asked(answer)).await.is_ok() && answered.await.unwrap_or(false)
    }
}

impl Invocation {
    /// The function that undoes it, if it is a call that something undoes.
    pub(super) fn undo_by(&self, version: &Version) -> Option<String> {
        match &self.cause {
            Cause::Call { function } => version.undo_of(function),
            Cause::Web { .. } | Cause::Event { .. } | Cause::Timer { .. } | Cause::Host { .. } => {
                None
            }
        }
    }

    /// Takes over the hold that an earlier process had for this invocation.
    pub(super) fn resume_hold(&self) {
        if let Some(held) = self.context.commits.take_left(&self.id) {
            *self.hold.0.lock() = Some(held);
        }
    }

    /// Keeps everybody else from committing in its context until its run has ended.
    pub(super) async fn hold_commits(&self, version: &Version) -> Result<(), Failure> {
        if self.is_of_holder() {
            return Ok(());
        }
        let mut until = self.deadline;
        if self.undo_by(version).is_none() && self.ask_consent().await? {
            // It is about to do what cannot be taken back, so it must be able to commit itself.
            until = Instant::now() + PATIENCE;
        }
        if self.is_of_holder() {
            return Ok(());
        }
        let lock = self.context.commits.lock.clone();
        let held = self.within(until, lock.write_owned()).await?;
        *self.hold.0.lock() = Some(held);
        Ok(())
    }

    /// What it needs to commit: its turn beside everybody else's, and its caller's consent where nothing would undo it.
    pub(super) async fn share_commits(
        &self,
        is_final: bool,
    ) -> Result<Option<OwnedRwLockReadGuard<()>>, Failure> {
        if self.is_of_holder() {
            return Ok(None);
        }
        let mut until = self.deadline;
        if is_final && self.ask_consent().await? {
            until = Instant::now() + PATIENCE;
        }
        if self.is_of_holder() {
            // Its caller's consent led back to here.
            return Ok(None);
        }
        let lock = self.context.commits.lock.clone();
        if let Ok(shared) = lock.clone().try_read_owned() {
            return Ok(Some(shared));
        }
        self.within(until, lock.read_owned()).await.map(Some)
    }

    /// Has its caller hold what the caller has read, if there is one: answers whether there is.
    async fn ask_consent(&self) -> Result<bool, Failure> {
        match (&self.trigger, &self.consent) {
            (Trigger::Caller, Some(consent)) => match consent.ask().await {
                true => Ok(true),
                false => Err(Failure::CallerOutdated),
            },
            _ => Ok(false),
        }
    }

    /// Waits for somebody who holds; only for a moment where others may wait for this one.
    async fn within<T>(
        &self,
        until: Instant,
        waiting: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        let until = match self.may_not_wait() {
            true => until.min(Instant::now() + PATIENCE),
            false => until,
        };
        let waited = tokio::time::timeout_at(until.min(self.deadline), waiting).await;
        waited.map_err(|_| Failure::Contended { attempts: 1 })
    }
}
