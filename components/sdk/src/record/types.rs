use std::any::TypeId;

use super::Record;
use crate::bindings::innkeeper::context::types::{Alternative, DataType, Field, Scalar};
use crate::event_data::EventData;

/// The types of a description: each once, and known by its place.
#[derive(Default)]
pub struct Types {
    known: Vec<(TypeId, u32)>,
    list: Vec<DataType>,
}

/// A type as it is in the data of events, which may differ from how it is stored.
struct InEvents<T>(core::marker::PhantomData<T>);

impl Types {
    /// The place of a type as tables keep it.
    pub fn of<T: Record>(&mut self) -> u32 {
        self.place(TypeId::of::<T>(), T::data_type)
    }

    /// The place of a type as events tell it.
    pub fn in_events<T: EventData>(&mut self) -> u32 {
        self.place(TypeId::of::<InEvents<T>>(), T::data_type)
    }

    /// The place of a type; it gets one when it has none. It has it before its parts do, so it can contain itself.
    fn place(&mut self, id: TypeId, data_type: impl FnOnce(&mut Self) -> DataType) -> u32 {
        if let Some((_, place)) = self.known.iter().find(|(known, _)| *known == id) {
            return *place;
        }
        let place = self.add(DataType::Scalar(Scalar::Unit));
        self.known.push((id, place));
        let data_type = data_type(self);
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

/// A field of a record in the data of events.
pub fn event_field<T: EventData>(types: &mut Types, name: &str, has_default: bool) -> Field {
    Field {
        name: name.into(),
        value: types.in_events::<T>(),
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
