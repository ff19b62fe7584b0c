//! The state of a version: uploaded, ramping, current, and so on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a version does, or what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It is stored, and does not serve.
    Uploaded,
    /// It gets a part of the work.
    Ramping,
    /// It serves.
    Current,
    /// Another has taken over; what it had begun may end.
    Draining,
    /// It has nothing under way any more, and can be gone back to.
    Drained,
    /// It did not pass a gate.
    Rejected,
    /// It did harm, and is not accepted again.
    Quarantined,
}

impl State {
    /// All of them.
    pub(super) const ALL: [Self; 7] = [
        Self::Uploaded,
        Self::Ramping,
        Self::Current,
        Self::Draining,
        Self::Drained,
        Self::Rejected,
        Self::Quarantined,
    ];

    /// The kind of the event that says so.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::Uploaded => "VersionUploaded",
            Self::Ramping => "VersionRamping",
            Self::Current => "VersionCurrent",
            Self::Draining => "VersionDraining",
            Self::Drained => "VersionDrained",
            Self::Rejected => "VersionRejected",
            Self::Quarantined => "VersionQuarantined",
        }
    }

    /// Its name, as it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Ramping => "ramping",
            Self::Current => "current",
            Self::Draining => "draining",
            Self::Drained => "drained",
            Self::Rejected => "rejected",
            Self::Quarantined => "quarantined",
        }
    }
}
