//! The ramp: a version gets more and more of the work, and is aborted when it does worse than the one before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::abort_decision::{AnalysisRun, Decision};
use super::history::{self, Because};
use super::pipeline::{EarlyEnd, Pipeline};
use super::progress::Stage;
use super::refusal::{Gate, Refusal};
use super::schema::Move;
use super::version_state::State;
use super::{analysis, swap};
use crate::core::human_duration;
use crate::versions::{Tally, Version};

/// How often a version that is ramped up is judged, at the least.
const GLANCE: Duration = Duration::from_millis(250);

impl Pipeline<'_> {
    /// The steps of the ramp, before the version gets all of the work.
    fn parts(&self) -> impl Iterator<Item = u8> {
        let settings = &self.context.settings.rollout;
        let ramp = self.upload.ramp.as_ref().unwrap_or(&settings.ramp);
        let parts = ramp.percents().iter().copied();
        parts.filter(|weight| *weight < 100)
    }

    /// Says that there will be no ramp, where one was asked for.
    pub(super) fn tell_left_out_ramp(&self, state: Option<&Move>) {
        let parts: Vec<_> = self.parts().map(|part| format!("{part} %")).collect();
        if parts.is_empty() {
            return;
        }
        let parts = parts.join(", ");
        match state {
            None if self.context.version().is_some() => {}
            None => self.rollout.log_step(
                format!("the ramp {parts} is skipped: no version is serving yet"),
                Duration::ZERO,
            ),
            Some(state) => self.rollout.log_step(
                format!(
                    "the ramp {parts} is skipped: {state}, and two versions cannot share a state that only one of them can read; all of the work moves at once, and the version is watched for {} afterwards",
                    human_duration(self.context.settings.rollout.watch)
                ),
                Duration::ZERO,
            ),
        }
    }

    /// Gives the version more and more of the work, as long as it does as well as the one before it. Answers how it did in the last step.
    pub(super) async fn ramp(
        &self,
        version: &Arc<Version>,
        current: &Arc<Version>,
    ) -> Result<Option<String>, EarlyEnd> {
        let Self {
            deployer,
            context,
            rollout,
            upload,
        } = *self;
        let step = upload.step.unwrap_or(context.settings.rollout.step);
        let mut verdict = None;
        for weight in self.parts() {
            self.unless_aborted(rollout.wait_while_paused()).await?;
            if rollout.commands().1 {
                break;
            }
            // Before it gets its share: the first of what it does counts, too.
            let since = (version.total(), current.total());
            swap::ramp(deployer, context, version, current, weight).await?;
            rollout.enter(Stage::Ramping, weight);
            let before = verdict.map(|verdict| format!("; {verdict}"));
            let begins = format!("ramping at {weight} %{}", before.unwrap_or_default());
            self.note_ramping(version, begins).await;
            let began = Instant::now();
            let watched = self.watch_step((version, current), since, weight, step);
            let passed = self.unless_aborted(watched).await??;
            let passed = format!("at {weight} %: {passed}");
            rollout.passed(Gate::Ramp, &passed, began.elapsed());
            verdict = Some(passed);
        }
        Ok(verdict)
    }

    /// Watches over a version for a step, which began when the two had done so much; answers how it did in that time.
    async fn watch_step(
        &self,
        (version, current): (&Arc<Version>, &Arc<Version>),
        (new, old): (Tally, Tally),
        weight: u8,
        step: Duration,
    ) -> Result<String, EarlyEnd> {
        let rollout = self.rollout;
        let settings = self.settings();
        let mut analysis_run = AnalysisRun::step(&settings, step);
        let mut looked = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(analysis_run.left().min(GLANCE)) => {}
                () = rollout.commanded() => {}
            }
            let (is_paused, is_promoted) = rollout.commands();
            let since = std::mem::replace(&mut looked, Instant::now());
            if !is_paused {
                analysis_run.pass(looked - since);
            }
            let ever = current.total();
            let analysis = analysis::analyze(
                &settings,
                &version.total().since(&new),
                &ever.clone().since(&old),
                &ever,
            );
            rollout.note_evidence(&analysis.evidence);
            match analysis_run.decide(&analysis) {
                Decision::Fail(fault) => return Err(Refusal::at(Gate::Ramp, fault).into()),
                _ if is_promoted => return Ok(format!("promoted early; {}", analysis.evidence)),
                Decision::Pass(verdict) if !is_paused => return Ok(verdict),
                Decision::Hold(why) if rollout.note_hold(&why) => {
                    rollout.log_step(format!("held at {weight} %: {why}"), step);
                    self.note_ramping(version, format!("held at {weight} %: {why}"))
                        .await;
                }
                _ => {}
            }
        }
    }

    async fn note_ramping(&self, version: &Version, reason: String) {
        let because = Because::of_rollout(self.rollout, reason);
        let change = [(version.digest, State::Ramping)];
        history::record_changes(self.deployer, self.context, &change, &because).await;
    }
}
