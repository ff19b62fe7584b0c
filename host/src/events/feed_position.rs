//! How far someone who reads events has come.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::core::ContextName;
use crate::journal::EventPosition;

/// The newest event that was told of each context: `payment:7.0,room:12.1`. The id of every event in the stream is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedPosition(pub BTreeMap<ContextName, EventPosition>);

impl FeedPosition {
    /// Notes how far it has come with a context.
    pub fn note(&mut self, context: &ContextName, position: EventPosition) {
        match self.0.get_mut(context) {
            Some(place) => *place = position,
            None => {
                self.0.insert(context.to_owned(), position);
            }
        }
    }
}

impl fmt::Display for FeedPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (context, EventPosition { commit, index }) in &self.0 {
            write!(formatter, "{separator}{context}:{commit}.{index}")?;
            separator = ",";
        }
        Ok(())
    }
}

impl FromStr for FeedPosition {
    type Err = NoFeedPosition;

    fn from_str(text: &str) -> Result<Self, NoFeedPosition> {
        let place = |part: &str| {
            let (context, position) = part.split_once(':')?;
            let (commit, index) = position.split_once('.')?;
            let position = EventPosition {
                commit: commit.parse().ok()?,
                index: index.parse().ok()?,
            };
            Some((context.parse().ok()?, position))
        };
        let places = text.split(',').map(place).collect::<Option<_>>();
        places
            .map(Self)
            .ok_or_else(|| NoFeedPosition(text.to_owned()))
    }
}

/// The text names no place in the events.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a position in the events; write `start`, `now`, or the id of an event of this stream"
)]
pub struct NoFeedPosition(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_shown() {
        for text in ["room:12.1", "payment:7.0,room:12.1", "night-desk:0.0"] {
            assert_eq!(text.parse::<FeedPosition>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "room",
            "room:1",
            "room:1.x",
            "room:1.1,",
            "room:-1.0",
            "room:1.65536",
        ] {
            assert_eq!(
                text.parse::<FeedPosition>(),
                Err(NoFeedPosition(text.into()))
            );
        }
    }
}
