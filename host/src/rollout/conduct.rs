//! Conducting a rollout: gates, the state's move, the ramp, the swap, and the watch afterwards.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;

use super::gate::{Gate, Refusal};
use super::progress::{Outcome, Rollout, Stage};
use super::prove::{Proven, Unproven, prove};
use super::register::State;
use super::schema::{self, Move};
use super::scorecard::Tally;
use super::swap::{self, SwapError, Swapped, Way};
use super::upload::Upload;
use super::version::Version;
use super::{judge, moving, retention, standing, watch};
use crate::app::{Context, Host};

/// How often a version that is ramped up is judged, at the least.
const GLANCE: Duration = Duration::from_millis(250);

/// How a rollout ends early.
pub(super) enum Cut {
    /// The version was refused, or did worse.
    Refused(Refusal),
    /// Someone took it back, or the host cannot go on.
    Aborted(String),
}

impl From<Refusal> for Cut {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<SwapError> for Cut {
    fn from(error: SwapError) -> Self {
        match error {
            SwapError::Refused(refusal) => Self::Refused(refusal),
            error => Self::Aborted(error.to_string()),
        }
    }
}

impl From<Unproven> for Cut {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::Refused(refusal) => Self::Refused(refusal),
            Unproven::Failed(reason) => Self::Aborted(reason),
        }
    }
}

/// Conducts a rollout to its end.
pub(super) async fn conduct(
    host: Arc<Host>,
    context: Arc<Context>,
    rollout: Arc<Rollout>,
    upload: Upload,
) {
    let conducting = Conducting {
        host: &host,
        context: &context,
        rollout: &rollout,
        upload: &upload,
    };
    let conducted = AssertUnwindSafe(async {
        match conducting.run().await {
            Ok(outcome) => outcome,
            Err(cut) => conducting.cut_short(cut).await,
        }
    });
    // A rollout that never ends would keep all others out.
    let outcome = conducted.catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_| Outcome::Aborted {
        reason: "a mistake of the host; its log says more".into(),
    });
    audit(&context, &rollout, &outcome);
    let is_decided = !matches!(outcome, Outcome::Aborted { .. });
    if upload.is_shipped && is_decided {
        standing::note_shipped(&context, &rollout.digest()).await;
    }
    rollout.end(outcome);
    if !upload.dry_run {
        // What was refused is kept no longer than others.
        retention::keep_newest(&host, &context).await;
    }
}

/// One line for whoever wants to know who brought what.
fn audit(context: &Context, rollout: &Rollout, outcome: &Outcome) {
    let progress = rollout.progress();
    let reason = match outcome {
        Outcome::Refused(refusal) => refusal.to_string(),
        Outcome::Aborted { reason } => reason.clone(),
        _ => String::new(),
    };
    tracing::info!(
        target: "innkeeper::audit",
        by = rollout.by,
        context = context.name,
        digest = progress.version.digest,
        number = progress.version.number,
        outcome = outcome.name(),
        reason,
        correlation_id = rollout.id,
        "a version was brought"
    );
}

struct Conducting<'a> {
    host: &'a Arc<Host>,
    context: &'a Arc<Context>,
    rollout: &'a Arc<Rollout>,
    upload: &'a Upload,
}

