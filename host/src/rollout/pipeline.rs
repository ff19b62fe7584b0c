//! The pipeline of a rollout: gates, migration, ramp, swap, and the watch afterwards.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::deployer::Deployer;
use super::gates::{self, NotPassed, Passed, pass};
use super::history::{self, Because};
use super::migration::move_and_swap;
use super::progress::{Outcome, Rollout, Stage};
use super::refusal::Refusal;
use super::swap::{self, SwapError, SwapKind, Swapped};
use super::upload::Upload;
use super::version_state::State;
use super::{
    active_version, interrupted_rollout, post_promotion_watch, retention, schema, signature_check,
};
use crate::core::human_duration;
use crate::invocation::Context;
use crate::manifest::RolloutSettings;

/// Why a rollout ends early.
pub(super) enum EarlyEnd {
    /// The version was refused, or did worse.
    Refused(Refusal),
    /// It was aborted, or the host cannot continue it.
    Aborted(String),
}

impl From<Refusal> for EarlyEnd {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<SwapError> for EarlyEnd {
    fn from(error: SwapError) -> Self {
        match error {
            SwapError::Refused(refusal) => Self::Refused(refusal),
            error => Self::Aborted(error.to_string()),
        }
    }
}

impl From<NotPassed> for EarlyEnd {
    fn from(not_passed: NotPassed) -> Self {
        match not_passed {
            NotPassed::Refused(refusal) => Self::Refused(refusal),
            NotPassed::Failed(reason) => Self::Aborted(reason),
        }
    }
}

/// Runs a rollout to its end.
pub(super) async fn run(
    deployer: Arc<Deployer>,
    context: Arc<Context>,
    rollout: Arc<Rollout>,
    upload: Upload,
) {
    let pipeline = Pipeline {
        deployer: &deployer,
        context: &context,
        rollout: &rollout,
        upload: &upload,
    };
    let executed = AssertUnwindSafe(async {
        match pipeline.run().await {
            Ok(outcome) => outcome,
            Err(early_end) => pipeline.end_early(early_end).await,
        }
    });
    // A rollout that never ends would keep all others out.
    let outcome = executed.catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_| Outcome::Aborted {
        reason: "the host panicked; see its log".into(),
    });
    audit(&context, &rollout, &outcome);
    let is_decided = !matches!(outcome, Outcome::Aborted { .. });
    if upload.is_shipped && is_decided {
        active_version::note_shipped(&context, rollout.digest()).await;
    }
    let is_current = matches!(outcome, Outcome::Current { .. });
    let digest = rollout.digest();
    rollout.end(outcome);
    // What the stop of the host has cut off is told when it is back; and what is watched has not ended yet.
    if !(rollout.is_dry_run || is_current || deployer.shutdown.is_cancelled()) {
        interrupted_rollout::clear(&deployer, &context, &rollout.id).await;
    }
    match upload.dry_run {
        true => retention::leave_nothing(&deployer, &context, digest).await,
        // What was refused is not kept.
        false => retention::keep_newest(&deployer, &context).await,
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
        context = context.name.as_str(),
        digest = %progress.version.digest,
        number = progress.version.number,
        outcome = outcome.name(),
        reason,
        correlation_id = rollout.id.as_str(),
        "a rollout ended"
    );
}

/// A rollout that is running.
pub(super) struct Pipeline<'a> {
    pub deployer: &'a Arc<Deployer>,
    pub context: &'a Arc<Context>,
    pub rollout: &'a Arc<Rollout>,
    pub upload: &'a Upload,
}

