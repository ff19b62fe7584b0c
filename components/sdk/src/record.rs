//! What tables keep: how it is described, written and read. `docs/state.md` says it for every language.

mod collections;
mod gather;
mod numbers;
mod scalars;
#[cfg(test)]
mod tests;
mod types;

use core::marker::PhantomData;

use serde::de::DeserializeSeed;
use serde::{Deserializer, Serialize, Serializer};

use crate::Fault;
use crate::bindings::innkeeper::context::types::DataType;

pub use types::{Types, field_at};

/// What the expansion of `#[derive(Record)]` uses.
#[doc(hidden)]
pub mod private {
    pub use serde::de::{Error, MapAccess, VariantAccess};
    pub use serde::ser::{
        SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleVariant,
    };
    pub use serde::{Deserializer, Serializer};

    pub use super::By;
    pub use super::gather::{
        Choose, Gather, choose, fields_of_case, gather, next, payload, present,
    };
    pub use super::types::{Types, case, field, field_at, is_event_data, say_keyword};
    pub use crate::bindings::innkeeper::context::types::DataType;
    pub use crate::documented::exports::innkeeper::context::document::Annotation;
}

/// How deep the parts of a record may lie in each other. A guest has a small stack, and whatever it writes it must be able to read.
const DEEPEST: usize = 32;

/// A value that a [`Table`](crate::Table) keeps, or a part of one. Derive it, also for the types of the fields:
///
/// ```
/// use innkeeper_sdk::prelude::*;
///
/// #[derive(Record)]
/// pub struct Room { number: u64, desc: String, hold: Option<Hold>, #[record(default)] stars: u8 }
///
/// #[derive(Record)]
/// struct Hold { rsv_id: u64, reason: Reason }
///
/// #[derive(Record)]
/// enum Reason { Booked, Repair { until: u64 } }
/// ```
///
/// There are `bool`, the integers from `u8` to `i128`, `f32`, `f64`, `char`, `String`, `()`, `Option`, `Box`, `Vec` (of `u8`: bytes), `BTreeMap`, `BTreeSet`,
/// tuples, structs and enums. What another crate has of its own is kept as what it is made of: its text, its number.
///
/// A field of another type does not compile:
///
/// ```compile_fail
/// # use innkeeper_sdk::prelude::*;
/// #[derive(Record)]
/// pub struct Room { guests: std::collections::HashMap<u64, String> }
/// ```
///
/// A record is stored as JSON, by the names of its fields and cases; `#[record(rename = "name")]` keeps a name that the code does not have any more.
/// Attributes of serde are not looked at: they say how a type looks in requests, answers and events. So whatever is written can be read back, and a
/// type can look one way to clients and another way in the state.
///
/// Fields may change their order, and types their names. A field that is an `Option`, or has `#[record(default)]`, may be added and removed at any time:
/// a record that lacks it has `None`, or what `Default` says. Anything else is a change that versions which are there already cannot read, or
/// that cannot read what they have written. The host sees that from the [`context!`](crate::context)'s `tables`, refuses the version and names the difference;
/// then it takes another `schema` number, and:
///
/// - `reads: [the number before]`, when the new version reads all that there is: a case more, a wider integer, a field that may be absent now, a table that is not
///   used any more. The old version does not read what the new one writes, so the swap is at once and cannot be rolled back.
/// - `migrate`, else: a function that rewrites the rows before the swap. See [`Migration`](crate::Migration).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a table",
    label = "no `Record`",
    note = "`#[derive(Record)]` makes it one; a type of another crate is kept as what it is made of, a `HashMap` as a `BTreeMap`, `usize` as `u64`"
)]
pub trait Record: Sized + 'static {
    /// Whether one of its values is written as `null`.
    #[doc(hidden)]
    const HAS_NULL: bool = false;

    /// Whether it is text, which can be the name of an object's member.
    #[doc(hidden)]
    const IS_TEXT: bool = false;

    /// Its type, for the description.
    #[doc(hidden)]
    fn data_type(types: &mut Types) -> DataType;

    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    #[doc(hidden)]
    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads it.
    ///
    /// # Errors
    /// When something else is written there.
    #[doc(hidden)]
    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// What it is where a record lacks the field; none when it must be there.
    #[doc(hidden)]
    fn absent() -> Option<Self> {
        None
    }

    /// The type of a list of it: bytes have one of their own.
    #[doc(hidden)]
    fn list_type(types: &mut Types) -> DataType {
        DataType::List(types.of::<Self>())
    }

    /// Writes a list of it.
    ///
    /// # Errors
    /// Those of the serializer.
    #[doc(hidden)]
    fn write_list<S: Serializer>(list: &[Self], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(By))
    }

    /// Reads a list of it.
    ///
    /// # Errors
    /// When something else is written there.
    #[doc(hidden)]
    fn read_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        collections::sequence(deserializer)
    }

    /// As the name of an object's member.
    #[doc(hidden)]
    fn as_text(&self) -> Option<&str> {
        None
    }

    /// From the name of an object's member.
    #[doc(hidden)]
    fn from_text(_: &str) -> Option<Self> {
        None
    }
}

/// Writes a record as [`Record`] says.
#[doc(hidden)]
pub struct By<'a, T>(pub &'a T);

impl<T: Record> Serialize for By<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write_record(serializer)
    }
}

/// Reads a record as [`Record`] says.
pub(crate) struct Of<T>(PhantomData<fn() -> T>);

impl<T> Of<T> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<'de, T: Record> DeserializeSeed<'de> for Of<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read_record(deserializer)
    }
}

/// A record as it is stored.
pub(crate) fn encode<T: Record>(value: &T) -> Result<Vec<u8>, Fault> {
    let bytes = serde_json::to_vec(&By(value)).map_err(|error| Fault::new(error.to_string()))?;
    if depth(&bytes) > DEEPEST {
        return Err(Fault::new(format!(
            "its parts lie more than {DEEPEST} deep in each other"
        )));
    }
    #[cfg(not(target_arch = "wasm32"))]
    is_read_back::<T>(&bytes)?;
    Ok(bytes)
}

/// A record that was stored.
pub(crate) fn decode<T: Record>(bytes: &[u8]) -> Result<T, Fault> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = T::read_record(&mut deserializer).and_then(|value| {
        deserializer.end()?;
        Ok(value)
    });
    read.map_err(|error| Fault::new(error.to_string()))
}

/// Under test: what is derived can always be read back, what is written by hand may not.
#[cfg(not(target_arch = "wasm32"))]
fn is_read_back<T: Record>(bytes: &[u8]) -> Result<(), Fault> {
    let again = decode::<T>(bytes)
        .map_err(|fault| Fault::new(format!("it could not be read back: {fault}")))?;
    match serde_json::to_vec(&By(&again)) {
        Ok(again) if again == bytes => Ok(()),
        _ => Err(Fault::new("it would be read back as something else")),
    }
}

/// How deep arrays and objects lie in each other.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            // To the end of the string.
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}
