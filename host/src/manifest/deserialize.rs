//! Reads settings from a document, for serde.
//!
//! The `toml` crate could do it for the file alone. A variable's text has no type of its own, though, so what is to be read
//! decides what it means; and an error of either must name its place.

use std::{
    collections::{BTreeMap, btree_map},
    vec,
};

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
        Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    document::{Entry, Node, Value},
    fault::{Fault, OneOf},
};

impl<'de> Deserializer<'de> for Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let result = match self.value {
            Value::Table(entries) => visitor.visit_map(Table::new(entries)),
            Value::List(items) => visitor.visit_seq(List(items.into_iter())),
            Value::Text(text) | Value::Variable(text) => visitor.visit_string(text),
            Value::Integer(integer) => visitor.visit_i64(integer),
            Value::Boolean(value) => visitor.visit_bool(value),
            Value::Float(float) => visitor.visit_f64(float),
            Value::Datetime(text) => Err(Fault::invalid_type(Unexpected::Other(&text), &visitor)),
        };
        result.map_err(|fault| fault.at(&self.place))
    }

    fn deserialize_i64<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        if let Value::Variable(text) = &self.value
            && let Ok(integer) = text.trim().parse()
        {
            self.value = Value::Integer(integer);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        if let Value::Variable(text) = &self.value
            && let Ok(value) = text.trim().parse()
        {
            self.value = Value::Boolean(value);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        if let Value::Variable(text) = &self.value {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            let items = items.map(|item| Node {
                place: self.place.clone(),
                value: Value::Variable(item.to_owned()),
            });
            self.value = Value::List(items.collect());
        }
        match self.value {
            Value::List(_) => self.deserialize_any(visitor),
            _ => Err(self.is_not(&"a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Table(entries) => visitor
                .visit_map(Table::of_names(entries))
                .map_err(|fault| fault.at(&self.place)),
            _ => Err(self.is_not(&"a table")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.value {
            Value::Table(_) => self.deserialize_any(visitor),
            _ => Err(self.is_not(&"a table")),
        }
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

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let result = match &self.value {
            Value::Text(text) | Value::Variable(text) => {
                let text: StrDeserializer<'_, Fault> = text.as_str().into_deserializer();
                visitor.visit_enum(text)
            }
            _ => Err(self.is_not(&OneOf(variants))),
        };
        result.map_err(|fault| fault.at(&self.place))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl Node {
    /// It should have been something else.
    fn is_not(&self, expected: &dyn Expected) -> Fault {
        let found = match &self.value {
            Value::Table(_) => Unexpected::Map,
            Value::List(_) => Unexpected::Seq,
            Value::Text(text) | Value::Variable(text) => Unexpected::Str(text),
            Value::Integer(integer) => Unexpected::Signed(*integer),
            Value::Boolean(value) => Unexpected::Bool(*value),
            Value::Float(float) => Unexpected::Float(*float),
            Value::Datetime(text) => Unexpected::Other(text),
        };
        Fault::invalid_type(found, expected).at(&self.place)
    }
}

/// A table's entries, one after another.
struct Table {
    /// Whether its keys are names that somebody gave, and not settings: what is wrong with a name is said as of what has it.
    is_of_names: bool,
    entries: btree_map::IntoIter<String, Entry>,
    value: Option<(String, Node)>,
}

impl Table {
    fn new(entries: BTreeMap<String, Entry>) -> Self {
        Self {
            is_of_names: false,
            entries: entries.into_iter(),
            value: None,
        }
    }

    fn of_names(entries: BTreeMap<String, Entry>) -> Self {
        Self {
            is_of_names: true,
            ..Self::new(entries)
        }
    }
}

impl<'de> MapAccess<'de> for Table {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((name, Entry { place, node })) = self.entries.next() else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Fault> = name.as_str().into_deserializer();
        let key = seed.deserialize(key).map_err(|fault| {
            let fault = fault.at(&place);
            match self.is_of_names {
                true => fault.within(&name),
                false => fault,
            }
        })?;
        self.value = Some((name, node));
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (name, node) = self
            .value
            .take()
            .ok_or_else(|| Fault::new("a value was requested before its key"))?;
        let place = node.place.clone();
        seed.deserialize(node)
            .map_err(|fault| fault.at(&place).within(&name))
    }
}

/// A list's items, one after another.
struct List(vec::IntoIter<Node>);

impl<'de> SeqAccess<'de> for List {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.0.next() else {
            return Ok(None);
        };
        let place = node.place.clone();
        seed.deserialize(node)
            .map(Some)
            .map_err(|fault| fault.at(&place))
    }
}
