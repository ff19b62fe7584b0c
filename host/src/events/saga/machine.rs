//! What becomes of a saga, event by event. The events come from several lanes, so an end may come before its start; what comes of them is the same.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::{CorrelationId, EventId, VerifiedIdentity};

/// By how much the clock may have been set back between two events of one saga, in milliseconds: an end that much before the start still is its end.
const SKEW: u64 = 5_000;

/// What has become of a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SagaState {
    /// It has begun and not ended.
    Running,
    /// Its timeout has passed without an end. It may still end.
    TimedOut,
    /// It ended well.
    Completed,
    /// It ended with everything undone.
    Compensated,
}

impl SagaState {
    /// All states.
    pub const ALL: [Self; 4] = [
        Self::Running,
        Self::TimedOut,
        Self::Completed,
        Self::Compensated,
    ];

    /// Its name: `running`, `timed-out`, `completed` or `compensated`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::TimedOut => "timed-out",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
        }
    }
}

/// The text names no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a state of a saga; the states are `running`, `timed-out`, `completed` and `compensated`"
)]
pub struct NotAState(String);

impl FromStr for SagaState {
    type Err = NotAState;

    fn from_str(text: &str) -> Result<Self, NotAState> {
        let named = Self::ALL.into_iter().find(|state| state.name() == text);
        named.ok_or_else(|| NotAState(text.to_owned()))
    }
}

/// One saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saga {
    /// Its name in the manifest.
    pub saga: String,
    /// The correlation id of the event that began it.
    pub correlation_id: CorrelationId,
    /// The subject of the event that began it.
    pub subject: String,
    /// What has become of it.
    pub state: SagaState,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_at: u64,
    /// The id of the event that began it.
    pub started_by: EventId,
    /// When it counts as stuck, in milliseconds since the Unix epoch.
    pub deadline: u64,
    /// When it was found to be stuck, if it was, in milliseconds since the Unix epoch.
    pub timed_out_at: Option<u64>,
    /// When it ended, in milliseconds since the Unix epoch.
    pub ended_at: Option<u64>,
    /// The id of the event that ended it.
    pub ended_by: Option<EventId>,
    /// What it is about: all its events say so.
    pub key: String,
    /// Who is behind the event that began it.
    pub identity: Option<VerifiedIdentity>,
}

/// An event that ends a saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ending {
    pub is_compensation: bool,
    /// When it was published, in milliseconds since the Unix epoch.
    pub at: u64,
    /// Its id.
    pub by: EventId,
}

/// What is known of what one saga is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Known {
    /// It has begun.
    Begun(Saga),
    /// Its end has come; its beginning is in a lane that is not as far yet, or is no part of any saga.
    Early(Ending),
}

/// What is known after an event that begins a saga; `None` when it changes nothing.
pub(super) fn begin(known: Option<&Known>, saga: Saga) -> Option<Known> {
    match known {
        None => Some(Known::Begun(saga)),
        Some(Known::Early(ending)) if is_older(ending, &saga) => Some(Known::Begun(saga)),
        Some(Known::Early(ending)) => Some(Known::Begun(ended(saga, ending))),
        Some(Known::Begun(before)) => {
            // What it is about begins once more, after its end: the new one takes its place.
            let is_over = match before.state {
                SagaState::Running => false,
                SagaState::TimedOut => before.timed_out_at <= Some(saga.started_at),
                SagaState::Completed | SagaState::Compensated => {
                    before.ended_at <= Some(saga.started_at)
                }
            };
            is_over.then_some(Known::Begun(saga))
        }
    }
}

/// What is known after an event that ends a saga; `None` when it changes nothing.
pub(super) fn end(known: Option<&Known>, ending: Ending) -> Option<Known> {
    match known {
        None => Some(Known::Early(ending)),
        Some(Known::Early(before)) => {
            let counts = match (before.is_compensation, ending.is_compensation) {
                (true, false) => false,
                (false, true) => true,
                _ => ending.at < before.at,
            };
            counts.then_some(Known::Early(ending))
        }
        Some(Known::Begun(saga)) => {
            let counts = match saga.state {
                SagaState::Running | SagaState::TimedOut => true,
                // What was completed can still be undone; what was undone stays so.
                SagaState::Completed => ending.is_compensation || Some(ending.at) < saga.ended_at,
                SagaState::Compensated => ending.is_compensation && Some(ending.at) < saga.ended_at,
            };
            // What was published before it began ended another one.
            (counts && !is_older(&ending, saga)).then(|| Known::Begun(ended(saga.clone(), &ending)))
        }
    }
}

/// What has become of a saga whose deadline has passed; `None` when that does not matter any more.
pub(super) fn time_out(saga: &Saga, at: u64) -> Option<Saga> {
    (saga.state == SagaState::Running).then(|| Saga {
        state: SagaState::TimedOut,
        timed_out_at: Some(at),
        ..saga.clone()
    })
}

fn is_older(ending: &Ending, saga: &Saga) -> bool {
    ending.at.saturating_add(SKEW) < saga.started_at
}

