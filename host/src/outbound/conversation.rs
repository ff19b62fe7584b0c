//! What one invocation has asked outside, and heard: what it holds, and that a re-run which asks the same is answered from here.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::core::memory::Reservation;
use crate::guest::OutboundError;

/// How many requests of one invocation may be under way at once.
const AT_ONCE: usize = 16;

/// What one invocation has asked and heard.
pub struct Conversation {
    /// What makes its keys: the same when it is run again.
    origin: String,
    under_way: Arc<Semaphore>,
    heard: Mutex<HashMap<String, http::Response<Bytes>>>,
    held: Mutex<Reservation>,
    /// The most that it may hold, in bytes.
    limit: u64,
}

/// A request that may be under way.
pub(super) struct Admitted {
    conversation: Arc<Conversation>,
    _permit: OwnedSemaphorePermit,
}

impl Conversation {
    /// Of an invocation whose keys follow from `origin`, and whose guest may have so much memory.
    pub fn new(origin: String, nothing: Reservation, limit: u64) -> Arc<Self> {
        Arc::new(Self {
            origin,
            under_way: Arc::new(Semaphore::new(AT_ONCE)),
            heard: Mutex::default(),
            held: Mutex::new(nothing),
            limit,
        })
    }

    /// What makes its keys.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn admit(self: &Arc<Self>) -> Result<Admitted, OutboundError> {
        let permit = self.under_way.clone().try_acquire_owned();
        let permit = permit.map_err(|_| {
            OutboundError::Overloaded(format!(
                "{AT_ONCE} requests of one invocation are under way; wait for some of them"
            ))
        })?;
        Ok(Admitted {
            conversation: self.clone(),
            _permit: permit,
        })
    }

    /// What was answered to the same request before.
    pub(super) fn heard(&self, key: &str) -> Option<http::Response<Bytes>> {
        self.heard.lock().get(key).cloned()
    }

    pub(super) fn remember(&self, key: String, response: &http::Response<Bytes>) {
        self.heard.lock().insert(key, response.clone());
    }
}

impl Admitted {
    /// Holds so many bytes more until the invocation has ended: its guest may have them until then, and a re-run may ask for them.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), OutboundError> {
        let mut held = self.conversation.held.lock();
        if held.bytes().saturating_add(bytes as u64) > self.conversation.limit {
            return Err(OutboundError::Overloaded(format!(
                "what it asked and heard outside is more than its memory of {} bytes (limits.memory)",
                self.conversation.limit
            )));
        }
        held.grow(bytes as u64)
            .map_err(|exhausted| OutboundError::Overloaded(exhausted.to_string()))
    }
}
