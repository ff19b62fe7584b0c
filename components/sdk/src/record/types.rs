use std::any::TypeId;

use super::Record;
use crate::bindings::innkeeper::context::types::{Alternative, DataType, Field, Scalar};
use crate::documented::exports::innkeeper::context::document::{Annotated, Annotation};
use crate::{EventData, JsonSchema};

/// The types of a description: each once, and known by its place.
#[derive(Default)]
pub struct Types {
    known: Vec<(TypeId, u32)>,
    list: Vec<DataType>,
    annotations: Vec<Annotated>,
}

/// A type as it is in requests, answers and events, which may differ from how it is stored.
struct InJson<T>(core::marker::PhantomData<T>);

impl Types {
    /// The place of a type as tables keep it.
    pub fn of<T: Record>(&mut self) -> u32 {
        self.place(TypeId::of::<T>(), T::data_type)
    }

    /// The place of a type as events tell it.
    pub fn in_events<T: EventData>(&mut self) -> u32 {
        self.in_json::<T>()
    }

    /// The place of a type as requests and answers have it.
    pub fn in_json<T: JsonSchema>(&mut self) -> u32 {
        let before = self.known.len();
        let place = self.place(TypeId::of::<InJson<T>>(), T::data_type);
        if self.known.len() > before {
            for annotation in T::annotations() {
                self.annotate(place, annotation);
            }
        }
        place
    }

    /// Says something of a type.
    pub fn annotate(&mut self, place: u32, annotation: Annotation) {
        self.annotations.push(Annotated {
            value: place,
            annotation,
        });
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

    /// One of them.
    pub fn get(&self, place: u32) -> Option<&DataType> {
        self.list.get(place as usize)
    }

    /// All of them.
    pub fn into_list(self) -> Vec<DataType> {
        self.list
    }

    /// All of them, with what is said of them.
    pub fn into_parts(self) -> (Vec<DataType>, Vec<Annotated>) {
        (self.list, self.annotations)
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

/// A field of a record, whose type has its place.
pub fn field_at(value: u32, name: &str, has_default: bool) -> Field {
    Field {
        name: name.into(),
        value,
        has_default,
    }
}

/// Says a keyword of a type, in the place of what was said by it before.
pub fn say_keyword(all: &mut Vec<Annotation>, name: &str, json: &str) {
    all.retain(|said| !matches!(said, Annotation::Keyword((known, _)) if known == name));
    all.push(Annotation::Keyword((name.into(), json.into())));
}

/// Compiles for what events may be made of.
pub const fn is_event_data<T: EventData>() {}

/// A case of a variant.
pub fn case(name: &str, value: Option<u32>) -> Alternative {
    Alternative {
        name: name.into(),
        value,
    }
}
