//! `/livez`: whether the process should go on, as `[host] liveness` says.
//!
//! A request is answered at once, by what is known; what has to work is asked behind it, and may take a moment: a committer has large commits before it at times. Nothing is
//! asked between requests, and only what has not answered for `liveness_timeout` is said to be dead.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use parking_lot::Mutex;

use crate::app::Host;
use crate::core::human_duration;
use crate::manifest::{HOST_SOURCE, LivenessCheck};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(1);

/// What has to work, and does not.
#[derive(Default)]
pub(super) struct Liveness {
    failing: Mutex<BTreeMap<LivenessCheck, Failing>>,
    /// Whether somebody asks at this moment.
    is_asking: AtomicBool,
}

/// When something was found not to work.
#[derive(Clone, Copy, Debug)]
struct Failing {
    first: Instant,
    last: Instant,
}

/// Somebody asks, until this is dropped.
struct Asking(Arc<Liveness>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.is_asking.store(false, Ordering::Release);
    }
}

impl Liveness {
    /// Whether the process should go on, as far as is known; asks anew behind that.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check(self: &Arc<Self>, host: &Arc<Host>) -> Result<(), String> {
        if !self.is_asking.swap(true, Ordering::AcqRel) {
            let asking = Asking(self.clone());
            let running = ask(host.clone());
            host.tasks.spawn(async move {
                let answers = running.await;
                asking.0.note(answers, Instant::now());
            });
        }
        self.judge(host.manifest().host.liveness_timeout)
    }

    fn note(&self, answers: Vec<(LivenessCheck, bool)>, now: Instant) {
        let mut failing = self.failing.lock();
        for (check, is_well) in answers {
            match is_well {
                true => drop(failing.remove(&check)),
                false => {
                    let first = Failing {
                        first: now,
                        last: now,
                    };
                    failing.entry(check).or_insert(first).last = now;
                }
            }
        }
    }

    fn judge(&self, timeout: Duration) -> Result<(), String> {
        let failing = self.failing.lock();
        let mut dead = failing
            .iter()
            .filter(|(_, failing)| failing.last - failing.first >= timeout);
        match dead.next() {
            Some((check, _)) => Err(format!(
                "{} for {}",
                explain(*check),
                human_duration(timeout)
            )),
            None => Ok(()),
        }
    }
}

/// What each that has to work answers, in time.
async fn ask(host: Arc<Host>) -> Vec<(LivenessCheck, bool)> {
    let manifest = host.manifest();
    let checks = manifest.host.liveness.iter().map(async |check| {
        let answer = tokio::time::timeout(ANSWER, answers(&host, *check)).await;
        (*check, answer.unwrap_or(false))
    });
    join_all(checks).await
}

/// Whether something that has to work does.
async fn answers(host: &Arc<Host>, check: LivenessCheck) -> bool {
    match check {
        LivenessCheck::Runtime => {
            let spawned = tokio::spawn(async {});
            let blocking = tokio::task::spawn_blocking(|| ());
            spawned.await.is_ok() && blocking.await.is_ok()
        }
        LivenessCheck::Journal => {
            if let Some(ledger) = host.ledger(HOST_SOURCE) {
                // Also one that says that its disk has failed has answered.
                let _answered = ledger.barrier().await;
            }
            true
        }
        LivenessCheck::Contexts => {
            let contexts = host.contexts();
            let should_serve = contexts
                .values()
                .filter(|context| host.deployer.rollouts(context).should_serve());
            let mut waits =
                should_serve.map(|context| host.deployer.health(context).is_backing_off());
            let first = waits.next();
            // Where nothing should serve nothing fails.
            first != Some(true) || waits.any(|waits| !waits)
        }
    }
}

fn explain(check: LivenessCheck) -> &'static str {
    match check {
        LivenessCheck::Runtime => "the runtime has not run a task",
        LivenessCheck::Journal => "the journal's committer has not answered",
        LivenessCheck::Contexts => "all contexts have been waiting to be restarted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_failed_for_long_is_dead() {
        let liveness = Liveness::default();
        let (began, timeout) = (Instant::now(), Duration::from_secs(30));
        let judge = |journal, runtime, seconds| {
            let answers = vec![
                (LivenessCheck::Journal, journal),
                (LivenessCheck::Runtime, runtime),
            ];
            liveness.note(answers, began + Duration::from_secs(seconds));
            liveness.judge(timeout)
        };
        assert!(judge(false, true, 0).is_ok());
        assert!(judge(false, true, 29).is_ok());
        assert!(judge(false, true, 30).unwrap_err().contains("journal"));
        // What has answered in between begins anew.
        assert!(judge(true, false, 31).is_ok());
        assert!(judge(false, true, 32).is_ok());
        assert!(judge(false, true, 61).is_ok());
        assert!(judge(false, true, 62).is_err());
    }
}
