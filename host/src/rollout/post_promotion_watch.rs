//! The watch over a version after its promotion: when it does worse than the one before it, it is rolled back and quarantined.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::abort_decision::{AnalysisRun, Decision};
use super::analysis::{Analysis, analyze};
use super::deployer::Deployer;
use super::history::{Because, History};
use super::progress::{Rollout, Watched};
use super::refusal::{Gate, Refusal};
use super::version_state::State;
use super::{interrupted_rollout, rollback};
use crate::invocation::Context;
use crate::manifest::RolloutSettings;
use crate::observe::telemetry::Ended;
use crate::versions::{Tally, Version};

/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(250);
/// How long it has served before its latency says anything: at first a machine has to get used to it.
const WARM: Duration = Duration::from_secs(3);
/// How often in a row the analysis must fail before the version is rolled back.
const SURE: u32 = 2;

/// Watches over a version that had done so much when it took over, for as long as it serves and the settings say.
pub(super) fn begin(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    rollout: &Arc<Rollout>,
    settings: RolloutSettings,
    (version, since): (&Arc<Version>, Tally),
    former: Option<&Arc<Version>>,
) {
    let (deployer, context) = (deployer.clone(), context.clone());
    let (Some(former), false) = (former, context.settings.rollout.watch.is_zero()) else {
        let rollout = rollout.id.clone();
        deployer
            .clone()
            .tasks
            .spawn(async move { interrupted_rollout::clear(&deployer, &context, &rollout).await });
        return;
    };
    rollout.note_watch(Watched::Watching);
    let watch = Watch {
        deployer: deployer.clone(),
        context,
        rollout: rollout.clone(),
        version: version.clone(),
        since,
        settings,
        before: former.last_minute(),
        ever: former.total(),
    };
    deployer.tasks.spawn(watch.run());
}

struct Watch {
    deployer: Arc<Deployer>,
    context: Arc<Context>,
    rollout: Arc<Rollout>,
    version: Arc<Version>,
    /// By what it is judged.
    settings: RolloutSettings,
    /// What the version had done when the watch began.
    since: Tally,
    /// What the one before it did in its last minute.
    before: Tally,
    /// And since it was loaded, which counts where that is too little.
    ever: Tally,
}

impl Watch {
    async fn run(self) {
        // Where the host stops, it says when it is back that the watch was cut off.
        let began = Instant::now();
        if let Some(ended) = self.watch().await {
            let verdict = match &ended {
                Watched::Well(_) => Some(Ended::Well),
                Watched::TakenBack(reason) => Some(Ended::Failed(reason.clone())),
                Watched::Watching | Watched::Cut(_) => None,
            };
            if let Some(verdict) = verdict {
                let rollout = &self.rollout;
                rollout.trace_gate(Gate::Watch, began.elapsed(), verdict);
            }
            self.rollout.note_watch(ended);
            interrupted_rollout::clear(&self.deployer, &self.context, &self.rollout.id).await;
        }
    }

    /// Watches until it is decided, or another version serves; none when the host stops.
    async fn watch(&self) -> Option<Watched> {
        let (context, title) = (&self.context, &self.version.title);
        let mut analysis_run = AnalysisRun::watch(&self.settings);
        let (began, mut looked) = (Instant::now(), Instant::now());
        let mut wanting = 0;
        loop {
            tokio::select! {
                () = self.deployer.shutdown.cancelled() => return None,
                () = tokio::time::sleep(analysis_run.left().min(GLANCE)) => {}
            }
            // It may have been restarted meanwhile: what it did counts on.
            let serves = context.version();
            let serves = serves.filter(|serves| serves.digest == self.version.digest);
            let Some(serves) = serves else {
                return Some(self.replaced().await);
            };
            let since = std::mem::replace(&mut looked, Instant::now());
            analysis_run.pass(looked - since);
            let analysis = self.analyze(began.elapsed());
            self.rollout.note_evidence(&analysis.evidence);
            let decision = analysis_run.decide(&analysis);
            wanting = match &decision {
                Decision::Fail(_) => wanting + 1,
                _ => 0,
            };
            match decision {
                Decision::Fail(fault) if wanting >= SURE => {
                    return Some(self.take_back(&serves, fault).await);
                }
                Decision::Pass(verdict) => {
                    tracing::info!(context = context.name.as_str(), version = %title, verdict, "it was watched to the end without findings");
                    return Some(Watched::Well(verdict));
                }
                Decision::Hold(why) => {
                    if self.rollout.note_hold(&why) {
                        tracing::warn!(context = context.name.as_str(), version = %title, why, "the watch continues");
                    }
                }
                Decision::Fail(_) | Decision::Wait => {}
            }
        }
    }

    /// What becomes of the watch when another version serves: healing may have been quicker to take this one back.
    async fn replaced(&self) -> Watched {
        for _ in 0..2 {
            let found = History::of(&self.deployer, &self.context.name)
                .and_then(|history| history.find(self.version.digest));
            if let Ok(Some(entry)) = found
                && entry.state == State::Quarantined
            {
                let last = entry.history.last();
                let reason = last.map(|step| step.reason.clone());
                return Watched::TakenBack(reason.unwrap_or_default());
            }
            // It is recorded a moment after the other one serves.
            tokio::time::sleep(GLANCE).await;
        }
        Watched::Cut("another version is serving now".into())
    }

    fn analyze(&self, served: Duration) -> Analysis {
        let mut settings = self.settings.clone();
        if served < WARM {
            settings.max_latency = 0;
        }
        let new = self.version.total().since(&self.since);
        analyze(&settings, &new, &self.before, &self.ever)
    }

    async fn take_back(&self, serves: &Arc<Version>, fault: String) -> Watched {
        let refusal = Refusal::at(Gate::Watch, fault);
        let (context, version) = (&self.context.name, &serves.title);
        tracing::error!(context = context.as_str(), %version, %refusal, "a version was rolled back and quarantined");
        let because = Because::host(refusal.to_string(), Some(self.rollout.id.clone()));
        let taken =
            rollback::roll_back_automatically(&self.deployer, &self.context, serves, &because);
        match taken.await {
            Ok(()) => Watched::TakenBack(refusal.to_string()),
            Err(error) => {
                tracing::error!(context = context.as_str(), %version, %error, "it could not be rolled back automatically; deploy one that works");
                Watched::Cut(format!(
                    "{refusal}; it could not be rolled back automatically: {error}"
                ))
            }
        }
    }
}
