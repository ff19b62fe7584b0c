use core::fmt;
use core::marker::PhantomData;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeTuple};
use serde::{Deserializer, Serializer};

use super::{By, DataType, Of, Record, Types};

/// An option in an option is an object: else nobody could tell a `None` from a `Some(None)`.
const SOME: &str = "some";

impl<T: Record> Record for Option<T> {
    const HAS_NULL: bool = true;

    fn data_type(types: &mut Types) -> DataType {
        DataType::Optional(types.of::<T>())
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            None => serializer.serialize_unit(),
            Some(value) if T::HAS_NULL => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(SOME, &By(value))?;
                map.end()
            }
            Some(value) => value.write_record(serializer),
        }
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(Optional(PhantomData))
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

struct Optional<T>(PhantomData<fn() -> T>);

impl<'de, T: Record> Visitor<'de> for Optional<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        match T::HAS_NULL {
            true => deserializer.deserialize_map(self),
            false => T::read_record(deserializer).map(Some),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<T>, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            match name == SOME {
                true => found = Some(map.next_value_seed(Of::NEW)?),
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        found.map(Some).ok_or_else(|| A::Error::missing_field(SOME))
    }
}

impl<T: Record> Record for Box<T> {
    const HAS_NULL: bool = T::HAS_NULL;
    const IS_TEXT: bool = T::IS_TEXT;

    fn data_type(types: &mut Types) -> DataType {
        T::data_type(types)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::write_record(self, serializer)
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read_record(deserializer).map(Self::new)
    }

    fn absent() -> Option<Self> {
        T::absent().map(Self::new)
    }

    fn as_text(&self) -> Option<&str> {
        T::as_text(self)
    }

    fn from_text(text: &str) -> Option<Self> {
        T::from_text(text).map(Self::new)
    }
}

impl<T: Record> Record for Vec<T> {
    fn data_type(types: &mut Types) -> DataType {
        T::list_type(types)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::write_list(self, serializer)
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read_list(deserializer)
    }
}

impl<T: Record + Ord> Record for BTreeSet<T> {
    fn data_type(types: &mut Types) -> DataType {
        DataType::List(types.of::<T>())
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(By))
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        sequence(deserializer)
    }
}

/// Reads an array.
pub(super) fn sequence<'de, T: Record, C: Default + Extend<T>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<C, D::Error> {
    deserializer.deserialize_seq(Sequence(PhantomData))
}

struct Sequence<T, C>(PhantomData<fn() -> (T, C)>);

impl<'de, T: Record, C: Default + Extend<T>> Visitor<'de> for Sequence<T, C> {
    type Value = C;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<C, A::Error> {
        let mut all = C::default();
        while let Some(item) = items.next_element_seed(Of::NEW)? {
            all.extend([item]);
        }
        Ok(all)
    }
}

/// An object where the keys are text, else an array of pairs.
impl<K: Record + Ord, V: Record> Record for BTreeMap<K, V> {
    fn data_type(types: &mut Types) -> DataType {
        DataType::Map((types.of::<K>(), types.of::<V>()))
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !K::IS_TEXT {
            return serializer.collect_seq(self.iter().map(|(key, value)| Pair(key, value)));
        }
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            map.serialize_entry(key.as_text().unwrap_or_default(), &By(value))?;
        }
        map.end()
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match K::IS_TEXT {
            true => deserializer.deserialize_map(Object(PhantomData)),
            false => sequence::<(K, V), Self, D>(deserializer),
        }
    }
}

struct Pair<'a, K, V>(&'a K, &'a V);

impl<K: Record, V: Record> serde::Serialize for Pair<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_tuple(2)?;
        pair.serialize_element(&By(self.0))?;
        pair.serialize_element(&By(self.1))?;
        pair.end()
    }
}

struct Object<K, V>(PhantomData<fn() -> (K, V)>);

impl<'de, K: Record + Ord, V: Record> Visitor<'de> for Object<K, V> {
    type Value = BTreeMap<K, V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let key =
                K::from_text(&name).ok_or_else(|| A::Error::custom("a key that is no text"))?;
            let value = map
                .next_value_seed(Of::NEW)
                .map_err(|error| A::Error::custom(format_args!("{name}: {error}")))?;
            all.insert(key, value);
        }
        Ok(all)
    }
}

macro_rules! tuples {
    ($($count:literal: $($part:ident $value:ident),+;)*) => {$(
        impl<$($part: Record),+> Record for ($($part,)+) {
            fn data_type(types: &mut Types) -> DataType {
                DataType::Tuple(vec![$(types.of::<$part>()),+])
            }

            fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let ($($value,)+) = self;
                let mut parts = serializer.serialize_tuple($count)?;
                $(parts.serialize_element(&By($value))?;)+
                parts.end()
            }

            fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Parts<$($part),+>(PhantomData<fn() -> ($($part,)+)>);

                impl<'de, $($part: Record),+> Visitor<'de> for Parts<$($part),+> {
                    type Value = ($($part,)+);

                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(formatter, "an array of {}", $count)
                    }

                    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                        Ok(($(part::<$part, A>(&mut parts)?,)+))
                    }
                }

                deserializer.deserialize_tuple($count, Parts(PhantomData))
            }
        }
    )*};
}

fn part<'de, T: Record, A: SeqAccess<'de>>(parts: &mut A) -> Result<T, A::Error> {
    parts
        .next_element_seed(Of::NEW)?
        .ok_or_else(|| A::Error::custom("an array that is too short"))
}

tuples! {
    1: T0 v0;
    2: T0 v0, T1 v1;
    3: T0 v0, T1 v1, T2 v2;
    4: T0 v0, T1 v1, T2 v2, T3 v3;
    5: T0 v0, T1 v1, T2 v2, T3 v3, T4 v4;
    6: T0 v0, T1 v1, T2 v2, T3 v3, T4 v4, T5 v5;
}
