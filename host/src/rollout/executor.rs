//! Executes a rollout: gates, the state's move, the ramp, the swap, and the watch afterwards.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::deployer::Deployer;
use super::gate::Refusal;
use super::gates::{self, NotPassed, Passed, pass};
use super::history::State;
use super::migration::move_and_swap;
use super::progress::{Outcome, Rollout, Stage};
use super::schema::{self, Move};
use super::swap::{self, SwapError, Swapped, Way};
use super::upload::Upload;
use super::{active_version, pending, retention, trust, watch};
use crate::core::spoken;
use crate::invocation::Context;

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

impl From<NotPassed> for Cut {
    fn from(not_passed: NotPassed) -> Self {
        match not_passed {
            NotPassed::Refused(refusal) => Self::Refused(refusal),
            NotPassed::Failed(reason) => Self::Aborted(reason),
        }
    }
}

/// Conducts a rollout to its end.
pub(super) async fn execute(
    deployer: Arc<Deployer>,
    context: Arc<Context>,
    rollout: Arc<Rollout>,
    upload: Upload,
) {
    let executing = Executing {
        deployer: &deployer,
        context: &context,
        rollout: &rollout,
        upload: &upload,
    };
    let executed = AssertUnwindSafe(async {
        match executing.run().await {
            Ok(outcome) => outcome,
            Err(cut) => executing.cut_short(cut).await,
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
        active_version::note_shipped(&context, &rollout.digest()).await;
    }
    let is_current = matches!(outcome, Outcome::Current { .. });
    let digest = rollout.digest();
    rollout.end(outcome);
    // What the stop of the host has cut off is told when it is back; and what is watched has not ended yet.
    if !(rollout.is_dry_run || is_current || deployer.shutdown.is_cancelled()) {
        pending::clear(&deployer, &context, &rollout.id).await;
    }
    match upload.dry_run {
        true => retention::leave_nothing(&deployer, &context, &digest).await,
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
        context = context.name,
        digest = progress.version.digest,
        number = progress.version.number,
        outcome = outcome.name(),
        reason,
        correlation_id = rollout.id,
        "a version was rolled out"
    );
}

/// A rollout that is executed.
pub(super) struct Executing<'a> {
    pub deployer: &'a Arc<Deployer>,
    pub context: &'a Arc<Context>,
    pub rollout: &'a Arc<Rollout>,
    pub upload: &'a Upload,
}

impl Executing<'_> {
    async fn run(&self) -> Result<Outcome, Cut> {
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
            trust::check(deployer, context, &version.digest, signature).await?;
            if let Some(signature) = signature {
                let kept = trust::keep(deployer, &context.name, &version.digest, signature).await;
                kept.map_err(NotPassed::from)?;
            }
            let _entering = deployer.components.entering().await;
            // What is kept of it may have been damaged since.
            gates::store(deployer, &version.digest, &upload.bytes).await?;
            rollout.did("it serves already", Duration::ZERO);
            return Ok(Outcome::Unchanged);
        }
        let Passed { version, state } = self
            .unless_aborted(pass(deployer, context, rollout, upload))
            .await??;
        self.tell_left_out_ramp(&state);
        if upload.dry_run {
            return Ok(Outcome::Passed);
        }
        self.unless_aborted(rollout.going_on()).await?;
        let mut since = version.total();
        let swapped = match state {
            Move::None => {
                let current = context.version();
                let mut verdict = None;
                if let Some(current) = &current {
                    match schema::one_way(current, &version) {
                        None => verdict = self.ramp(&version, current).await?,
                        Some(reason) => rollout.did(
                            format!("no ramp, and no way back by a rollback: {reason}"),
                            Duration::ZERO,
                        ),
                    }
                    since = version.total();
                }
                let because = swap::because(rollout, self.reason(verdict));
                let (current, way) = (current.as_ref(), Way::Forward);
                swap::swap(deployer, context, &version, current, way, &because).await?
            }
            state => {
                rollout.enter(Stage::Migrating, 0);
                // Never dropped halfway: it looks itself whether to go on.
                move_and_swap(deployer, context, rollout, &version, state).await?
            }
        };
        let Swapped {
            former, decided, ..
        } = swapped;
        rollout.enter(Stage::Ramping, 100);
        rollout.did(format!("swapped in {}", spoken(decided)), decided);
        context.metrics.swap(decided);
        watch::begin(
            deployer,
            context,
            rollout,
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

    /// Goes on unless someone takes the rollout back, or the host stops.
    pub(super) async fn unless_aborted<T>(&self, work: impl Future<Output = T>) -> Result<T, Cut> {
        tokio::select! {
            done = work => Ok(done),
            () = self.rollout.abort.cancelled() => {
                Err(Cut::Aborted(self.rollout.taken_back().reason))
            }
            () = self.deployer.shutdown.cancelled() => Err(Cut::Aborted("the host is stopping".into())),
        }
    }

    /// Ends a rollout early: whatever the version had of the work goes back, and the history says why.
    async fn cut_short(&self, cut: Cut) -> Outcome {
        let (state, reason) = match &cut {
            Cut::Refused(refusal) => (State::Rejected, refusal.to_string()),
            Cut::Aborted(reason) => (State::Uploaded, reason.clone()),
        };
        let mut because = swap::because(self.rollout, reason);
        if self.rollout.abort.is_cancelled() {
            because.by = self.rollout.taken_back().by;
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
                    tracing::error!(context = self.context.name, %error, "could not take back a version during its ramp");
                }
            }
            // It was turned away at the door, and stays what it was: above all what is quarantined.
            None if !self.rollout.was_entered() => {}
            // The next start says what became of it.
            None if self.deployer.shutdown.is_cancelled() => {}
            None => {
                let change = [(digest.as_str(), state)];
                swap::note(self.deployer, self.context, &change, &because).await;
            }
        }
        match cut {
            Cut::Refused(refusal) => Outcome::Refused(refusal),
            Cut::Aborted(reason) => Outcome::Aborted { reason },
        }
    }
}
