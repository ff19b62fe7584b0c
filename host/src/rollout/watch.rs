//! The watch over a version that has just taken over: when it does worse than the one before it, that one is taken back, and the version is quarantined.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::gate::{Gate, Refusal};
use super::judge;
use super::progress::Rollout;
use super::register::Because;
use super::rollback;
use super::scorecard::Tally;
use super::version::Version;
use crate::app::{Context, Host};

/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(250);
/// What the version before it did in this time is what it is compared with.
const BEFORE: Duration = Duration::from_secs(60);
/// How long it has served before its latency says anything: at first a machine has to get used to it.
const WARM: Duration = Duration::from_secs(3);
/// How often in a row it is found wanting before it counts.
const SURE: u32 = 2;

/// Watches over a version, for as long as it serves and the settings say.
pub(super) fn begin(
    host: &Arc<Host>,
    context: &Arc<Context>,
    rollout: &Arc<Rollout>,
    version: &Arc<Version>,
    former: &Arc<Version>,
) {
    let time = context.settings.rollout.watch;
    let now = Instant::now();
    let watch = Watch {
        host: host.clone(),
        context: context.clone(),
        rollout: rollout.id.clone(),
        version: version.clone(),
        before: former.tally(now.checked_sub(BEFORE).unwrap_or(now)),
        began: now,
    };
    if !time.is_zero() {
        host.tasks.spawn(watch.run(time));
    }
}

struct Watch {
    host: Arc<Host>,
    context: Arc<Context>,
    rollout: String,
    version: Arc<Version>,
    before: Tally,
    began: Instant,
}

impl Watch {
    async fn run(self, time: Duration) {
        let mut wanting = 0;
        while self.began.elapsed() < time {
            tokio::select! {
                () = self.host.shutdown.cancelled() => return,
                () = tokio::time::sleep(GLANCE) => {}
            }
            let serves = self.context.version();
            if serves.is_none_or(|serves| !Arc::ptr_eq(&serves, &self.version)) {
                return;
            }
            match self.fault() {
                None => wanting = 0,
                Some(_) if wanting + 1 < SURE => wanting += 1,
                Some(fault) => return self.take_back(fault).await,
            }
        }
        tracing::info!(context = self.context.name, version = %self.version.title, "it was watched for {time:?}, and does well");
    }

    fn fault(&self) -> Option<String> {
        let mut settings = self.context.settings.rollout.clone();
        if self.began.elapsed() < WARM {
            settings.max_latency = 0;
        }
        judge::fault(&settings, &self.version.tally(self.began), &self.before)
    }

    async fn take_back(self, fault: String) {
        let refusal = Refusal::at(Gate::Watch, fault);
        tracing::error!(context = self.context.name, version = %self.version.title, %refusal, "a version is taken back, and quarantined");
        let because = Because::host(refusal.to_string(), &self.rollout);
        let taken = rollback::take_back(&self.host, &self.context, &self.version, &because);
        if let Err(error) = taken.await {
            tracing::error!(context = self.context.name, version = %self.version.title, %error, "it cannot be taken back by itself; deploy one that works");
        }
    }
}
