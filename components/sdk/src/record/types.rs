use std::any::TypeId;

use super::Record;
use crate::bindings::innkeeper::context::types::{Alternative, DataType, Field, Scalar};

/// The types of a description's tables: each once, and known by its place.
#[derive(Default)]
pub struct Types {
    known: Vec<(TypeId, u32)>,
    list: Vec<DataType>,
}

impl Types {
    /// The place of a type; it gets one when it has none. It has it before its parts do, so it can contain itself.
    pub fn of<T: Record>(&mut self) -> u32 {
        let id = TypeId::of::<T>();
        if let Some((_, place)) = self.known.iter().find(|(known, _)| *known == id) {
            return *place;
        }
        let place = self.add(DataType::Scalar(Scalar::Unit));
        self.known.push((id, place));
        let data_type = T::data_type(self);
        if let Some(found) = self.list.get_mut(place as usize) {
            *found = data_type;
        }
        place
    }

    /// A place for a type that has no name in Rust.
    pub fn add(&mut self, data_type: DataType) -> u32 {
        self.list.push(data_type);
        // A description of four thousand million types could not be told anyway.
        u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
    }

    /// All of them.
    pub fn into_list(self) -> Vec<DataType> {
        self.list
    }
}

/// A field of a record.
pub fn field<T: Record>(types: &mut Types, name: &str, has_default: bool) -> Field {
    Field {
        name: name.into(),
        value: types.of::<T>(),
        has_default,
    }
}

/// A case of a variant.
pub fn case(name: &str, value: Option<u32>) -> Alternative {
    Alternative {
        name: name.into(),
        value,
    }
}
