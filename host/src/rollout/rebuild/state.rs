//! The state of a rebuild.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::events::Watched;

/// What a rebuild does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RebuildState {
    /// The new state is being filled; the old one serves.
    Filling,
    /// The new state takes over.
    Swapping,
    /// The new state serves; what is not needed any more is removed.
    Sweeping,
    /// It is done.
    Done,
    /// It ended without success; the old state serves.
    Failed {
        /// Why.
        reason: String,
    },
}

/// The newest rebuild of a context.
#[derive(Default)]
pub(in crate::rollout) struct Rebuilds(pub(super) Mutex<Option<Arc<Rebuild>>>);

/// One rebuild.
pub(super) struct Rebuild {
    pub(super) since: u64,
    pub(super) inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub(super) state: RebuildState,
    pub(super) lanes: Vec<Watched>,
}

impl Rebuild {
    pub(super) fn is_under_way(&self) -> bool {
        !matches!(
            self.inner.lock().state,
            RebuildState::Done | RebuildState::Failed { .. }
        )
    }

    pub(super) fn enter(&self, state: RebuildState) {
        self.inner.lock().state = state;
    }
}
