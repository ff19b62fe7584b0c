//! What undoing waits for: callees that take no work, and runs that cannot be undone yet. Each is tried again after a pause that grows. Pauses are kept in
//! memory only, so a try that comes to nothing costs no commit.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::core::{Backoff, ContextName};
use crate::invocation::failure::Failure;
use crate::journal;

/// The pause after a first try; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long the log is silent about one that is still tried.
const SILENCE: Duration = Duration::from_secs(600);
/// For how many runs there is a pause of their own; others share that of their callee.
const MOST_RUNS: usize = 1_024;

/// Why a call could not be undone.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub reason: String,
    pub obstacle: Obstacle,
}

/// What stands in the way of undoing a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It was tried, and may be refused for ever.
    Refused,
    /// What is stored of it cannot be read: it says the same each time, without asking the callee.
    Unreadable,
    /// The callee takes no work until somebody opens it.
    Closed,
    /// The callee takes no more work for now.
    Busy,
    /// Something of this run only.
    Run,
}

impl Refusal {
    pub(super) fn new(obstacle: Obstacle, reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            obstacle,
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let obstacle = match &failure {
            Failure::NotServing { .. }
            | Failure::NotReady { .. }
            | Failure::Restarting { .. }
            | Failure::CrashLoopBackOff { .. } => Obstacle::Closed,
            Failure::Overloaded { .. }
            | Failure::PoolExhausted { .. }
            | Failure::BreakerOpen { .. }
            | Failure::NoInstance { .. }
            | Failure::NoMemory { .. }
            | Failure::NoSpace { .. }
            | Failure::NotLoaded { .. }
            | Failure::Stopping => Obstacle::Busy,
            failure if failure.is_fault_of_context() => Obstacle::Refused,
            _ => Obstacle::Run,
        };
        Self::new(obstacle, failure.to_string())
    }
}

impl From<journal::Error> for Refusal {
    fn from(error: journal::Error) -> Self {
        match error.is_of_one_value() {
            // It says the same each time.
            true => Self::new(Obstacle::Unreadable, error.to_string()),
            false => Failure::from(error).into(),
        }
    }
}

/// What a context's undoing waits for.
#[derive(Default)]
pub(super) struct UndoPauses(Mutex<Pauses>);

#[derive(Default)]
struct Pauses {
    callees: HashMap<ContextName, Pause>,
    runs: HashMap<Vec<u8>, Pause>,
}

struct Pause {
    backoff: Backoff,
    /// When it is tried next.
    next: Instant,
    tries: u32,
    reason: String,
    is_closed: bool,
    is_overdue: bool,
    /// When the log spoke of it.
    said: Instant,
}

/// What has come of the tries to undo a call.
#[derive(Clone, Debug)]
pub(super) struct Tries {
    /// How many there were.
    pub count: u32,
    /// Why the last one came to nothing.
    pub reason: String,
}

/// A try that came to nothing.
pub(super) struct Noted {
    /// How long until the next one.
    pub pause: Duration,
    pub speak: Speak,
}

/// What the log is to say of a try that came to nothing: something at first, and seldom afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speak {
    NotYet,
    Trying,
    /// For the first time that it is overdue.
    Overdue,
}

impl UndoPauses {
    /// How long a run's call to a callee is not tried yet.
    pub(super) fn remaining(&self, callee: &ContextName, run: &[u8]) -> Option<Duration> {
        let pauses = self.0.lock();
        let next = pauses.of(callee, run).map(|pause| pause.next).max()?;
        let remaining = next.saturating_duration_since(Instant::now());
        (!remaining.is_zero()).then_some(remaining)
    }

    /// A try came to nothing for a reason that may pass.
    pub(super) fn failed(
        &self,
        callee: &ContextName,
        run: &[u8],
        refusal: &Refusal,
        is_overdue: bool,
    ) -> Noted {
        let mut pauses = self.0.lock();
        let now = Instant::now();
        let has_own = pauses.runs.len() < MOST_RUNS || pauses.runs.contains_key(run);
        let (pause, is_new) = match refusal.obstacle == Obstacle::Run && has_own {
            true => entry(&mut pauses.runs, run.to_vec(), now),
            false => entry(&mut pauses.callees, callee.clone(), now),
        };
        let speak = match is_overdue && !pause.is_overdue {
            true => Speak::Overdue,
            false if is_new || now.duration_since(pause.said) >= SILENCE => Speak::Trying,
            false => Speak::NotYet,
        };
        pause.is_overdue |= is_overdue;
        if speak != Speak::NotYet {
            pause.said = now;
        }
        let length = pause.backoff.next_pause();
        pause.next = now + length;
        pause.tries = pause.tries.saturating_add(1);
        pause.reason.clone_from(&refusal.reason);
        pause.is_closed = refusal.obstacle == Obstacle::Closed;
        Noted {
            pause: length,
            speak,
        }
    }

    /// A run's call to a callee has been answered, whatever the answer: neither is waited for any more. Says whether the callee was.
    pub(super) fn reached(&self, callee: &ContextName, run: &[u8]) -> bool {
        let mut pauses = self.0.lock();
        pauses.runs.remove(run);
        pauses.callees.remove(callee).is_some()
    }

