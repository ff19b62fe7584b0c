//! A manifest as it was written: values with the place that each came from.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::fault::Fault;

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the file, at this byte.
    File(usize),
    /// In this variable of the environment.
    Variable(Arc<str>),
}

/// A value, and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Table(BTreeMap<String, Entry>),
    List(Vec<Node>),
    Text(String),
    /// The text of a variable: what is to be there decides what it means.
    Variable(String),
    Integer(i64),
    Boolean(bool),
    Float(f64),
    /// A date or time, which no setting is.
    Datetime(String),
}

/// A key's value, and where the key was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// A document in which nothing is written.
    pub(super) fn nowhere() -> Self {
        Self {
            place: Place::File(0),
            value: Value::Table(BTreeMap::new()),
        }
    }

    /// Reads a file's text.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let table = DeTable::parse(text).map_err(|error| {
            Fault::new(error.message()).at(&Place::File(error.span().unwrap_or_default().start))
        })?;
        Self::table(table.span(), table.into_inner())
    }

    fn table(span: Range<usize>, table: DeTable) -> Result<Self, Fault> {
        let mut entries = BTreeMap::new();
        for (key, value) in table {
            let place = Place::File(key.span().start);
            let name = key.into_inner().into_owned();
            let node = Self::read(value).map_err(|fault| fault.within(&name))?;
            entries.insert(name, Entry { place, node });
        }
        Ok(Self {
            place: Place::File(span.start),
            value: Value::Table(entries),
        })
    }

    fn read(value: Spanned<DeValue>) -> Result<Self, Fault> {
        let span = value.span();
        let place = Place::File(span.start);
        let value = match value.into_inner() {
            DeValue::Table(table) => return Self::table(span, table),
            DeValue::Array(items) => Value::List(
                items
                    .into_iter()
                    .map(Self::read)
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(integer) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(integer) => Value::Integer(integer),
                    Err(_) => {
                        return Err(Fault::new(format!("{integer} is too large")).at(&place));
                    }
                }
            }
            DeValue::Boolean(value) => Value::Boolean(value),
            DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Datetime(datetime) => Value::Datetime(datetime.to_string()),
        };
        Ok(Self { place, value })
    }

    /// Sets the value under `path`, in place of what is there. Tables on the way are made.
    pub(super) fn set(&mut self, path: &[String], value: Value, place: &Place) {
        let Some((key, rest)) = path.split_first() else {
            *self = Self {
                place: place.clone(),
                value,
            };
            return;
        };
        if !matches!(self.value, Value::Table(_)) {
            self.value = Value::Table(BTreeMap::new());
            self.place = place.clone();
        }
        if let Value::Table(entries) = &mut self.value {
            let entry = entries.entry(key.clone()).or_insert_with(|| Entry {
                place: place.clone(),
                node: Self {
                    place: place.clone(),
                    value: Value::Table(BTreeMap::new()),
                },
            });
            if rest.is_empty() {
                entry.place = place.clone();
            }
            entry.node.set(rest, value, place);
        }
    }

    /// Whether the key at `path` was written.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        let Some((key, rest)) = path.split_first() else {
            return true;
        };
        match &self.value {
            Value::Table(entries) => entries.get(*key).is_some_and(|entry| entry.node.has(rest)),
            _ => false,
        }
    }

    /// Where the key at `path` was written, or else the nearest one around it.
    pub(super) fn place_of(&self, path: &[&str]) -> &Place {
        let mut node = self;
        let mut place = &self.place;
        for key in path {
            let Value::Table(entries) = &node.value else {
                break;
            };
            let Some(entry) = entries.get(*key) else {
                break;
            };
            place = &entry.place;
            node = &entry.node;
        }
        place
    }
}
