//! `[context.<name>.config]`: what a guest reads by `wasi:config`.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// What a guest reads by `wasi:config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextConfig {
    /// The values that the manifest has, by key.
    pub values: BTreeMap<String, String>,
    /// The files that hold the others: secrets, which are never shown.
    pub secrets: BTreeMap<String, PathBuf>,
}

/// What is written behind a key.
enum Written {
    Value(String),
    Secret(PathBuf),
}

/// `{ file = "…" }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    file: PathBuf,
}

impl<'de> Deserialize<'de> for ContextConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut config = Self::default();
        for (key, written) in BTreeMap::<String, Written>::deserialize(deserializer)? {
            match written {
                Written::Value(text) => drop(config.values.insert(key, text)),
                Written::Secret(file) => drop(config.secrets.insert(key, file)),
            }
        }
        Ok(config)
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyWritten)
    }
}

struct AnyWritten;

impl<'de> Visitor<'de> for AnyWritten {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, a boolean, or `{ file = \"…\" }` for a secret")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Written, E> {
        Ok(Written::Value(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Written, E> {
        Ok(Written::Value(number.to_string()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Written, E> {
        Ok(Written::Value(value.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written, A::Error> {
        let Secret { file } = Secret::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Written::Secret(file))
    }
}