fn ended(saga: Saga, ending: &Ending) -> Saga {
    Saga {
        state: match ending.is_compensation {
            true => SagaState::Compensated,
            false => SagaState::Completed,
        },
        ended_at: Some(ending.at),
        ended_by: Some(ending.by.clone()),
        ..saga
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saga(at: u64) -> Saga {
        Saga {
            saga: "booking".into(),
            correlation_id: "c".parse().unwrap(),
            subject: "7".into(),
            state: SagaState::Running,
            started_at: at,
            started_by: format!("start-{at}").into(),
            deadline: at + 100,
            timed_out_at: None,
            ended_at: None,
            ended_by: None,
            key: "7".into(),
            identity: None,
        }
    }

    fn ending(is_compensation: bool, at: u64) -> Ending {
        Ending {
            is_compensation,
            at,
            by: format!("end-{at}").into(),
        }
    }

    enum Step {
        Begin(u64),
        Complete(u64),
        Compensate(u64),
    }
    use Step::{Begin, Compensate, Complete};

    fn after(steps: &[Step]) -> Option<Known> {
        steps.iter().fold(None, |known, step| {
            let next = match *step {
                Begin(at) => begin(known.as_ref(), saga(at)),
                Complete(at) => end(known.as_ref(), ending(false, at)),
                Compensate(at) => end(known.as_ref(), ending(true, at)),
            };
            next.or(known)
        })
    }

    fn outcome(steps: &[Step]) -> (SagaState, Option<u64>) {
        match after(steps) {
            Some(Known::Begun(saga)) => (saga.state, saga.ended_at),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_saga_ends_as_its_events_say_in_whatever_order_they_come() {
        let completed = (SagaState::Completed, Some(2));
        assert_eq!(outcome(&[Begin(1), Complete(2)]), completed);
        assert_eq!(outcome(&[Complete(2), Begin(1)]), completed);
        assert_eq!(outcome(&[Begin(1), Complete(2), Complete(3)]), completed);
        assert_eq!(outcome(&[Begin(1), Complete(3), Complete(2)]), completed);
        assert_eq!(outcome(&[Complete(3), Complete(2), Begin(1)]), completed);
        assert_eq!(outcome(&[Complete(2), Begin(1), Complete(3)]), completed);

        let compensated = (SagaState::Compensated, Some(3));
        assert_eq!(outcome(&[Begin(1), Compensate(3)]), compensated);
        assert_eq!(
            outcome(&[Begin(1), Complete(2), Compensate(3)]),
            compensated
        );
        assert_eq!(
            outcome(&[Begin(1), Compensate(3), Complete(2)]),
            compensated
        );
        assert_eq!(
            outcome(&[Compensate(3), Begin(1), Complete(2)]),
            compensated
        );
        assert_eq!(
            outcome(&[Complete(2), Compensate(3), Begin(1)]),
            compensated
        );
        assert_eq!(
            outcome(&[Compensate(3), Complete(2), Begin(1)]),
            compensated
        );
        assert_eq!(
            outcome(&[Compensate(4), Compensate(3), Begin(1)]),
            compensated
        );
    }

    #[test]
    fn what_began_and_ended_in_the_same_moment_is_over() {
        assert_eq!(outcome(&[Begin(1), Complete(1)]).0, SagaState::Completed);
        assert_eq!(outcome(&[Complete(1), Begin(1)]).0, SagaState::Completed);
    }

    #[test]
    fn a_clock_that_was_set_back_loses_no_end() {
        assert_eq!(outcome(&[Begin(9), Complete(2)]).0, SagaState::Completed);
        assert_eq!(outcome(&[Complete(2), Begin(9)]).0, SagaState::Completed);
    }

    #[test]
    fn one_may_begin_again_after_the_end() {
        const LATER: u64 = 3 + SKEW;
        let running = (SagaState::Running, None);
        assert_eq!(outcome(&[Begin(1), Complete(2), Begin(LATER)]), running);
        assert_eq!(
            outcome(&[Begin(1), Complete(2), Begin(LATER), Complete(LATER + 1)]),
            (SagaState::Completed, Some(LATER + 1))
        );
        assert_eq!(
            outcome(&[Complete(2), Begin(LATER)]),
            running,
            "the end was another one's"
        );
        assert_eq!(outcome(&[Begin(LATER), Compensate(2)]), running);
    }

    #[test]
    fn a_second_start_of_a_running_one_changes_nothing() {
        assert_eq!(begin(Some(&Known::Begun(saga(1))), saga(2)), None);
    }

    #[test]
    fn only_a_running_one_times_out_and_it_may_still_end() {
        let stuck = time_out(&saga(1), 101).unwrap();
        assert_eq!(stuck.state, SagaState::TimedOut);
        assert_eq!(time_out(&stuck, 102), None);
        let known = end(Some(&Known::Begun(stuck)), ending(true, 150));
        let Some(Known::Begun(ended)) = known else {
            panic!("{known:?}")
        };
        assert_eq!(
            (ended.state, ended.timed_out_at, ended.ended_at),
            (SagaState::Compensated, Some(101), Some(150))
        );
        assert_eq!(time_out(&ended, 200), None);
    }

    #[test]
    fn states_are_read_as_they_are_shown() {
        for state in SagaState::ALL {
            assert_eq!(state.name().parse(), Ok(state));
            assert_eq!(
                serde_json::to_value(state).unwrap(),
                serde_json::json!(state.name())
            );
        }
        assert!("stuck".parse::<SagaState>().is_err());
    }
}
