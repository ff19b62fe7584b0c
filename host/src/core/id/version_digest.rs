//! What a version is known by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::hexadecimal::with_digits;
use super::kept::{self, Kept};

/// The sha-256 of a component: it tells two versions of a context apart. As a text it has 64 hexadecimal digits, in lower case; `{:.12}` writes the first of them, which
/// are enough for people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionDigest([u8; Self::BYTES]);

/// A text is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 hexadecimal digits, in lower case")]
pub struct InvalidDigest;

impl VersionDigest {
    const BYTES: usize = 32;

    /// That of a component.
    pub fn of(component: &[u8]) -> Self {
        Self::from_bytes(Sha256::digest(component).into())
    }

    /// The one that these bytes are.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Has its text read, which is not kept anywhere.
    pub(crate) fn with_text<T>(&self, read: impl FnOnce(&str) -> T) -> T {
        with_digits(&self.0, read)
    }
}

impl FromStr for VersionDigest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidDigest);
        }
        let mut bytes = [0; Self::BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidDigest)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for VersionDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| formatter.pad(text))
    }
}

impl fmt::Debug for VersionDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for VersionDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for VersionDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        kept::deserialize(deserializer)
    }
}

impl Kept for VersionDigest {
    fn of_kept(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: InvalidDigest| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::or_empty;
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept {
        digest: VersionDigest,
        #[serde(with = "or_empty")]
        maybe: Option<VersionDigest>,
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let digest = VersionDigest::of(b"");
        assert_eq!(digest.to_string(), EMPTY);
        assert_eq!(format!("{digest:.12}"), EMPTY[..12]);
        assert_eq!(EMPTY.parse(), Ok(digest));
    }

    #[test]
    fn whatever_else_is_no_digest() {
        let (upper, long) = (EMPTY.to_uppercase(), format!("{EMPTY}00"));
        for text in [
            "",
            "room",
            &EMPTY[1..],
            &upper,
            &long,
            &EMPTY.replace('e', "g"),
        ] {
            assert_eq!(text.parse::<VersionDigest>(), Err(InvalidDigest), "{text}");
        }
        assert_eq!("é".repeat(32).parse::<VersionDigest>(), Err(InvalidDigest));
    }

    #[test]
    fn it_is_kept_as_the_text_that_it_always_was() {
        let digest = VersionDigest::of(b"");
        for (maybe, text) in [(Some(digest), EMPTY), (None, "")] {
            let kept = postcard::to_stdvec(&Kept { digest, maybe }).unwrap();
            assert_eq!(kept, postcard::to_stdvec(&(EMPTY, text)).unwrap());
            let read: Kept = postcard::from_bytes(&kept).unwrap();
            assert_eq!(read, Kept { digest, maybe });
        }
        let malformed = postcard::to_stdvec(&("room", "")).unwrap();
        assert!(postcard::from_bytes::<Kept>(&malformed).is_err());
        let missing = postcard::to_stdvec(&("", "")).unwrap();
        assert!(postcard::from_bytes::<Kept>(&missing).is_err());
    }
}
