//! The id that everything with one cause at its root shares.

use std::str::FromStr;
use std::sync::Arc;

use super::EventId;
use super::hexadecimal::with_digits;
use super::text::{kept_unchecked, read_as_text};

/// The id of a story: what everything with one cause at its root shares.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorrelationId(Arc<str>);

/// A text is no correlation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a correlation id has 1 to 128 visible ASCII characters without spaces and commas")]
pub struct InvalidCorrelationId;

impl CorrelationId {
    /// The longest one.
    const LONGEST: usize = 128;

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one of a trace, or of what else is known by 16 bytes.
    pub(crate) fn of_bytes(bytes: [u8; 16]) -> Self {
        with_digits(&bytes, |digits| Self(digits.into()))
    }

    /// That of an event which is part of no other story.
    pub(crate) fn of_event(event: &EventId) -> Self {
        Self(event.0.clone())
    }

    /// A new one.
    pub fn random() -> Self {
        Self::of_bytes(rand::random())
    }
}

impl FromStr for CorrelationId {
    type Err = InvalidCorrelationId;

    fn from_str(text: &str) -> Result<Self, InvalidCorrelationId> {
        let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b',';
        let is_valid = (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(is_allowed);
        is_valid
            .then(|| Self(text.into()))
            .ok_or(InvalidCorrelationId)
    }
}

read_as_text!(CorrelationId);
kept_unchecked!(CorrelationId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_visible_and_not_too_long() {
        let longest = "x".repeat(128);
        for id in ["order-7", "a", &longest] {
            assert_eq!(id.parse::<CorrelationId>().unwrap().as_str(), id);
        }
        let too_long = "x".repeat(129);
        for id in ["", "two words", "a,b", "tab\t", "ü", &too_long] {
            assert_eq!(
                id.parse::<CorrelationId>(),
                Err(InvalidCorrelationId),
                "{id}"
            );
        }
    }

    #[test]
    fn what_is_kept_is_read_as_it_was_written() {
        let kept = postcard::to_stdvec("two words").unwrap();
        let read: CorrelationId = postcard::from_bytes(&kept).unwrap();
        assert_eq!(read.as_str(), "two words");
        assert_eq!(postcard::to_stdvec(&read).unwrap(), kept);
    }
}
