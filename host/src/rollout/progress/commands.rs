//! What an operator tells a rollout while it is in progress, but that it is to end.

use std::mem;

use super::{Progress, Rollout};

/// Why a command changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Unchanged {
    /// It is in that state already.
    Already(&'static str),
    /// Its version is taking over, or it has ended.
    TooLate,
}

impl Rollout {
    /// Pauses it.
    pub(in crate::rollout) fn pause(&self) -> Result<(), Unchanged> {
        self.set_paused(true, "paused")
    }

    /// Resumes it.
    pub(in crate::rollout) fn resume(&self) -> Result<(), Unchanged> {
        self.set_paused(false, "running")
    }

    fn set_paused(&self, is_paused: bool, name: &'static str) -> Result<(), Unchanged> {
        self.order(
            |progress| match mem::replace(&mut progress.is_paused, is_paused) {
                before if before == is_paused => Err(Unchanged::Already(name)),
                _ => Ok(()),
            },
        )
    }

    /// Promotes it: the version gets all of the work.
    pub(in crate::rollout) fn promote(&self) -> Result<(), Unchanged> {
        self.order(|progress| {
            progress.is_paused = false;
            progress.is_promoted = true;
            Ok(())
        })
    }

    /// What is promoted, or takes over, takes no more commands.
    fn order(
        &self,
        order: impl FnOnce(&mut Progress) -> Result<(), Unchanged>,
    ) -> Result<(), Unchanged> {
        let mut done = Ok(());
        self.progress.send_if_modified(|progress| {
            done = match progress {
                Progress {
                    outcome: Some(_), ..
                }
                | Progress {
                    is_taking_over: true,
                    ..
                } => Err(Unchanged::TooLate),
                Progress {
                    is_promoted: true, ..
                } => Err(Unchanged::Already("promoted")),
                _ => order(progress),
            };
            done.is_ok()
        });
        self.commanded.notify_waiters();
        done
    }

    /// Waits until it is not paused, and takes no more commands from then on.
    pub(in crate::rollout) async fn take_over(&self) {
        let mut is_taking_over = false;
        while !is_taking_over {
            self.wait_while_paused().await;
            self.progress.send_if_modified(|progress| {
                is_taking_over = !progress.is_paused;
                progress.is_taking_over = is_taking_over;
                is_taking_over
            });
        }
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

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::core::VersionDigest;
    use crate::versions::Identity;

    fn rollout() -> Rollout {
        let version = Identity {
            digest: VersionDigest::of(b"component"),
            number: 2,
            label: None,
        };
        let id = "story".parse().unwrap();
        Rollout::new(id, "somebody", Progress::begin(version))
    }

    #[test]
    fn what_is_promoted_takes_no_more_commands() {
        let rollout = rollout();
        let already = |state| Err(Unchanged::Already(state));
        assert_eq!(rollout.resume(), already("running"));
        assert_eq!(rollout.pause(), Ok(()));
        assert_eq!(rollout.pause(), already("paused"));
        assert_eq!(rollout.promote(), Ok(()));
        for _ in 0..2 {
            assert_eq!(rollout.pause(), already("promoted"));
            assert_eq!(rollout.resume(), already("promoted"));
            assert_eq!(rollout.promote(), already("promoted"));
            assert_eq!(rollout.commands(), (false, true));
        }
        rollout.take_over().now_or_never().unwrap();
    }

    #[test]
    fn what_is_paused_takes_over_when_it_is_resumed_and_not_before() {
        let rollout = rollout();
        rollout.pause().unwrap();
        let mut taking_over = Box::pin(rollout.take_over());
        assert_eq!(taking_over.as_mut().now_or_never(), None);
        rollout.resume().unwrap();
        // Somebody who is quick.
        rollout.pause().unwrap();
        assert_eq!(taking_over.as_mut().now_or_never(), None);
        rollout.resume().unwrap();
        taking_over.now_or_never().unwrap();
        assert_eq!(rollout.pause(), Err(Unchanged::TooLate));
        assert_eq!(rollout.promote(), Err(Unchanged::TooLate));
        assert_eq!(rollout.commands(), (false, false));
    }
}
