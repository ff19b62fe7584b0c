//! What types are made of, of all that a guest describes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Field, Type};
use crate::guest::{self, DataType};

/// Types with all that they are made of.
pub(super) struct Gathered {
    pub(super) types: Vec<Type>,
    /// The place of each, by that in what the guest describes.
    pub(super) places: BTreeMap<u32, usize>,
}

impl Gathered {
    /// Some types of those that a guest describes, in their order, and behind them their parts.
    ///
    /// # Errors
    ///
    /// What is wrong with the description.
    pub(super) fn of(
        from: &[DataType],
        first: impl IntoIterator<Item = u32>,
    ) -> Result<Self, String> {
        Gathering::all(from, first)
    }
}

/// Gathers what a type is made of, each part once, and not by recursion: how deep types nest is up to the guest.
struct Gathering<'a> {
    from: &'a [DataType],
    places: BTreeMap<u32, usize>,
    /// Those that have a place, by their number there: what has been gathered, and then what waits for it.
    order: Vec<u32>,
}

impl<'a> Gathering<'a> {
    fn all(from: &'a [DataType], first: impl IntoIterator<Item = u32>) -> Result<Gathered, String> {
        let mut gathering = Self {
            from,
            places: BTreeMap::new(),
            order: Vec::new(),
        };
        for index in first {
            gathering.place(index);
        }
        let mut types = Vec::new();
        while let Some(index) = gathering.order.get(types.len()) {
            let data_type = gathering.find(*index)?;
            types.push(gathering.gather(data_type)?);
        }
        let places = gathering.places;
        Ok(Gathered { types, places })
    }

    fn find(&self, index: u32) -> Result<&'a DataType, String> {
        let found = usize::try_from(index)
            .ok()
            .and_then(|index| self.from.get(index));
        found.ok_or_else(|| format!("there is no type {index}"))
    }

    fn place(&mut self, index: u32) -> usize {
        *self.places.entry(index).or_insert_with(|| {
            self.order.push(index);
            self.order.len() - 1
        })
    }

    fn gather(&mut self, data_type: &DataType) -> Result<Type, String> {
        Ok(match data_type {
            DataType::Scalar(scalar) => Type::Scalar((*scalar).into()),
            DataType::Optional(inner) => Type::Optional(self.place(*inner)),
            DataType::List(inner) => Type::List(self.place(*inner)),
            DataType::Map((key, value)) => Type::Map(self.place(*key), self.place(*value)),
            DataType::Tuple(parts) => {
                Type::Tuple(parts.iter().map(|part| self.place(*part)).collect())
            }
            DataType::Record(fields) => {
                all_differ(fields.iter().map(|field| &field.name))?;
                let field = |field: &guest::Field| Field {
                    name: field.name.clone(),
                    value: self.place(field.value),
                    has_default: field.has_default,
                };
                Type::Record(fields.iter().map(field).collect())
            }
            DataType::Variant(cases) => {
                all_differ(cases.iter().map(|case| &case.name))?;
                let case = |case: &guest::Alternative| Case {
                    name: case.name.clone(),
                    value: case.value.map(|value| self.place(value)),
                };
                Type::Variant(cases.iter().map(case).collect())
            }
        })
    }
}

fn all_differ<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("two of its fields are named {name:?}"));
        }
    }
    Ok(())
}
