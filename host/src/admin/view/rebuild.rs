//! A rebuild, as operators see it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::core::Timestamp;
use crate::rollout::rebuild::{Progress, RebuildState};

/// How far a rebuild is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rebuild {
    /// What it does now.
    pub state: State,
    /// How many events are behind it.
    pub handled: u64,
    /// How many there are in all by now.
    pub total: u64,
    /// When it began.
    pub since: Timestamp,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a rebuild does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// The new state is being filled; the old one serves.
    Filling,
    /// The new state takes over.
    Swapping,
    /// What is not needed any more is removed.
    Sweeping,
    /// The new state serves.
    Done,
    /// The old state serves.
    Failed,
}

impl From<Progress> for Rebuild {
    fn from(progress: Progress) -> Self {
        let (state, reason) = match progress.state {
            RebuildState::Filling => (State::Filling, None),
            RebuildState::Swapping => (State::Swapping, None),
            RebuildState::Sweeping => (State::Sweeping, None),
            RebuildState::Done => (State::Done, None),
            RebuildState::Failed { reason } => (State::Failed, Some(reason)),
        };
        Self {
            state,
            handled: progress.handled,
            total: progress.total,
            since: Timestamp(progress.since),
            reason,
        }
    }
}
