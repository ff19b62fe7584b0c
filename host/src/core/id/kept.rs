//! Ids as records keep them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserializer};

/// An id that records keep as a text.
pub(crate) trait Kept: Sized {
    /// The id of a text that was kept.
    fn of_kept(text: &str) -> Result<Self, String>;
}

/// Reads the id that is there.
pub(super) fn deserialize<'de, T: Kept, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text(|text: &str| T::of_kept(text), PhantomData))
}

struct Text<T, F>(F, PhantomData<T>);

impl<T, F: FnOnce(&str) -> Result<T, String>> de::Visitor<'_> for Text<T, F> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the text of an id or of a name")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// Keeps an id that may be missing as a text that may be empty: `#[serde(with = "or_empty")]`.
pub(crate) mod or_empty {
    use std::marker::PhantomData;

    use serde::{Deserializer, Serialize, Serializer};

    use super::{Kept, Text};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        id: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => id.serialize(serializer),
            None => serializer.serialize_str(""),
        }
    }

    pub(crate) fn deserialize<'de, T: Kept, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let read = |text: &str| match text.is_empty() {
            true => Ok(None),
            false => T::of_kept(text).map(Some),
        };
        deserializer.deserialize_str(Text(read, PhantomData))
    }
}
