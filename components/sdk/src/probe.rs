//! Looks what a type is where it is written, for the expansions of this crate's macros: only there it is known whether it says more of itself than it must.

use core::marker::PhantomData;

use crate::record::Types;
use crate::{EventData, JsonSchema};

/// Looks at a type: `(&Probe::<T>::NEW).place(types)` finds the first of two traits for one that says what it is in events, and the second for any other.
pub struct Probe<T>(PhantomData<T>);

impl<T> Probe<T> {
    /// One for the type.
    pub const NEW: Self = Self(PhantomData);
}

/// A type that says what it is in events.
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

/// A type that says what it is as JSON.
pub trait HasSchema {
    /// Its place among the types.
    fn schema(&self, types: &mut Types) -> Option<u32>;
}

/// A type that does not.
pub trait HasNoSchema {
    /// None.
    fn schema(&self, types: &mut Types) -> Option<u32>;
}

impl<T: JsonSchema> HasSchema for Probe<T> {
    fn schema(&self, types: &mut Types) -> Option<u32> {
        Some(types.in_json::<T>())
    }
}

impl<T> HasNoSchema for &Probe<T> {
    fn schema(&self, _: &mut Types) -> Option<u32> {
        None
    }
}