impl Conducting<'_> {
    async fn run(&self) -> Result<Outcome, Cut> {
        let Self {
            host,
            context,
            rollout,
            upload,
        } = *self;
        let serving = context.version();
        if !upload.dry_run
            && let Some(version) = serving.filter(|version| version.digest == rollout.digest())
        {
            rollout.name(version.identity());
            rollout.did("it serves already", Duration::ZERO);
            return Ok(Outcome::Unchanged);
        }
        let Proven { version, state } = self
            .unless_aborted(prove(host, context, rollout, upload))
            .await??;
        if upload.dry_run {
            return Ok(Outcome::Passed);
        }
        let swapped = match state {
            Move::None => {
                let current = context.version();
                if let Some(current) = &current {
                    match schema::one_way(current, &version) {
                        None => self.ramp(&version, current).await?,
                        Some(reason) => rollout.did(
                            format!("no ramp, and no way back by a rollback: {reason}"),
                            Duration::ZERO,
                        ),
                    }
                }
                let because = swap::because(rollout, self.reason());
                let (current, way) = (current.as_ref(), Way::Forward);
                swap::swap(host, context, &version, current, way, &because).await?
            }
            state => {
                rollout.enter(Stage::Migrating, 0);
                // Never dropped halfway: it looks itself whether to go on.
                moving::move_and_swap(host, context, rollout, &version, state).await?
            }
        };
        let Swapped {
            former, decided, ..
        } = swapped;
        rollout.enter(Stage::Ramping, 100);
        rollout.did(
            format!("swapped in {:.0} us", decided.as_secs_f64() * 1e6),
            decided,
        );
        context.metrics.swap(decided);
        if let Some(former) = former {
            watch::begin(host, context, rollout, &version, &former);
        }
        Ok(Outcome::Current { decided })
    }

    fn reason(&self) -> String {
        match &self.upload.label {
            Some(label) => format!("rolled out ({label})"),
            None => "rolled out".to_owned(),
        }
    }

    /// Goes on unless someone takes the rollout back, or the host stops.
    async fn unless_aborted<T>(&self, work: impl Future<Output = T>) -> Result<T, Cut> {
        tokio::select! {
            done = work => Ok(done),
            () = self.rollout.abort.cancelled() => Err(Cut::Aborted("it was taken back".into())),
            () = self.host.shutdown.cancelled() => Err(Cut::Aborted("the host is stopping".into())),
        }
    }

    /// Gives the version more and more of the work, as long as it does as well as the one before it.
    async fn ramp(&self, version: &Arc<Version>, current: &Arc<Version>) -> Result<(), Cut> {
        let Self {
            host,
            context,
            rollout,
            upload,
        } = *self;
        let settings = &context.settings.rollout;
        let ramp = upload.ramp.as_ref().unwrap_or(&settings.ramp);
        let step = upload.step.unwrap_or(settings.step);
        let parts = ramp.percents().iter().copied();
        for (index, weight) in parts.filter(|weight| *weight < 100).enumerate() {
            swap::ramp(host, context, version, current, weight).await?;
            rollout.enter(Stage::Ramping, weight);
            if index == 0 {
                let because = swap::because(rollout, format!("ramping from {weight} %"));
                let change = [(version.digest.as_str(), State::Ramping)];
                swap::note(host, context, &change, &because).await;
            }
            let watched = self.watch_step(version, current, step);
            let tally = self.unless_aborted(watched).await??;
            rollout.passed(
                Gate::Ramp,
                format!(
                    "{weight} %: {} invocations, {} failed",
                    tally.count, tally.errors
                ),
                step,
            );
        }
        Ok(())
    }

    /// Watches over a version for a step; answers what it did in that time.
    async fn watch_step(
        &self,
        version: &Arc<Version>,
        current: &Arc<Version>,
        step: Duration,
    ) -> Result<Tally, Cut> {
        let began = Instant::now();
        let settings = &self.context.settings.rollout;
        loop {
            let left = step.saturating_sub(began.elapsed());
            tokio::time::sleep(left.min(GLANCE)).await;
            let (new, old) = (version.tally(began), current.tally(began));
            if let Some(fault) = judge::fault(settings, &new, &old) {
                return Err(Refusal::at(Gate::Ramp, fault).into());
            }
            if began.elapsed() >= step {
                return Ok(new);
            }
        }
    }

    /// Ends a rollout early: whatever the version had of the work goes back, and the register says why.
    async fn cut_short(&self, cut: Cut) -> Outcome {
        let (state, reason) = match &cut {
            Cut::Refused(refusal) => (State::Rejected, refusal.to_string()),
            Cut::Aborted(reason) => (State::Uploaded, reason.clone()),
        };
        let because = swap::because(self.rollout, reason);
        let serving = self.context.serving();
        let ramped = serving.candidate.as_ref();
        let digest = self.rollout.digest();
        match ramped.filter(|candidate| candidate.version.digest == digest) {
            Some(candidate) => {
                let withdrawn =
                    swap::withdraw(self.host, self.context, &candidate.version, state, &because);
                if let Err(error) = withdrawn.await {
                    tracing::error!(context = self.context.name, %error, "a version that is ramped up cannot be taken back");
                }
            }
            // It was turned away at the door, and stays what it was: above all what is quarantined.
            None if !self.rollout.was_entered() => {}
            None => {
                let change = [(digest.as_str(), state)];
                swap::note(self.host, self.context, &change, &because).await;
            }
        }
        match cut {
            Cut::Refused(refusal) => Outcome::Refused(refusal),
            Cut::Aborted(reason) => Outcome::Aborted { reason },
        }
    }
}
