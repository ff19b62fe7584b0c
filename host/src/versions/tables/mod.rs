//! The tables of a version's state, as the host keeps them and compares versions by them.

mod annotated_types;
mod compatibility;
mod gathered;
mod json_schema;
mod text;
mod written_tables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text_budget::{LONGEST, TextBudget};
use crate::guest::{self, DataType};

pub use self::annotated_types::AnnotatedTypes;
pub(crate) use self::compatibility::TableCompatibility;
pub(crate) use self::written_tables::WrittenTables;

use self::gathered::Gathered;

/// How many tables a version may describe, and how many types.
const MOST: usize = 1_000;
/// How long a name may be, in bytes.
const LONGEST_NAME: usize = 128;

/// The tables of a version, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables(BTreeMap<String, Table>);

/// What the rows of a table are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    key: Vec<KeyPart>,
    /// That of the values.
    types: Shape,
}

/// A type, with all that it is made of: it is the first, the others are its parts. A type may contain itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape(Vec<Type>);

/// A part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum KeyPart {
    Number,
    Text,
}

/// A type; others are named by their place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Type {
    Scalar(Scalar),
    Optional(usize),
    List(usize),
    Map(usize, usize),
    Tuple(Vec<usize>),
    Record(Vec<Field>),
    Variant(Vec<Case>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Field {
    name: String,
    value: usize,
    has_default: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Case {
    name: String,
    value: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Scalar {
    Unit,
    Bool,
    Unsigned(u8),
    Signed(u8),
    Float(u8),
    Char,
    String,
    Bytes,
}

impl Tables {
    /// Those that a guest describes.
    ///
    /// # Errors
    ///
    /// What is wrong with the description.
    pub(crate) fn described(description: &guest::Description) -> Result<Self, String> {
        let (types, tables) = (&description.types, &description.tables);
        if types.len() > MOST || tables.len() > MOST {
            return Err(format!(
                "{} types and {} tables; there may be {MOST} of each",
                types.len(),
                tables.len()
            ));
        }
        let mut all = BTreeMap::new();
        let mut text = TextBudget::new();
        for table in tables {
            let name = &table.name;
            if name.is_empty() || name.len() > LONGEST_NAME || name.contains('/') {
                return Err(format!(
                    "a table is named {name:?}; a name has 1 to {LONGEST_NAME} bytes and no `/`"
                ));
            }
            if table.key.is_empty() {
                return Err(format!("the key of table {name} is empty"));
            }
            let types = Shape::described(types, table.value)
                .map_err(|problem| format!("table {name}: {problem}"))?;
            // Each table has its types for itself, also those that others have, too.
            if !text.takes(&types) {
                return Err(format!(
                    "the types of its tables have more than {LONGEST} bytes, counted as often as they are used; make them smaller"
                ));
            }
            let key = table.key.iter().map(|part| match part {
                guest::KeyPart::Number => KeyPart::Number,
                guest::KeyPart::Text => KeyPart::Text,
            });
            let table = Table {
                key: key.collect(),
                types,
            };
            if all.insert(name.clone(), table).is_some() {
                return Err(format!("two tables are named {name}"));
            }
        }
        Ok(Self(all))
    }

    /// Whether a key of the state belongs to one of them.
    pub fn hold(&self, key: &str) -> bool {
        self.holding(key).is_some()
    }

    /// The one that a key of the state belongs to.
    pub fn holding(&self, key: &str) -> Option<&Table> {
        let table = key.split_once('/').map_or(key, |(table, _)| table);
        self.0.get(table)
    }

    /// Each with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.0.iter().map(|(name, table)| (name.as_str(), table))
    }
}

impl Table {
    /// Whether the values are numbers that can be added to.
    pub(crate) fn has_counters(&self) -> bool {
        self.types.0 == [Type::Scalar(Scalar::Signed(64))]
    }
}

impl Shape {
    /// A type of those that a guest describes.
    ///
    /// # Errors
    ///
    /// What is wrong with the description.
    pub(crate) fn described(types: &[DataType], first: u32) -> Result<Self, String> {
        Gathered::of(types, [first]).map(|gathered| Self(gathered.types))
    }
}

impl From<guest::Scalar> for Scalar {
    fn from(scalar: guest::Scalar) -> Self {
        match scalar {
            guest::Scalar::Unit => Self::Unit,
            guest::Scalar::Bool => Self::Bool,
            guest::Scalar::U8 => Self::Unsigned(8),
            guest::Scalar::U16 => Self::Unsigned(16),
            guest::Scalar::U32 => Self::Unsigned(32),
            guest::Scalar::U64 => Self::Unsigned(64),
            guest::Scalar::U128 => Self::Unsigned(128),
            guest::Scalar::S8 => Self::Signed(8),
            guest::Scalar::S16 => Self::Signed(16),
            guest::Scalar::S32 => Self::Signed(32),
            guest::Scalar::S64 => Self::Signed(64),
            guest::Scalar::S128 => Self::Signed(128),
            guest::Scalar::F32 => Self::Float(32),
            guest::Scalar::F64 => Self::Float(64),
            guest::Scalar::Char => Self::Char,
            guest::Scalar::String => Self::String,
            guest::Scalar::Bytes => Self::Bytes,
        }
    }
}

#[cfg(test)]
mod tests;
