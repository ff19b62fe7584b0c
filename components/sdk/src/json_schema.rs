//! What JSON is made of that routes take and answer, so that the app's documents say it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::bindings::innkeeper::context::types::{DataType, Scalar};
use crate::documented::exports::innkeeper::context::document::{Annotation, Range};
use crate::record::{Types, field_at};
use crate::{EventData, Page, Text};

/// A type whose JSON is known: what a route takes and answers, or a part of that. Derive it beside `Serialize` or `Deserialize`, also for the types of the fields; then the app's OpenAPI
/// document says what the bodies are and what the query may be:
///
/// ```
/// use innkeeper_sdk::prelude::*;
///
/// /// What a client may set.
/// #[derive(Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct NewNote { text: Text<500>, important: Option<bool> }
///
/// /// A note.
/// #[derive(Serialize, JsonSchema)]
/// struct Note { id: u64, text: String }
///
/// fn leave(Json(new): Json<NewNote>) -> Answer<Created<Note>> {
///     let note = Note { id: 1, text: new.text.into() };
///     Ok(Created::at(format!("/notes/{}", note.id), note))
/// }
/// ```
///
/// It describes, and checks nothing: what a body must be is what `Deserialize` reads. A type that does not derive it is taken and answered all the same, and told by its media type alone.
/// What stands above the type in its comment, up to the first empty line, is told with it.
///
/// The shape is that of the JSON which serde makes: `rename`, `rename_all`, `default`, `transparent`, `skip`, `skip_serializing_if`, `deny_unknown_fields`, `from`, `try_from` and `into` are
/// followed, and what cannot be told does not compile: `flatten`, `tag`, `untagged`, `with`, and a type with fields that is read as another type, but not written as it (`from` or `try_from` without
/// the same in `into`), or the other way round.
///
/// What else JSON Schema knows is said by its keywords, which are told and check nothing: `#[json_schema(format = "email", examples = ["a@b.example"])]` above a type, for example
/// `struct Email(String)`.
///
/// A type derives one of the two, this or [`EventData`](trait@crate::EventData), which is a `JsonSchema` and more.
#[diagnostic::on_unimplemented(
    message = "the shape of `{Self}` as JSON is not known",
    label = "no `JsonSchema`",
    note = "`#[derive(JsonSchema)]` makes it so; a type of another crate is told as what it is made of, its text, its number"
)]
pub trait JsonSchema: 'static {
    /// Its type, for the description.
    #[doc(hidden)]
    fn data_type(types: &mut Types) -> DataType;

    /// What is said of it besides.
    #[doc(hidden)]
    fn annotations() -> Vec<Annotation> {
        Vec::new()
    }
}

/// Text that is not blank, of so many characters.
impl<const MAX: usize> JsonSchema for Text<MAX> {
    fn data_type(_: &mut Types) -> DataType {
        DataType::Scalar(Scalar::String)
    }

    fn annotations() -> Vec<Annotation> {
        let length = Range {
            least: Some(1),
            most: i64::try_from(MAX).ok(),
        };
        vec![
            Annotation::Length(length),
            Annotation::Pattern(r"\S".into()),
        ]
    }
}

impl<T: JsonSchema> JsonSchema for Page<T> {
    fn data_type(types: &mut Types) -> DataType {
        let items = types.in_json::<Vec<T>>();
        let (number, id) = (types.in_json::<u32>(), types.in_json::<u64>());
        // A page says where it begins in one of two ways.
        DataType::Record(vec![
            field_at(items, "items", false),
            field_at(number, "page", true),
            field_at(id, "after", true),
            field_at(number, "size", false),
            field_at(id, "total", false),
        ])
    }

    fn annotations() -> Vec<Annotation> {
        let name = T::annotations().into_iter().find_map(|said| match said {
            Annotation::Name(name) => Some(name),
            _ => None,
        });
        let name = format!("{}Page", name.unwrap_or_default());
        vec![
            Annotation::Name(name),
            Annotation::Description("A part of a collection, oldest first.".into()),
        ]
    }
}

macro_rules! scalars {
    ($($rust:ty => $scalar:ident),+ $(,)?) => {$(
        impl JsonSchema for $rust {
            fn data_type(_: &mut Types) -> DataType {
                DataType::Scalar(Scalar::$scalar)
            }
        }

        impl EventData for $rust {}
    )+};
}

scalars! {
    () => Unit, bool => Bool, char => Char, String => String, f32 => F32, f64 => F64,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64, u128 => U128,
    i8 => S8, i16 => S16, i32 => S32, i64 => S64, i128 => S128,
}

impl<T: JsonSchema> JsonSchema for Option<T> {
    fn data_type(types: &mut Types) -> DataType {
        DataType::Optional(types.in_json::<T>())
    }
}

impl<T: EventData> EventData for Option<T> {}

impl<T: JsonSchema> JsonSchema for Box<T> {
    fn data_type(types: &mut Types) -> DataType {
        T::data_type(types)
    }

    fn annotations() -> Vec<Annotation> {
        T::annotations()
    }
}

impl<T: EventData> EventData for Box<T> {}

macro_rules! lists {
    ($($list:ident),+) => {$(
        impl<T: JsonSchema> JsonSchema for $list<T> {
            fn data_type(types: &mut Types) -> DataType {
                DataType::List(types.in_json::<T>())
            }
        }

        impl<T: EventData> EventData for $list<T> {}
    )+};
}

lists!(Vec, BTreeSet, HashSet);

macro_rules! maps {
    ($($map:ident),+) => {$(
        impl<K: JsonSchema, V: JsonSchema> JsonSchema for $map<K, V> {
            fn data_type(types: &mut Types) -> DataType {
                DataType::Map((types.in_json::<K>(), types.in_json::<V>()))
            }
        }

        impl<K: EventData, V: EventData> EventData for $map<K, V> {}
    )+};
}

maps!(BTreeMap, HashMap);

macro_rules! tuples {
    ($(($($part:ident),+)),+) => {$(
        impl<$($part: JsonSchema),+> JsonSchema for ($($part,)+) {
            fn data_type(types: &mut Types) -> DataType {
                DataType::Tuple(vec![$(types.in_json::<$part>()),+])
            }
        }

        impl<$($part: EventData),+> EventData for ($($part,)+) {}
    )+};
}

tuples!(
    (A, B),
    (A, B, C),
    (A, B, C, D),
    (A, B, C, D, E),
    (A, B, C, D, E, F)
);

#[cfg(test)]
mod tests;
