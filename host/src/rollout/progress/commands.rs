//! What an operator tells a rollout while it is in progress, but that it is to end.

use std::mem;

use super::{Progress, Rollout};

impl Rollout {
    /// Pauses it. Says whether that changed anything.
    pub(in crate::rollout) fn pause(&self) -> bool {
        self.set_paused(true)
    }

    /// Resumes it. Says whether that changed anything.
    pub(in crate::rollout) fn resume(&self) -> bool {
        self.set_paused(false)
    }

    fn set_paused(&self, is_paused: bool) -> bool {
        self.order(|progress| mem::replace(&mut progress.is_paused, is_paused) != is_paused)
    }

    /// Promotes it: the version gets all of the work. Says whether that changed anything.
    pub(in crate::rollout) fn promote(&self) -> bool {
        self.order(|progress| {
            progress.is_paused = false;
            !mem::replace(&mut progress.is_promoted, true)
        })
    }

    fn order(&self, order: impl FnOnce(&mut Progress) -> bool) -> bool {
        let mut is_new = false;
        self.progress
            .send_modify(|progress| is_new = order(progress));
        self.commanded.notify_waiters();
        is_new
    }

    /// Resolves when somebody has paused, resumed or promoted it.
    pub(in crate::rollout) async fn commanded(&self) {
        self.commanded.notified().await;
    }

    /// Whether it is paused, and whether it is promoted.
    pub(in crate::rollout) fn commands(&self) -> (bool, bool) {
        let progress = self.progress.borrow();
        (progress.is_paused, progress.is_promoted)
    }

    /// Resolves when it is not paused.
    pub(in crate::rollout) async fn wait_while_paused(&self) {
        self.until(|progress| !progress.is_paused).await;
    }
}
