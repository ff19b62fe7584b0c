//! What the reader of the manifest would read at a place: it is asked, with something that notes what it asks for.

use std::cell::RefCell;

use serde::de::{
    DeserializeSeed, Expected, IntoDeserializer, MapAccess, SeqAccess, Visitor,
    value::StrDeserializer,
};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

use crate::manifest::Manifest;
use crate::manifest::fault::Fault;
use crate::manifest::routes::OR_TABLE;

/// What is read at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A table with these keys.
    Table(&'static [&'static str]),
    /// A table whose keys the author chooses.
    Map,
    /// A list.
    List(Box<Shape>),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// Something that the reader describes so.
    Value(String),
}

/// What the reader would read at this path; none where it reads nothing.
pub(super) fn at(path: &[&str]) -> Option<Shape> {
    let noted = RefCell::new(None);
    let asked = Manifest::deserialize(Probe {
        path,
        noted: &noted,
    });
    // What is noted ends the reading.
    drop(asked);
    noted.into_inner()
}

/// Stands where a value would, and notes what is asked for at the end of its path.
struct Probe<'a> {
    path: &'a [&'a str],
    noted: &'a RefCell<Option<Shape>>,
}

impl Probe<'_> {
    fn note<T>(&self, shape: Shape) -> Result<T, Fault> {
        *self.noted.borrow_mut() = Some(shape);
        Err(Fault::new("noted"))
    }

    fn note_what<T>(&self, expected: &dyn Expected) -> Result<T, Fault> {
        self.note(Shape::Value(expected.to_string()))
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.path {
            // What can be a list as well is told as the table that it is in full.
            [] if (&visitor as &dyn Expected).to_string().ends_with(OR_TABLE) => {
                self.note(Shape::Map)
            }
            [] => self.note_what(&visitor),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.path {
            [] => self.note(Shape::Table(fields)),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.path.split_first() {
            None => self.note(Shape::Map),
            Some((key, path)) => visitor.visit_map(OneEntry {
                key: Some(key),
                value: Probe {
                    path,
                    noted: self.noted,
                },
            }),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let noted = self.noted;
        let read = visitor.visit_seq(OneItem(Some(self)));
        let item = noted.take();
        *noted.borrow_mut() = item.map(|item| Shape::List(Box::new(item)));
        read
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fault> {
        self.note(Shape::OneOf(variants))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// A table with one entry.
struct OneEntry<'a> {
    key: Option<&'a str>,
    value: Probe<'a>,
}

impl<'de> MapAccess<'de> for OneEntry<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some(key) = self.key.take() else {
            return Ok(None);
        };
        // What stands for any name is read as one.
        let name = key.strip_prefix('<').and_then(|key| key.strip_suffix('>'));
        let key: StrDeserializer<'_, Fault> = name.unwrap_or(key).into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let Probe { path, noted } = self.value;
        seed.deserialize(Probe { path, noted })
    }
}

/// A list with one item.
struct OneItem<'a>(Option<Probe<'a>>);

impl<'de> SeqAccess<'de> for OneItem<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        match self.0.take() {
            Some(probe) => seed.deserialize(probe).map(Some),
            None => Ok(None),
        }
    }
}
