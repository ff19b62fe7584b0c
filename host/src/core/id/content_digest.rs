//! What any content is known by where components are kept with others' software: in registries.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::VersionDigest;

/// How its text begins.
const ALGORITHM: &str = "sha256:";

/// The sha-256 of some content, as OCI writes it: `sha256:` and 64 hexadecimal digits, in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentDigest(VersionDigest);

/// A text is no digest, or one that cannot be checked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is written `sha256:` and 64 hexadecimal digits, in lower case")]
pub struct InvalidContentDigest;

impl ContentDigest {
    /// That of some content.
    pub fn of(content: &[u8]) -> Self {
        Self(VersionDigest::of(content))
    }
}

impl FromStr for ContentDigest {
    type Err = InvalidContentDigest;

    fn from_str(text: &str) -> Result<Self, InvalidContentDigest> {
        let digits = text.strip_prefix(ALGORITHM).ok_or(InvalidContentDigest)?;
        digits.parse().map(Self).map_err(|_| InvalidContentDigest)
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{ALGORITHM}{}", self.0)
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for ContentDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn it_is_read_as_it_is_written() {
        let digest = ContentDigest::of(b"");
        assert_eq!(digest.to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(digest));
    }

    #[test]
    fn whatever_else_is_none() {
        for text in ["", "sha256:", &EMPTY[7..], &EMPTY.replace("256", "512")] {
            let read: Result<ContentDigest, _> = text.parse();
            assert_eq!(read, Err(InvalidContentDigest), "{text}");
        }
    }
}
