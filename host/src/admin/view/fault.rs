//! What is made to go wrong in a context on purpose.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::core::{Timestamp, human_duration};
use crate::invocation::faults::InjectedFaults;

/// The faults that are injected into requests and calls to a context; nothing is in it when there are none.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Some are kept waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// Some are answered with an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
    /// When they end by themselves; those of the manifest do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Requests and calls that are kept waiting.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delay {
    /// How many of a hundred.
    pub percent: u8,
    /// How long, such as `2 s`.
    pub fixed: String,
}

/// Requests and calls that are answered with an error.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Abort {
    /// How many of a hundred.
    pub percent: u8,
    /// The status that a request is answered with; a call is `unavailable`.
    pub status: u16,
}

impl Fault {
    /// In a line, for people; none when there are none.
    pub(crate) fn summary(&self) -> Option<String> {
        let delay = self.delay.iter();
        let delay = delay.map(|delay| format!("{} % delayed by {}", delay.percent, delay.fixed));
        let abort = self.abort.iter();
        let abort = abort.map(|abort| format!("{} % aborted with {}", abort.percent, abort.status));
        let parts: Vec<_> = delay.chain(abort).collect();
        let until = self.until.map(|until| format!(" until {until}"));
        (!parts.is_empty()).then(|| parts.join(", ") + until.as_deref().unwrap_or_default())
    }
}

impl From<&InjectedFaults> for Fault {
    fn from(faults: &InjectedFaults) -> Self {
        Self {
            delay: faults.injection.delay.map(|delay| Delay {
                percent: delay.percent,
                fixed: human_duration(delay.fixed).to_string(),
            }),
            abort: faults.injection.abort.map(|abort| Abort {
                percent: abort.percent,
                status: abort.status,
            }),
            until: faults.until,
        }
    }
}
