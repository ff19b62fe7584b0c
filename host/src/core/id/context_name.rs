//! What a context is known by.

use std::str::FromStr;
use std::sync::Arc;

use super::kept::Kept;
use super::text::read_as_text;
use crate::core::name::{InvalidName, check_name};

/// The name of a context. Where events come from and calls are made, what is no context has a name of the same kind, which no context can have: a source outside, the host itself, the
/// gateway, and NATS.
///
/// A name that is kept was checked when it was made, and is checked again when it is read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextName(Arc<str>);

impl ContextName {
    /// One that the host itself gives to something, and that is a name.
    pub(crate) fn of_host(name: &'static str) -> Self {
        debug_assert_eq!(check_name(name), Ok(()));
        Self(name.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContextName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        check_name(text).map(|()| Self(text.into()))
    }
}

impl Kept for ContextName {
    fn of_kept(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: InvalidName| error.to_string())
    }
}

impl AsRef<str> for ContextName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&ContextName> for Arc<str> {
    fn from(name: &ContextName) -> Self {
        name.0.clone()
    }
}

#[cfg(test)]
impl From<&str> for ContextName {
    fn from(text: &str) -> Self {
        text.parse().unwrap()
    }
}

read_as_text!(ContextName);

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_found_by_its_text() {
        let names = ["room", "night-desk"].map(ContextName::from);
        let sorted: BTreeMap<_, _> = names.iter().cloned().zip(0..).collect();
        let hashed: HashMap<_, _> = names.iter().cloned().zip(0..).collect();
        assert_eq!(
            (sorted.get("room"), hashed.get("room")),
            (Some(&0), Some(&0))
        );
        assert_eq!((sorted.get("Room"), hashed.get("")), (None, None));
    }

    #[test]
    fn it_is_kept_as_the_text_that_it_always_was() {
        let kept = postcard::to_stdvec("room").unwrap();
        let read: ContextName = postcard::from_bytes(&kept).unwrap();
        assert_eq!(postcard::to_stdvec(&read).unwrap(), kept);
        let none = postcard::to_stdvec("Room").unwrap();
        assert!(postcard::from_bytes::<ContextName>(&none).is_err());
    }

    proptest! {
        #[test]
        fn what_parses_is_shown_as_itself(text in "[a-zA-Z-]{0,4}|[a-z][a-z0-9-]{0,62}") {
            if let Ok(name) = text.parse::<ContextName>() {
                prop_assert_eq!(name.to_string(), &*text);
                prop_assert_eq!(name.as_str(), &*text);
                let json = serde_json::to_string(&name).unwrap();
                prop_assert_eq!(&json, &serde_json::to_string(&text).unwrap());
                prop_assert_eq!(serde_json::from_str::<ContextName>(&json).unwrap(), name);
            } else {
                let json = serde_json::to_string(&text).unwrap();
                let refused = serde_json::from_str::<ContextName>(&json).unwrap_err();
                prop_assert!(refused.to_string().contains("names match"), "{}", refused);
            }
        }
    }
}
