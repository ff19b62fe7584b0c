//! The ids of dead letters of the relay.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::ContextName;
use crate::journal::EventPosition;

/// What their keys in the journal begin with.
pub(super) const PREFIX: &str = "nats/";

/// Names a dead letter of the relay by the place of its event: `<context>.<commit>.<index>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelayDeadLetterId {
    /// The context that published it.
    pub context: ContextName,
    /// Its place in that context's journal.
    pub position: EventPosition,
}

impl RelayDeadLetterId {
    /// The place that nothing but it is behind.
    pub(super) fn before(&self) -> EventPosition {
        let position = self.position;
        match position.index.checked_sub(1) {
            Some(index) => EventPosition { index, ..position },
            None => EventPosition {
                commit: position.commit.saturating_sub(1),
                index: u16::MAX,
            },
        }
    }

    // The numbers have all their digits, so that keys sort as what they name.
    pub(super) fn key(&self) -> String {
        let EventPosition { commit, index } = self.position;
        format!("{PREFIX}{}/{commit:020}/{index:05}", self.context)
    }
}

impl fmt::Display for RelayDeadLetterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventPosition { commit, index } = self.position;
        write!(formatter, "{}.{commit}.{index}", self.context)
    }
}

/// The text names no dead letter of the relay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` does not name a dead letter of the relay; a name looks like `room.1204.0`, see `innkeeper nats dead-letters`"
)]
pub struct NotARelayDeadLetterId(String);

impl FromStr for RelayDeadLetterId {
    type Err = NotARelayDeadLetterId;

    fn from_str(text: &str) -> Result<Self, NotARelayDeadLetterId> {
        let parse = || {
            let mut parts = text.split('.');
            let id = Self {
                context: parts.next()?.parse().ok()?,
                position: EventPosition {
                    commit: parts.next()?.parse().ok()?,
                    index: parts.next()?.parse().ok()?,
                },
            };
            parts.next().is_none().then_some(id)
        };
        parse().ok_or_else(|| NotARelayDeadLetterId(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        let id = RelayDeadLetterId {
            context: "night-desk".into(),
            position: EventPosition {
                commit: 1204,
                index: 2,
            },
        };
        assert_eq!(id.to_string(), "night-desk.1204.2");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "room", "room.1", "room.1.x", "room.1.2.3", ".1.2"] {
            assert!(text.parse::<RelayDeadLetterId>().is_err(), "{text}");
        }
    }
}
