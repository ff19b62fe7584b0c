//! Reading fields and cases by their names.

use core::fmt;
use core::marker::PhantomData;

use serde::Deserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, Error, IgnoredAny, MapAccess, VariantAccess, Visitor,
};

use super::{Of, Record};

/// Gathers the fields of a record, in whatever order they come.
pub trait Gather: Default {
    /// What has the fields.
    type Whole;
    /// Their names.
    const NAMES: &'static [&'static str];

    /// Takes the value of the field at a place.
    fn take<'de, A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error>;

    /// The whole, when every field is there or can do without.
    fn whole<E: Error>(self) -> Result<Self::Whole, E>;
}

/// Reads the one case of a variant that is there.
pub trait Choose: Sized {
    /// The names of its cases.
    const NAMES: &'static [&'static str];

    /// Takes what the case at a place carries.
    fn take<'de, A: VariantAccess<'de>>(place: usize, payload: A) -> Result<Self, A::Error>;
}

/// Reads fields.
pub fn gather<'de, G: Gather, D: Deserializer<'de>>(deserializer: D) -> Result<G::Whole, D::Error> {
    deserializer.deserialize_map(Gathering::<G>(PhantomData))
}

/// Reads a case.
pub fn choose<'de, C: Choose, D: Deserializer<'de>>(deserializer: D) -> Result<C, D::Error> {
    deserializer.deserialize_enum("", C::NAMES, Choosing::<C>(PhantomData))
}

/// Reads the value of the field with this name.
pub fn next<'de, T: Record, A: MapAccess<'de>>(map: &mut A, name: &str) -> Result<T, A::Error> {
    map.next_value_seed(Of::NEW)
        .map_err(|error| within(name, &error))
}

/// The value of a field that has been read or can do without.
pub fn present<T: Record, E: Error>(value: Option<T>, name: &'static str) -> Result<T, E> {
    value
        .or_else(T::absent)
        .ok_or_else(|| E::missing_field(name))
}

/// Reads what a case with this name carries.
pub fn payload<'de, T: Record, A: VariantAccess<'de>>(
    payload: A,
    name: &str,
) -> Result<T, A::Error> {
    payload
        .newtype_variant_seed(Of::NEW)
        .map_err(|error| within(name, &error))
}

/// Reads the fields that a case with this name carries.
pub fn fields_of_case<'de, G: Gather, A: VariantAccess<'de>>(
    payload: A,
    name: &str,
) -> Result<G::Whole, A::Error> {
    payload
        .newtype_variant_seed(Gathering::<G>(PhantomData))
        .map_err(|error| within(name, &error))
}

#[cold]
fn within<E: Error>(name: &str, error: &E) -> E {
    E::custom(format_args!("{name}: {error}"))
}

struct Gathering<G>(PhantomData<fn() -> G>);

impl<'de, G: Gather> DeserializeSeed<'de> for Gathering<G> {
    type Value = G::Whole;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<G::Whole, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, G: Gather> Visitor<'de> for Gathering<G> {
    type Value = G::Whole;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<G::Whole, A::Error> {
        let mut gathered = G::default();
        while let Some(place) = map.next_key_seed(Place(G::NAMES))? {
            match place {
                Some(place) => gathered.take(place, &mut map)?,
                // Another version has it.
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        gathered.whole()
    }
}

struct Choosing<C>(PhantomData<fn() -> C>);

impl<'de, C: Choose> Visitor<'de> for Choosing<C> {
    type Value = C;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a case, or an object with it")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<C, A::Error> {
        match access.variant_seed(Place(C::NAMES))? {
            (Some(place), payload) => C::take(place, payload),
            (None, _) => Err(A::Error::custom(format_args!(
                "a case that is not known; there are {}",
                C::NAMES.join(", ")
            ))),
        }
    }
}

/// Reads a name, and finds it in a list.
struct Place(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Place {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Place {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}
