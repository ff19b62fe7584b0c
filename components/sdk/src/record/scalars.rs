use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serializer};

use super::{DataType, Record, Types};
use crate::bindings::innkeeper::context::types::Scalar;

impl Record for bool {
    fn data_type(_: &mut Types) -> DataType {
        DataType::Scalar(Scalar::Bool)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self)
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl Record for char {
    fn data_type(_: &mut Types) -> DataType {
        DataType::Scalar(Scalar::Char)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_char(*self)
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl Record for String {
    const IS_TEXT: bool = true;

    fn data_type(_: &mut Types) -> DataType {
        DataType::Scalar(Scalar::String)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn as_text(&self) -> Option<&str> {
        Some(self)
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

/// For a table that only says that a key is there.
impl Record for () {
    const HAS_NULL: bool = true;

    fn data_type(_: &mut Types) -> DataType {
        DataType::Scalar(Scalar::Unit)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Bytes are Base64.
pub(super) fn write_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

pub(super) fn read_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    deserializer.deserialize_str(Bytes)
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("bytes in Base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        STANDARD
            .decode(text)
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}
