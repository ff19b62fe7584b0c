//! Which events of a context are being tried again, why, and when next; and giving up on one of them before its attempts are used up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::Events;
use super::dead_letter::{self, LetterId};
use crate::core::{ContextName, wall_clock};
use crate::invocation::Context;
use crate::journal::{self, Event};

/// How long an attempt that is under way is waited for.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(60);

/// An event that could not be handled, and is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrying {
    /// Names it in its context: the id that its dead letter would have.
    pub id: LetterId,
    /// The event.
    pub event: Event,
    /// How many attempts have failed; what had nothing to do with the event is no attempt.
    pub attempts: u32,
    /// Why the last one failed.
    pub reason: String,
    /// When it is tried next, in milliseconds since the Unix epoch.
    pub next: u64,
}

/// Why an event was not given up on.
#[derive(Debug, thiserror::Error)]
pub enum GiveUpError {
    /// It is not being tried.
    #[error(
        "context {context} is not retrying an event {id}; it may have been handled, or become a dead letter: `innkeeper dead-letters {context}`"
    )]
    NotFound {
        /// The context.
        context: ContextName,
        /// The id that was asked for.
        id: LetterId,
    },
    /// Its last attempt succeeded.
    #[error("event {id} was handled by the attempt that was under way")]
    Handled {
        /// The event.
        id: LetterId,
    },
    /// It takes longer than anybody waits.
    #[error("event {id} is still being handled; ask again in a moment")]
    NotYet {
        /// The event.
        id: LetterId,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

/// The events of a context that are being tried again, by what names them.
#[derive(Default)]
pub(crate) struct Retries(Mutex<BTreeMap<LetterId, Entry>>);

struct Entry {
    seen: Retrying,
    given_up: CancellationToken,
    ending: DeliveryEnd,
}

/// The end of a delivery.
#[derive(Clone, Default)]
struct DeliveryEnd {
    ended: CancellationToken,
    /// Whether an attempt has succeeded.
    is_handled: Arc<AtomicBool>,
}

/// An event whose delivery is under way. When this is dropped it is not tried any more.
pub(super) struct Retry<'a> {
    retries: &'a Retries,
    /// None for what only a rebuild delivers: it is nothing that operators see.
    id: Option<LetterId>,
    given_up: CancellationToken,
    ending: DeliveryEnd,
}

impl Retries {
    /// A delivery begins; it is seen once an attempt has failed.
    pub(super) fn begin(&self, id: Option<LetterId>) -> Retry<'_> {
        Retry {
            retries: self,
            id,
            given_up: CancellationToken::new(),
            ending: DeliveryEnd::default(),
        }
    }
}

impl Retry<'_> {
    /// An attempt has failed, and there is another after a pause.
    pub(super) fn failed(&self, event: &Event, attempts: u32, reason: String, pause: Duration) {
        let Some(id) = &self.id else { return };
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let entry = Entry {
            seen: Retrying {
                id: id.clone(),
                event: event.clone(),
                attempts,
                reason,
                next: wall_clock().saturating_add(pause),
            },
            given_up: self.given_up.clone(),
            ending: self.ending.clone(),
        };
        self.retries.0.lock().insert(id.clone(), entry);
    }

    /// An attempt has succeeded.
    pub(super) fn handled(&self) {
        self.ending.is_handled.store(true, Ordering::Release);
    }

    /// Cancelled when an operator gives up on it.
    pub(super) fn given_up(&self) -> &CancellationToken {
        &self.given_up
    }
}

impl Drop for Retry<'_> {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            self.retries.0.lock().remove(id);
        }
        self.ending.ended.cancel();
    }
}

/// The events of a context that are being tried again.
pub fn retrying(events: &Events, context: &Context) -> Vec<Retrying> {
    let retries = events.following(context).retries.0.lock();
    retries.values().map(|entry| entry.seen.clone()).collect()
}

/// Gives up on an event that is being tried: it becomes a dead letter at once, or when the attempt that is under way has failed.
///
/// # Errors
///
/// See [`GiveUpError`].
pub async fn give_up(events: &Events, context: &Context, id: &LetterId) -> Result<(), GiveUpError> {
    let ending = {
        let retries = events.following(context).retries.0.lock();
        let entry = retries.get(id).ok_or_else(|| GiveUpError::NotFound {
            context: context.name.clone(),
            id: id.clone(),
        })?;
        entry.given_up.cancel();
        entry.ending.clone()
    };
    let in_time = tokio::time::timeout(LONGEST_ATTEMPT, ending.ended.cancelled()).await;
    if in_time.is_err() || events.shutdown.is_cancelled() {
        return Err(GiveUpError::NotYet { id: id.clone() });
    }
    match dead_letter::get(context, id)? {
        Some(_) => Ok(()),
        None if ending.is_handled.load(Ordering::Acquire) => {
            Err(GiveUpError::Handled { id: id.clone() })
        }
        // It was left off, and is taken up again: by a rollout, or because it is not followed any more.
        None => Err(GiveUpError::NotYet { id: id.clone() }),
    }
}
