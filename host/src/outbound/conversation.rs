//! What one invocation has asked outside, and heard: a re-run which asks the same is answered from here.

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::Shared;
use parking_lot::Mutex;

use super::account::{Account, Admitted, Held};
use crate::core::memory::Reservation;
use crate::guest::{OutboundError, Sent};

/// What one invocation has asked and heard.
pub struct Conversation {
    /// What makes its keys: the same when it is run again.
    origin: String,
    account: Arc<Account>,
    /// By what each was known by. What an attempt that was given up has sent goes on where the next one waits for it.
    asked: Mutex<HashMap<String, Shared<Sent>>>,
}

impl Conversation {
    /// Of an invocation whose keys follow from `origin`, and whose guest may have so much memory.
    pub fn new(origin: String, nothing: Reservation, limit: u64) -> Arc<Self> {
        Arc::new(Self {
            origin,
            account: Account::new(nothing, limit),
            asked: Mutex::default(),
        })
    }

    /// What makes its keys.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Holds nothing of a request yet.
    pub(super) fn hold_nothing(&self) -> Held {
        self.account.nothing()
    }

    /// The answer to a request that is known by `known_by`: the one that there is, or is under way, or else of the request that `send` makes.
    pub(super) fn ask(
        &self,
        known_by: String,
        request: Held,
        send: impl FnOnce(Admitted) -> Sent,
    ) -> Result<Shared<Sent>, OutboundError> {
        let mut asked = self.asked.lock();
        if let Some(answering) = asked.get(&known_by) {
            return Ok(answering.clone());
        }
        // It must not hold what it is held in.
        let answering = send(request.admit()?).shared();
        asked.insert(known_by, answering.clone());
        Ok(answering)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use tokio::sync::Notify;

    use super::*;
    use crate::core::memory::Budget;

    #[tokio::test]
    async fn what_was_sent_by_an_attempt_that_was_given_up_is_not_sent_again() {
        let budget = Budget::new(1 << 20);
        let conversation = Conversation::new("a".to_owned(), budget.nothing(), 1 << 20);
        let (sent, arrives) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let ask = |known_by: &str| {
            let (sent, arrives) = (sent.clone(), arrives.clone());
            let request = conversation.hold_nothing();
            let answering = conversation.ask(known_by.to_owned(), request, |admitted| {
                Box::pin(async move {
                    sent.fetch_add(1, Ordering::SeqCst);
                    arrives.notified().await;
                    admitted.hold(7)?;
                    Ok(http::Response::new(Bytes::from_static(b"answer")))
                })
            });
            answering.unwrap()
        };
        let mut first = ask("one");
        assert!(futures::poll!(&mut first).is_pending());
        drop(first);
        let again = ask("one");
        arrives.notify_one();
        assert_eq!(again.await.unwrap().body(), "answer");
        assert_eq!(ask("one").await.unwrap().body(), "answer");
        assert_eq!(sent.load(Ordering::SeqCst), 1);
        let mut other = ask("two");
        assert!(futures::poll!(&mut other).is_pending());
        assert_eq!(sent.load(Ordering::SeqCst), 2);
        drop(other);
        assert!(budget.held() > 0);
        drop(conversation);
        assert_eq!(budget.held(), 0, "what is under way ends with it");
    }
}
