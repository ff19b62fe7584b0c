//! Reads texts by their names as the fields of a type.

use std::cell::Cell;
use std::rc::Rc;

use serde::de::value::Error;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor,
};
use serde::{Deserializer, forward_to_deserialize_any};

/// The type of these names and values, which may be secrets.
///
/// # Errors
/// Which name, or the value of which, cannot be used, and what it is not; never the value.
pub(crate) fn read_secret<T: DeserializeOwned>(values: Vec<(String, String)>) -> Result<T, String> {
    let values = Values {
        values,
        others: &[],
        are_secret: true,
    };
    T::deserialize(values).map_err(|error| error.to_string())
}

/// The type of these names and values, without the values of some names, where the type has no field that is called so: they are for somebody else.
///
/// # Errors
/// Which name or value cannot be used, and why.
pub(crate) fn read_but<T: DeserializeOwned>(
    values: Vec<(String, String)>,
    others: &'static [&'static str],
) -> Result<T, String> {
    let values = Values {
        values,
        others,
        are_secret: false,
    };
    T::deserialize(values).map_err(|error| error.to_string())
}

/// All of the values.
struct Values {
    values: Vec<(String, String)>,
    /// The names that are passed over where they are no fields.
    others: &'static [&'static str],
    /// Whether no value is told.
    are_secret: bool,
}

impl<'de> Deserializer<'de> for Values {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Members {
            left: self.values.into_iter(),
            value: None,
            are_secret: self.are_secret,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.values.retain(|(key, _)| {
            fields.contains(&key.as_str()) || !self.others.contains(&key.as_str())
        });
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple tuple_struct map enum
        identifier ignored_any
    }
}

/// The names and values, one after the other.
struct Members {
    left: std::vec::IntoIter<(String, String)>,
    value: Option<Value>,
    are_secret: bool,
}

impl<'de> MapAccess<'de> for Members {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, text)) = self.left.next() else {
            return Ok(None);
        };
        self.value = Some(Value {
            key: key.clone(),
            text,
            is_secret: self.are_secret,
            is_told: Rc::default(),
        });
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let value = self.value.take();
        let value = value.ok_or_else(|| Error::custom("a value was asked for before its name"))?;
        // What a type itself says of what it was read as, with `try_from`, comes last: only then it is known.
        seed.deserialize(value.clone())
            .map_err(|error| match value.is_told.get() {
                true => error,
                false => value.refused(&error),
            })
    }
}

/// A text that is read as whatever is asked for.
#[derive(Clone)]
struct Value {
    key: String,
    text: String,
    is_secret: bool,
    /// Whether an error has named it.
    is_told: Rc<Cell<bool>>,
}

impl Value {
    /// The text of one value. Blanks around what an operator has written are no mistake; a client's are.
    fn bare(&self) -> &str {
        match self.is_secret {
            true => self.text.trim(),
            false => &self.text,
        }
    }

    fn parsed<T: core::str::FromStr>(&self, wanted: &str) -> Result<T, Error> {
        self.bare().parse().map_err(|_| self.is_not(wanted))
    }

    /// A number as it is written in JSON, in a query as in a body: none that is infinite, or no number at all.
    fn number<T: core::str::FromStr>(&self) -> Result<T, Error> {
        let wanted = "a number that fits here";
        match serde_json::from_str::<f64>(self.bare()) {
            Ok(_) => self.parsed(wanted),
            Err(_) => Err(self.is_not(wanted)),
        }
    }

    fn is_not(&self, wanted: &str) -> Error {
        let Self { key, text, .. } = self;
        self.is_told.set(true);
        Error::custom(match self.is_secret {
            true => format!("{key} is not {wanted}"),
            false => format!("{key} is {text:?}, which is not {wanted}"),
        })
    }

    /// What the type itself says of the value, which may have the value in it.
    fn refused(&self, error: &Error) -> Error {
        let Self { key, text, .. } = self;
        self.is_told.set(true);
        Error::custom(match self.is_secret {
            true => format!("{key} is nothing that its type can be"),
            false => format!("{key} is {text:?}: {error}"),
        })
    }
}

