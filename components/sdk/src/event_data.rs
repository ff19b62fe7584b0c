//! What the data of events is made of, so that the host can compare what is published with what is read.

use core::marker::PhantomData;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::bindings::innkeeper::context::types::{DataType, Scalar};
use crate::record::Types;

/// The data of an event, or a part of it, whose shape is known. Derive it beside `Serialize` or `Deserialize`, also for the types of the fields:
///
/// ```
/// use innkeeper_sdk::prelude::*;
///
/// #[derive(Serialize, Deserialize, Subject, EventData)]
/// #[serde(rename_all = "camelCase")]
/// pub struct Loan { #[subject] loan_id: u64, book_id: u64, due_at: Option<u64>, #[serde(default)] renewals: u32 }
///
/// innkeeper_sdk::events! {
///     /// A book was lent.
///     pub LoanOpened: Loan,
/// }
/// ```
///
/// The host is then told what the data of an event is made of, where it is published, and what is read of it, where it is followed. A version that publishes what a follower cannot
/// read gets no work, and neither does a follower that reads what is not published; the difference is named. A publisher may add fields at any time, and a follower may read fewer
/// fields than there are. Data whose type does not derive it is published all the same, and not compared.
///
/// The shape is that of the JSON which serde makes: `rename`, `rename_all`, `default`, `transparent` and `skip` are followed, and what cannot be told to the host does not compile: `flatten`,
/// `tag`, `untagged`, `with`. An event tolerates fields that its followers do not know, so `deny_unknown_fields` does not compile either.
///
/// ```compile_fail
/// # use innkeeper_sdk::prelude::*;
/// #[derive(Serialize, EventData)]
/// pub struct Loan { loan_id: u64, #[serde(flatten)] rest: std::collections::BTreeMap<String, u64> }
/// ```
#[diagnostic::on_unimplemented(
    message = "the shape of `{Self}` in events is not known",
    label = "no `EventData`",
    note = "`#[derive(EventData)]` makes it so; a type of another crate is told as what it is made of, its text, its number"
)]
pub trait EventData: 'static {
    /// Its type, for the description.
    #[doc(hidden)]
    fn data_type(types: &mut Types) -> DataType;
}

macro_rules! scalars {
    ($($rust:ty => $scalar:ident),+ $(,)?) => {$(
        impl EventData for $rust {
            fn data_type(_: &mut Types) -> DataType {
                DataType::Scalar(Scalar::$scalar)
            }
        }
    )+};
}

scalars! {
    () => Unit, bool => Bool, char => Char, String => String, f32 => F32, f64 => F64,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64, u128 => U128,
    i8 => S8, i16 => S16, i32 => S32, i64 => S64, i128 => S128,
}

impl<T: EventData> EventData for Option<T> {
    fn data_type(types: &mut Types) -> DataType {
        DataType::Optional(types.in_events::<T>())
    }
}

impl<T: EventData> EventData for Box<T> {
    fn data_type(types: &mut Types) -> DataType {
        T::data_type(types)
    }
}

macro_rules! lists {
    ($($list:ident),+) => {$(
        impl<T: EventData> EventData for $list<T> {
            fn data_type(types: &mut Types) -> DataType {
                DataType::List(types.in_events::<T>())
            }
        }
    )+};
}

lists!(Vec, BTreeSet, HashSet);

macro_rules! maps {
    ($($map:ident),+) => {$(
        impl<K: EventData, V: EventData> EventData for $map<K, V> {
            fn data_type(types: &mut Types) -> DataType {
                DataType::Map((types.in_events::<K>(), types.in_events::<V>()))
            }
        }
    )+};
}

maps!(BTreeMap, HashMap);

macro_rules! tuples {
    ($(($($part:ident),+)),+) => {$(
        impl<$($part: EventData),+> EventData for ($($part,)+) {
            fn data_type(types: &mut Types) -> DataType {
                DataType::Tuple(vec![$(types.in_events::<$part>()),+])
            }
        }
    )+};
}

tuples!(
    (A, B),
    (A, B, C),
    (A, B, C, D),
    (A, B, C, D, E),
    (A, B, C, D, E, F)
);

/// Looks whether a type says what it is in events: `(&Probe::<T>::NEW).place(types)` finds the first of the two traits for one that does, and the second for any other.
pub struct Probe<T>(PhantomData<T>);

impl<T> Probe<T> {
    /// One for the type.
    pub const NEW: Self = Self(PhantomData);
}

/// A type that says what it is.
pub trait Described {
    /// Its place among the types.
    fn place(&self, types: &mut Types) -> Option<u32>;
}

/// A type that does not.
pub trait Undescribed {
    /// None.
    fn place(&self, types: &mut Types) -> Option<u32>;
}

impl<T: EventData> Described for Probe<T> {
    fn place(&self, types: &mut Types) -> Option<u32> {
        Some(types.in_events::<T>())
    }
}

impl<T> Undescribed for &Probe<T> {
    fn place(&self, _: &mut Types) -> Option<u32> {
        None
    }
}

#[cfg(test)]
mod tests;
