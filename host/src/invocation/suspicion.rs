//! Suspicion: a version whose invocations fail one after the other may be failing as a whole. That is only noted here; a floor above looks into it.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::definition::Invocation;
use super::entry::Entry;
use super::failure::Failure;
use crate::core::ContextName;
use crate::versions::Version;

/// The contexts whose versions are suspected.
#[derive(Default)]
pub struct Suspicions {
    contexts: Mutex<BTreeSet<ContextName>>,
    raised: Notify,
}

impl Suspicions {
    fn raise(&self, context: &ContextName) {
        if self.contexts.lock().insert(context.clone()) {
            self.raised.notify_one();
        }
    }

    /// Waits for the next context whose version is suspected.
    pub async fn next(&self) -> ContextName {
        loop {
            let raised = self.raised.notified();
            if let Some(context) = self.contexts.lock().pop_first() {
                return context;
            }
            raised.await;
        }
    }
}

/// How an attempt ended, for whoever wonders whether its version fails.
pub(super) enum Ended<'a> {
    /// It did what it was to do.
    Well,
    /// It gave an answer that says that something is wrong: then it works.
    Answered,
    /// It gave none, and is to blame.
    Failed(&'a Failure),
}

/// Notes how an attempt ended. A version that has failed so often in a row that it is suspected gets no more work until that has been looked into.
pub(super) fn note(
    invocation: &Invocation,
    entry: &impl Entry,
    version: &Arc<Version>,
    ended: &Ended<'_>,
) {
    let context = &invocation.context;
    match ended {
        Ended::Well => {
            version.note_success();
            // What called others, or asked outside, is not the same without them.
            let alone = !invocation.replay.has_called() && !invocation.has_asked_outside();
            if invocation.version.is_none() && alone {
                context.known_good.note(entry, invocation.identity.as_ref());
            }
        }
        Ended::Answered => {}
        Ended::Failed(failure) if !failure.is_fault_of_context() => {}
        Ended::Failed(failure) => {
            let in_a_row = version.note_failure(entry.fingerprint(), failure.to_string());
            let limit = context.settings.healing.consecutive_failures;
            let is_suspect = limit > 0 && in_a_row.count.is_multiple_of(limit);
            let serves = || {
                let serving = context.version();
                serving.is_some_and(|serving| Arc::ptr_eq(&serving, version))
            };
            if is_suspect && invocation.version.is_none() && serves() {
                context.availability.suspect();
                invocation.invoker.suspicions.raise(&context.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_context_is_looked_into_once() {
        let suspicions = Suspicions::default();
        for context in ["room", "bell", "room"] {
            suspicions.raise(&context.into());
        }
        assert_eq!(suspicions.next().await, "bell");
        assert_eq!(suspicions.next().await, "room");
        let next = suspicions.next();
        tokio::pin!(next);
        assert!(futures::poll!(&mut next).is_pending());
        suspicions.raise(&"room".into());
        assert_eq!(next.await, "room");
    }
}
