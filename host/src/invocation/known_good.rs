//! Known good: a few invocations of a context that succeeded lately. Run again, with nothing committed, they say whether a version still works: a client whose
//! requests have always trapped cannot make these fail.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::time::Instant as Deadline;

use super::call::CallEntry;
use super::context::Context;
use super::entry::Entry;
use super::failure::Failure;
use super::health_check::{Unattended, execution, unattended};
use super::invoker::Invoker;
use super::unit::{Interruption, UnitOfWork};
use super::web::WebEntry;
use crate::core::{ContextName, VerifiedIdentity};
use crate::guest::{self, Ended, Fault};
use crate::versions::Version;

/// How many are remembered, each about something else.
const MOST: usize = 4;
/// How long it is until another one is remembered, in milliseconds.
const PAUSE: u64 = 100;
/// How large one may be, in bytes.
pub(super) const LARGEST: usize = 16 << 10;

/// An invocation that succeeded, to be run again.
pub(super) enum Sample {
    Web(WebEntry),
    Call(CallEntry),
    Event(Box<guest::Event>),
}

/// An invocation that succeeded, and who was behind it: a guest may need to know.
struct Known {
    sample: Sample,
    identity: Option<VerifiedIdentity>,
}

/// What runs of a version say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answers what was answered well before.
    Works,
    /// It fails at all of that.
    Fails(String),
    /// Nothing is known that it could be tried with, or the host could not try.
    Unknown,
}

/// The invocations of a context that succeeded lately.
pub struct KnownGood {
    began: Instant,
    /// When the last one was remembered, in milliseconds since it began; 0 when none was.
    last: AtomicU64,
    samples: Mutex<VecDeque<(u64, Arc<Known>)>>,
}

impl Default for KnownGood {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            last: AtomicU64::new(0),
            samples: Mutex::default(),
        }
    }
}

impl KnownGood {
    /// An invocation succeeded. Costs a look at the clock for most.
    pub(super) fn note(&self, entry: &impl Entry, identity: Option<&VerifiedIdentity>) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.last.load(Ordering::Relaxed);
        if last != 0 && now.saturating_sub(last) < PAUSE {
            return;
        }
        self.last.store(now.max(1), Ordering::Relaxed);
        let Some(sample) = entry.sample() else {
            return;
        };
        let kind = entry.kind();
        let mut samples = self.samples.lock();
        samples.retain(|(known, _)| *known != kind);
        let identity = identity.cloned();
        samples.push_front((kind, Arc::new(Known { sample, identity })));
        samples.truncate(MOST);
    }

    fn samples(&self) -> Vec<Arc<Known>> {
        let samples = self.samples.lock();
        samples.iter().map(|(_, sample)| sample.clone()).collect()
    }
}

impl Known {
    fn suits(&self, version: &Version, context: &ContextName) -> bool {
        let suits = match &self.sample {
            Sample::Web(entry) => entry.suits(version, context),
            Sample::Call(entry) => entry.suits(version, context),
            Sample::Event(entry) => entry.suits(version, context),
        };
        suits.is_ok()
    }

    async fn run(
        &self,
        invoker: &Arc<Invoker>,
        context: &Arc<Context>,
        version: &Arc<Version>,
    ) -> Result<(), Failure> {
        let deadline = Deadline::now() + context.settings.limits.deadline;
        let generation = context.generation();
        let unit = unattended(
            invoker,
            context,
            version,
            generation,
            Unattended {
                purpose: "known good",
                deadline,
                identity: self.identity.clone(),
            },
        );
        let execution = execution(context, unit, deadline);
        let (unit, result) = match &self.sample {
            Sample::Web(entry) => parts(entry.enter(version, execution).await),
            Sample::Call(entry) => parts(entry.enter(version, execution).await),
            Sample::Event(entry) => parts(entry.enter(version, execution).await),
        };
        match result {
            Ok(()) => Ok(()),
            // It would have heard something there: nobody knows how it would have gone on.
            Err(_) if unit.asked_outside > 0 => Err(Failure::Contended { attempts: 1 }),
            Err(Fault::Refused(refusal)) => match refusal.0.downcast::<Interruption>() {
                Ok(interruption) => match *interruption {
                    Interruption::Failed(failure) => Err(failure),
                    // Others are at work there: it got so far, and nobody knows how it would have gone on.
                    Interruption::Locked(_) | Interruption::Diverged => {
                        Err(Failure::Contended { attempts: 1 })
                    }
                },
                Err(other) => Err(Failure::Trap {
                    message: other.to_string(),
                }),
            },
            Err(fault) => Err(Failure::of_fault(fault)),
        }
    }
}

fn parts<T>(ended: Ended<T, UnitOfWork>) -> (Box<UnitOfWork>, Result<(), Fault>) {
    (ended.services, ended.result.map(drop))
}

/// Tries a version with what its context answered well before. Nothing is committed.
pub async fn try_known_good(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    version: &Arc<Version>,
) -> Verdict {
    let mut samples = context.known_good.samples();
    samples.retain(|sample| sample.suits(version, &context.name));
    let runs = samples
        .iter()
        .map(|sample| sample.run(invoker, context, version));
    let ended = join_all(runs).await;
    if ended.iter().any(Result::is_ok) {
        return Verdict::Works;
    }
    let mut failures = ended.into_iter().filter_map(Result::err).peekable();
    let first = failures.peek().map(ToString::to_string);
    match first {
        Some(reason) if failures.all(|failure| failure.is_fault_of_context()) => {
            Verdict::Fails(reason)
        }
        _ => Verdict::Unknown,
    }
}
