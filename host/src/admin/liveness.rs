//! `/livez`: whether the process should go on, as `[host] liveness` says.
//!
//! What is asked may take a moment to answer; only what has not answered for `liveness_timeout` is said to be dead. Nothing is asked between two requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use parking_lot::Mutex;

use crate::app::Host;
use crate::core::human_duration;
use crate::manifest::{HOST_SOURCE, LivenessCheck};

/// How long an answer may take: the kubelet waits no longer than two seconds.
const ANSWER: Duration = Duration::from_secs(1);

/// Since when what has to work does not.
#[derive(Default)]
pub(super) struct Liveness(Mutex<BTreeMap<LivenessCheck, Instant>>);

impl Liveness {
    /// Looks whether the process should go on.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn check(&self, host: &Arc<Host>) -> Result<(), String> {
        let settings = &host.manifest.host;
        let checks = settings.liveness.iter().map(async |check| {
            let answer = tokio::time::timeout(ANSWER, answers(host, *check)).await;
            (*check, answer.unwrap_or(false))
        });
        let answers = join_all(checks).await;
        self.judge(answers, settings.liveness_timeout, Instant::now())
    }

    fn judge(
        &self,
        answers: Vec<(LivenessCheck, bool)>,
        timeout: Duration,
        now: Instant,
    ) -> Result<(), String> {
        let mut failing = self.0.lock();
        let mut dead = Ok(());
        for (check, is_well) in answers {
            if is_well {
                failing.remove(&check);
                continue;
            }
            let since = *failing.entry(check).or_insert(now);
            if now.duration_since(since) >= timeout {
                dead = Err(format!(
                    "{} for {}",
                    explain(check),
                    human_duration(timeout)
                ));
            }
        }
        dead
    }
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
            let contexts = host.contexts().values();
            let should_serve =
                contexts.filter(|context| host.deployer.rollouts(context).should_serve());
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
            liveness.judge(answers, timeout, began + Duration::from_secs(seconds))
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