impl<'de> IntoDeserializer<'de, Error> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.number()?;
            visitor.$visit(number).map_err(|error: Error| self.refused(&error))
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor
            .visit_str(&self.text)
            .map_err(|error: Error| self.refused(&error))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.parsed("`true` or `false`")?)
    }

    numbers! {
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
        deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let case: serde::de::value::StrDeserializer<'_, Error> =
            self.text.as_str().into_deserializer();
        visitor
            .visit_enum(case)
            .map_err(|error| self.refused(&error))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A list is what stands between commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self {
            key,
            text,
            is_secret,
            is_told,
        } = self;
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let parts: Vec<_> = parts
            .map(|part| Self {
                key: key.clone(),
                text: part.into(),
                is_secret,
                is_told: is_told.clone(),
            })
            .collect();
        visitor.visit_seq(serde::de::value::SeqDeserializer::new(parts.into_iter()))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any i128 u128
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        limit: u8,
        rate: f64,
        queue: bool,
        name: Option<String>,
        rooms: Vec<u64>,
        mode: Mode,
        code: Code,
    }

    /// Says what it was given when it refuses that.
    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(try_from = "String")]
    struct Code(String);

    impl TryFrom<String> for Code {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            match text.len() {
                4 => Ok(Self(text)),
                _ => Err(format!("a code has four letters, and {text} has not")),
            }
        }
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        #[default]
        Call,
        Events,
    }

    fn named(values: &[(&str, &str)]) -> Vec<(String, String)> {
        let values = values.iter();
        values
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    }

    fn settings(values: &[(&str, &str)]) -> Result<Settings, String> {
        read_but(named(values), &[])
    }

    #[test]
    fn keys_are_read_as_what_the_type_says_and_have_their_defaults() {
        assert_eq!(settings(&[]), Ok(Settings::default()));
        let values = [
            ("limit", "7"),
            ("rate", "0.5"),
            ("queue", "true"),
            ("name", "12"),
            ("rooms", "13, 17,"),
            ("mode", "events"),
            ("code", "open"),
        ];
        let expected = Settings {
            limit: 7,
            rate: 0.5,
            queue: true,
            name: Some("12".into()),
            rooms: vec![13, 17],
            mode: Mode::Events,
            code: Code("open".into()),
        };
        assert_eq!(settings(&values), Ok(expected));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (key, value, said) in [
            ("limt", "7", "unknown field `limt`, expected one of `limit`"),
            ("limit", "many", "limit is \"many\", which is not a number"),
            (
                "limit",
                "256",
                "limit is \"256\", which is not a number that fits here",
            ),
            ("limit", "-1", "limit is \"-1\""),
            (
                "queue",
                "yes",
                "queue is \"yes\", which is not `true` or `false`",
            ),
            ("rooms", "1, x", "rooms is \"x\", which is not a number"),
            ("mode", "both", "mode is \"both\": unknown variant `both`"),
            (
                "code",
                "x",
                "code is \"x\": a code has four letters, and x has not",
            ),
        ] {
            let reason = settings(&[(key, value)]).unwrap_err();
            assert!(reason.contains(said), "{reason}");
        }
    }

    #[test]
    fn a_number_is_written_as_in_json() {
        for (key, value) in [
            ("rate", "NaN"),
            ("rate", "inf"),
            ("rate", "1e400"),
            ("rate", ".5"),
            ("rate", "5."),
            ("limit", "01"),
            ("limit", "+1"),
            ("limit", " 1"),
            ("limit", "1.0"),
            ("rooms", "1, 0x2"),
        ] {
            let reason = settings(&[(key, value)]).unwrap_err();
            assert!(reason.contains("not a number"), "{reason}");
        }
        let settings = settings(&[("rate", "-1.5E+2"), ("limit", "0")]).unwrap();
        assert_eq!((settings.rate, settings.limit), (-150.0, 0));
        // What an operator has written may have blanks around it.
        let configured = read_secret::<Settings>(named(&[("limit", " 7 ")]));
        assert_eq!(configured.unwrap().limit, 7);
    }

    #[test]
    fn a_secret_is_named_and_not_told() {
        let secret = |key| read_secret::<Settings>(named(&[(key, "hunter2")]));
        for key in ["limit", "rate", "queue", "rooms", "mode", "code"] {
            let reason = secret(key).unwrap_err();
            assert!(reason.starts_with(&format!("{key} is not")), "{reason}");
            assert!(!reason.contains("hunter2"), "{reason}");
        }
        assert_eq!(secret("name").unwrap().name, Some("hunter2".into()));
        let unknown = secret("other").unwrap_err();
        assert!(unknown.contains("unknown field `other`"), "{unknown}");
    }
}
