//! An analysis run: how long a version is compared with the one before it, and what is decided when. It has no clock of its own, so that tests control the time.

use std::time::Duration;

use super::analysis::{Analysis, Finding};
use crate::core::human_duration;
use crate::manifest::{OnTooLittle, RolloutSettings};

/// The analysis during a step of a ramp, or during the watch after promotion.
#[derive(Clone, Debug)]
pub(super) struct AnalysisRun {
    /// How long it takes when all is well.
    time: Duration,
    /// How much longer it may take, to gather more evidence.
    longest_hold: Duration,
    /// Whether too little evidence is enough to pass.
    takes_little: bool,
    /// How many failures may be chance, in the end.
    accidents: u64,
    passed: Duration,
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing yet.
    Wait,
    /// Its time is over, and it continues: says why.
    Hold(String),
    /// It has passed: says with what.
    Pass(String),
    /// It has failed: says why.
    Fail(String),
}

impl AnalysisRun {
    /// A step of a ramp.
    pub(super) fn step(settings: &RolloutSettings, time: Duration) -> Self {
        Self {
            time,
            longest_hold: settings.max_hold,
            takes_little: settings.on_too_little == OnTooLittle::Promote,
            accidents: 0,
            passed: Duration::ZERO,
        }
    }

    /// The watch over a version that serves. Nobody can hold back work that all of it gets: so too little is no reason to go on watching, and a failure or
    /// two are none to take it back.
    pub(super) fn watch(settings: &RolloutSettings) -> Self {
        Self {
            takes_little: true,
            accidents: 2,
            ..Self::step(settings, settings.watch)
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        self.passed += time;
    }

    /// The time until the next decision is due.
    pub(super) fn left(&self) -> Duration {
        let left = self.time.saturating_sub(self.passed);
        match left.is_zero() {
            true => (self.time + self.longest_hold).saturating_sub(self.passed),
            false => left,
        }
    }

    /// The decision on the evidence so far.
    pub(super) fn decide(&self, analysis: &Analysis) -> Decision {
        let evidence = &analysis.evidence;
        if let Finding::Worse(reason) = &analysis.finding {
            return Decision::Fail(reason.clone());
        }
        if self.passed < self.time {
            return Decision::Wait;
        }
        let is_over = self.passed >= self.time + self.longest_hold;
        let limit = human_duration(self.longest_hold);
        match &analysis.finding {
            Finding::Well | Finding::Worse(_) => Decision::Pass(evidence.to_string()),
            Finding::TooLittle if self.takes_little => {
                Decision::Pass(format!("{evidence}, which is too little to judge it"))
            }
            Finding::TooLittle if is_over => Decision::Fail(format!(
                "{evidence}, which is too little to judge it, even after it was held for {limit} (rollout.max_hold); set rollout.on_too_little to \"promote\" where there is little to do, or deploy it without a ramp"
            )),
            Finding::TooLittle => Decision::Hold(format!(
                "{evidence}, which is too little to judge it; it is held for up to {limit} (rollout.max_hold)"
            )),
            Finding::Failing if !is_over => Decision::Hold(format!(
                "{evidence}; it is held for up to {limit} (rollout.max_hold) to be sure"
            )),
            Finding::Failing if evidence.errors <= self.accidents => {
                Decision::Pass(format!("{evidence}, which may be chance"))
            }
            Finding::Failing => Decision::Fail(format!(
                "{evidence}, even after it was held for {limit} (rollout.max_hold)"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::rollout::analysis::analyze;
    use crate::versions::{Scorecard, Tally};

    const GLANCE: Duration = Duration::from_millis(250);

    /// Two versions that are compared, with a clock that a test moves.
    struct Tried {
        settings: RolloutSettings,
        analysis_run: AnalysisRun,
        new: Scorecard,
        old: Scorecard,
        /// What the old one had done before.
        before: Tally,
        /// How each hold was explained.
        held: Vec<String>,
    }

    impl Tried {
        fn new(settings: RolloutSettings, analysis_run: AnalysisRun) -> Self {
            let old = Scorecard::default();
            Self {
                settings,
                analysis_run,
                new: Scorecard::default(),
                before: old.total(),
                old,
                held: Vec::new(),
            }
        }

        /// Lets time pass until something is decided; `work` says at each moment what ends on the new version and on the old one, and whether it fails.
        fn run(
            &mut self,
            mut work: impl FnMut(Duration) -> [Option<bool>; 2],
        ) -> (Duration, Decision) {
            let began = Instant::now();
            let mut passed = Duration::ZERO;
            loop {
                let [new, old] = work(passed);
                let now = began + passed;
                for (card, failed) in [(&self.new, new), (&self.old, old)] {
                    if let Some(failed) = failed {
                        card.note(now, Duration::from_millis(1), failed);
                    }
                }
                let ever = self.old.total();
                let old = ever.clone().since(&self.before);
                let analysis = analyze(&self.settings, &self.new.total(), &old, &ever);
                match self.analysis_run.decide(&analysis) {
                    Decision::Wait => {}
                    Decision::Hold(why) => self.held.push(why),
                    decision => return (passed, decision),
                }
                let left = self.analysis_run.left().min(GLANCE);
                self.analysis_run.pass(left);
                passed += left;
            }
        }
    }

    fn every(seconds: f64) -> impl FnMut(Duration) -> bool {
        let mut next = 0.0;
        move |passed| {
            let is_due = passed.as_secs_f64() >= next;
            if is_due {
                next += seconds;
            }
            is_due
        }
    }

    #[test]
    fn a_slow_trickle_of_failures_is_held_and_then_ends_the_ramp() {
        let settings = RolloutSettings::default();
        let step = Duration::from_secs(130);
        let mut tried = Tried::new(settings.clone(), AnalysisRun::step(&settings, step));
        // A request every 3.4 seconds, which fails; one of all goes to the old version, and does not.
        let (mut due, mut count) = (every(3.4), 0);
        let (passed, decision) = tried.run(|passed| {
            if !due(passed) {
                return [None, None];
            }
            count += 1;
            match count == 21 {
                true => [None, Some(false)],
                false => [Some(true), None],
            }
        });
        let Decision::Fail(why) = decision else {
            panic!("{decision:?}");
        };
        assert!(passed > step, "it was held first: {passed:?}");
        assert!(passed <= step + settings.max_hold, "{passed:?}");
        assert!(
            tried.held[0].contains("38 of its 38 invocations failed"),
            "{:?}",
            tried.held[0]
        );
        assert!(why.contains("the version before it"), "{why}");
        // Whoever takes little for enough is told of failures all the same.
        let lenient = RolloutSettings {
            on_too_little: OnTooLittle::Promote,
            ..settings
        };
        let mut tried = Tried::new(lenient.clone(), AnalysisRun::step(&lenient, step));
        let mut due = every(3.4);
        let (_, decision) = tried.run(|passed| [due(passed).then_some(true), None]);
        assert!(matches!(decision, Decision::Fail(_)), "{decision:?}");
    }

    #[test]
    fn failures_of_which_the_old_version_has_none_end_it_at_once() {
        let settings = RolloutSettings::default();
        let mut tried = Tried::new(
            settings.clone(),
            AnalysisRun::step(&settings, Duration::from_secs(130)),
        );
        for _ in 0..200 {
            tried
                .old
                .note(Instant::now(), Duration::from_millis(1), false);
        }
        tried.before = tried.old.total();
        let mut due = every(3.4);
        let (passed, decision) = tried.run(|passed| [due(passed).then_some(true), None]);
        assert!(matches!(decision, Decision::Fail(_)), "{decision:?}");
        assert!(passed < Duration::from_secs(15), "{passed:?}");
    }

    #[test]
    fn too_little_is_held_and_then_fails_or_passes_as_set() {
        let settings = RolloutSettings::default();
        let step = Duration::from_secs(10);
        let nothing = |_| [None, None];
        let mut tried = Tried::new(settings.clone(), AnalysisRun::step(&settings, step));
        let (passed, decision) = tried.run(nothing);
        assert!(
            matches!(&decision, Decision::Fail(why) if why.contains("on_too_little")),
            "{decision:?}"
        );
        assert_eq!(passed, step + settings.max_hold);
        let lenient = RolloutSettings {
            on_too_little: OnTooLittle::Promote,
            ..settings.clone()
        };
        let (passed, decision) =
            Tried::new(lenient.clone(), AnalysisRun::step(&lenient, step)).run(nothing);
        assert!(matches!(decision, Decision::Pass(_)), "{decision:?}");
        assert_eq!(passed, step);
        // What comes while it is held counts.
        let mut tried = Tried::new(settings.clone(), AnalysisRun::step(&settings, step));
        let mut due = every(1.0);
        let (passed, decision) = tried.run(|passed| [due(passed).then_some(false), None]);
        assert!(matches!(decision, Decision::Pass(_)), "{decision:?}");
        assert_eq!(passed, Duration::from_secs(19), "the twentieth");
    }

    #[test]
    fn the_whole_step_counts_however_long_it_is() {
        let settings = RolloutSettings::default();
        let step = Duration::from_secs(3 * 60 * 60);
        let mut tried = Tried::new(settings.clone(), AnalysisRun::step(&settings, step));
        let mut due = every(30.0);
        let (_, decision) = tried.run(|passed| match due(passed) {
            true => [Some(false), Some(false)],
            false => [None, None],
        });
        assert_eq!(
            decision,
            Decision::Pass("0 of its 361 invocations failed".into())
        );
    }

    #[test]
    fn a_watch_goes_on_while_failures_may_be_chance() {
        let settings = RolloutSettings::default();
        let mut tried = Tried::new(settings.clone(), AnalysisRun::watch(&settings));
        let mut due = every(3.4);
        let (passed, decision) = tried.run(|passed| [due(passed).then_some(true), None]);
        assert!(matches!(decision, Decision::Fail(_)), "{decision:?}");
        assert!(passed > settings.watch);
        // A failure or two are no reason to roll back what serves.
        let mut tried = Tried::new(settings.clone(), AnalysisRun::watch(&settings));
        let mut due = every(1.0);
        let (_, decision) =
            tried.run(|passed| [(passed.as_secs() < 2 && due(passed)).then_some(true), None]);
        assert!(
            matches!(&decision, Decision::Pass(why) if why.contains("chance")),
            "{decision:?}"
        );
        let (passed, decision) =
            Tried::new(settings.clone(), AnalysisRun::watch(&settings)).run(|_| [None, None]);
        assert!(matches!(decision, Decision::Pass(_)), "{decision:?}");
        assert_eq!(passed, settings.watch);
    }
}