impl Pipeline<'_> {
    /// By what the version is judged.
    pub(super) fn settings(&self) -> RolloutSettings {
        let settings = &self.context.settings.rollout;
        settings.expecting_slower(self.upload.expect_slower)
    }

    async fn run(&self) -> Result<Outcome, EarlyEnd> {
        let Self {
            deployer,
            context,
            rollout,
            upload,
        } = *self;
        let serving = context.version();
        if !upload.dry_run
            && let Some(version) = serving.filter(|version| version.digest == rollout.digest())
        {
            rollout.name(version.identity());
            let signature = upload.signature.as_deref();
            signature_check::check(deployer, context, version.digest, signature).await?;
            if let Some(signature) = signature {
                let kept =
                    signature_check::keep(deployer, &context.name, version.digest, signature).await;
                kept.map_err(NotPassed::from)?;
            }
            let _entering = deployer.components.entering().await;
            // What is kept of it may have been damaged since.
            gates::store(deployer, version.digest, &upload.bytes).await?;
            rollout.log_step("it is already serving", Duration::ZERO);
            return Ok(Outcome::Unchanged);
        }
        let Passed { version, state } = self
            .unless_aborted(pass(deployer, context, rollout, upload))
            .await??;
        self.tell_left_out_ramp(state.as_ref());
        if upload.dry_run {
            return Ok(Outcome::Passed);
        }
        self.unless_aborted(rollout.wait_while_paused()).await?;
        let mut since = version.total();
        let swapped = match state {
            None => {
                let current = context.version();
                let mut verdict = None;
                if let Some(current) = &current {
                    match schema::one_way(current, &version) {
                        None => verdict = self.ramp(&version, current).await?,
                        Some(reason) => rollout.log_step(
                            format!("no ramp, and a rollback will be impossible: {reason}"),
                            Duration::ZERO,
                        ),
                    }
                    since = version.total();
                }
                self.unless_aborted(rollout.take_over()).await?;
                let because = Because::of_rollout(rollout, self.reason(verdict));
                let (current, kind) = (current.as_ref(), SwapKind::Rollout);
                swap::swap(deployer, context, &version, current, kind, &because).await?
            }
            Some(state) => {
                self.unless_aborted(rollout.take_over()).await?;
                rollout.enter(Stage::Migrating, 0);
                // Never dropped halfway: it looks itself whether to go on.
                move_and_swap(deployer, context, rollout, &version, state).await?
            }
        };
        let Swapped {
            former, decided, ..
        } = swapped;
        rollout.enter(Stage::Ramping, 100);
        rollout.log_step(format!("swapped in {}", human_duration(decided)), decided);
        context.metrics.swap(decided);
        post_promotion_watch::begin(
            deployer,
            context,
            rollout,
            self.settings(),
            (&version, since),
            former.as_ref(),
        );
        Ok(Outcome::Current { decided })
    }

    fn reason(&self, verdict: Option<String>) -> String {
        let label = self.upload.label.as_ref();
        let label = label.map(|label| format!(" ({label})")).unwrap_or_default();
        let verdict = verdict.map(|verdict| format!("; {verdict}"));
        format!("rolled out{label}{}", verdict.unwrap_or_default())
    }

    /// Continues unless the rollout is aborted, or the host stops.
    pub(super) async fn unless_aborted<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, EarlyEnd> {
        tokio::select! {
            done = work => Ok(done),
            () = self.rollout.aborted.cancelled() => {
                Err(EarlyEnd::Aborted(self.rollout.abort_cause().reason))
            }
            () = self.deployer.shutdown.cancelled() => Err(EarlyEnd::Aborted("the host is stopping".into())),
        }
    }

    /// Ends a rollout early: whatever the version had of the work goes back, and the history says why.
    async fn end_early(&self, early_end: EarlyEnd) -> Outcome {
        let (state, reason) = match &early_end {
            EarlyEnd::Refused(refusal) => (State::Rejected, refusal.to_string()),
            EarlyEnd::Aborted(reason) => (State::Uploaded, reason.clone()),
        };
        let mut because = Because::of_rollout(self.rollout, reason);
        if self.rollout.aborted.is_cancelled() {
            because.by = self.rollout.abort_cause().by;
        }
        let serving = self.context.serving();
        let ramped = serving.candidate.as_ref();
        let digest = self.rollout.digest();
        match ramped.filter(|candidate| candidate.version.digest == digest) {
            Some(candidate) => {
                let withdrawn = swap::withdraw(
                    self.deployer,
                    self.context,
                    &candidate.version,
                    state,
                    &because,
                );
                if let Err(error) = withdrawn.await {
                    tracing::error!(context = self.context.name.as_str(), %error, "could not abort the ramp of a version");
                }
            }
            // It was turned away at the door, and stays what it was: above all what is quarantined.
            None if !self.rollout.is_in_history() => {}
            // The next start says what became of it.
            None if self.deployer.shutdown.is_cancelled() => {}
            None => {
                let change = [(digest, state)];
                history::record_changes(self.deployer, self.context, &change, &because).await;
            }
        }
        match early_end {
            EarlyEnd::Refused(refusal) => Outcome::Refused(refusal),
            EarlyEnd::Aborted(reason) => Outcome::Aborted { reason },
        }
    }
}