    /// Nothing is left of a run to undo. What its callees are waited for is for others, too.
    pub(super) fn forget(&self, run: &[u8]) {
        self.0.lock().runs.remove(run);
    }

    /// What has come of the tries, while it is waited for.
    pub(super) fn tries(&self, callee: &ContextName, run: &[u8]) -> Option<Tries> {
        let pauses = self.0.lock();
        let last = pauses.of(callee, run).max_by_key(|pause| pause.next)?;
        Some(Tries {
            count: last.tries,
            reason: last.reason.clone(),
        })
    }

    /// Ends the pauses of a run's call to a callee: it is tried at once.
    pub(super) fn end(&self, callee: &ContextName, run: &[u8]) {
        let mut pauses = self.0.lock();
        let now = Instant::now();
        let Pauses { callees, runs } = &mut *pauses;
        let paused = callees.get_mut(callee).into_iter().chain(runs.get_mut(run));
        paused.for_each(|pause| pause.next = now);
    }

    /// Ends the pause of a callee that takes work again.
    pub(super) fn opened(&self, callee: &ContextName) {
        if let Some(pause) = self.0.lock().callees.get_mut(callee) {
            pause.next = Instant::now();
            pause.is_closed = false;
        }
    }

    /// The callees that took no work when they were tried.
    pub(super) fn closed(&self) -> Vec<ContextName> {
        let pauses = self.0.lock();
        let closed = pauses.callees.iter().filter(|(_, pause)| pause.is_closed);
        closed.map(|(callee, _)| callee.clone()).collect()
    }
}

impl Pauses {
    fn of(&self, callee: &ContextName, run: &[u8]) -> impl Iterator<Item = &Pause> {
        let callee = self.callees.get(callee);
        callee.into_iter().chain(self.runs.get(run))
    }
}

/// The pause under a key, and whether it is a new one.
fn entry<K: std::hash::Hash + Eq>(
    pauses: &mut HashMap<K, Pause>,
    key: K,
    now: Instant,
) -> (&mut Pause, bool) {
    let mut is_new = false;
    let pause = pauses.entry(key).or_insert_with(|| {
        is_new = true;
        Pause {
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            next: now,
            tries: 0,
            reason: String::new(),
            is_closed: false,
            is_overdue: false,
            said: now,
        }
    });
    (pause, is_new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_serving() -> Refusal {
        let context = "room".into();
        Failure::NotServing { context }.into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_callee_that_takes_no_work_is_tried_ever_less_often_and_seldom_spoken_of() {
        let pauses = UndoPauses::default();
        let (mut waited, mut said) = (Duration::ZERO, 0);
        for _ in 0..100 {
            let noted = pauses.failed(&"room".into(), b"run", &not_serving(), false);
            said += u64::from(noted.speak != Speak::NotYet);
            assert!(pauses.remaining(&"room".into(), b"another").is_some());
            assert!(pauses.remaining(&"payment".into(), b"run").is_none());
            waited += noted.pause;
            tokio::time::advance(noted.pause).await;
        }
        assert!(waited > 90 * LONGEST_PAUSE / 2, "{waited:?}");
        assert!(said <= 1 + waited.as_secs() / SILENCE.as_secs(), "{said}");
        let noted = pauses.failed(&"room".into(), b"run", &not_serving(), true);
        assert_eq!(noted.speak, Speak::Overdue);
        let noted = pauses.failed(&"room".into(), b"run", &not_serving(), true);
        assert_eq!(noted.speak, Speak::NotYet);
        assert_eq!(
            pauses
                .tries(&"room".into(), b"run")
                .map(|tries| tries.count),
            Some(102)
        );
        assert!(pauses.reached(&"room".into(), b"run"));
        assert!(pauses.tries(&"room".into(), b"run").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_concerns_one_run_holds_up_no_other_one() {
        let pauses = UndoPauses::default();
        let contended = Refusal::from(Failure::Contended { attempts: 1 });
        pauses.failed(&"room".into(), b"run", &contended, false);
        assert!(pauses.remaining(&"room".into(), b"run").is_some());
        assert!(pauses.remaining(&"room".into(), b"another").is_none());
        for run in 0..2 * MOST_RUNS {
            pauses.failed(
                &"room".into(),
                run.to_string().as_bytes(),
                &contended,
                false,
            );
        }
        assert!(pauses.0.lock().runs.len() <= MOST_RUNS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_callee_that_opens_is_tried_at_once() {
        let pauses = UndoPauses::default();
        pauses.failed(&"room".into(), b"run", &not_serving(), false);
        assert_eq!(pauses.closed(), ["room"]);
        pauses.opened(&"room".into());
        assert!(pauses.remaining(&"room".into(), b"run").is_none() && pauses.closed().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_a_refusal() {
        let what = "a result".to_owned();
        let damaged = Refusal::from(journal::Error::Damaged { what });
        assert_eq!(damaged.obstacle, Obstacle::Unreadable);
        let reason = "no space".to_owned();
        let disk = Refusal::from(journal::Error::Disk { reason });
        assert_eq!(disk.obstacle, Obstacle::Run);
    }
}
