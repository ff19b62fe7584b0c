//! Numbers. Integers that a double cannot hold exactly are decimal strings, as RFC 7493 (I-JSON) advises: so every JSON library reads all of them as they are.

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serializer};

use super::{DataType, Record, Types};
use crate::bindings::innkeeper::context::types::Scalar;

/// The largest number up to which a double holds every integer.
const EXACT: i128 = (1 << 53) - 1;

macro_rules! integers {
    ($($integer:ident: $scalar:ident $write:ident;)*) => {$(
        impl Record for $integer {
            fn data_type(_: &mut Types) -> DataType {
                DataType::Scalar(Scalar::$scalar)
            }

            fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.$write((*self).into())
            }

            fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Integer(PhantomData))
            }
        }
    )*};
}

macro_rules! wide_integers {
    ($($integer:ident: $scalar:ident;)*) => {$(
        impl Record for $integer {
            fn data_type(_: &mut Types) -> DataType {
                DataType::Scalar(Scalar::$scalar)
            }

            fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match i64::try_from(*self) {
                    Ok(number) if (-EXACT..=EXACT).contains(&number.into()) => serializer.serialize_i64(number),
                    _ => serializer.collect_str(self),
                }
            }

            fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Integer(PhantomData))
            }
        }
    )*};
}

integers! {
    u16: U16 serialize_u64;
    u32: U32 serialize_u64;
    i8: S8 serialize_i64;
    i16: S16 serialize_i64;
    i32: S32 serialize_i64;
}

wide_integers! {
    u64: U64;
    u128: U128;
    i64: S64;
    i128: S128;
}

impl Record for u8 {
    fn data_type(_: &mut Types) -> DataType {
        DataType::Scalar(Scalar::U8)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self)
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Integer(PhantomData))
    }

    fn list_type(_: &mut Types) -> DataType {
        DataType::Scalar(Scalar::Bytes)
    }

    fn write_list<S: Serializer>(list: &[Self], serializer: S) -> Result<S::Ok, S::Error> {
        super::scalars::write_bytes(list, serializer)
    }

    fn read_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        super::scalars::read_bytes(deserializer)
    }
}

struct Integer<T>(PhantomData<fn() -> T>);

impl<T: TryFrom<i128> + FromStr> Visitor<'_> for Integer<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "an integer of type {}",
            core::any::type_name::<T>()
        )
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number.into())
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse()
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl Record for f64 {
    fn data_type(_: &mut Types) -> DataType {
        DataType::Scalar(Scalar::F64)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            number if number.is_finite() => serializer.serialize_f64(*number),
            number if number.is_nan() => serializer.serialize_str("NaN"),
            number if *number > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Float)
    }
}

/// Written as the double that it is, so that it is the same to whoever reads doubles.
impl Record for f32 {
    fn data_type(_: &mut Types) -> DataType {
        DataType::Scalar(Scalar::F32)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        f64::from(*self).write_record(serializer)
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::read_record(deserializer).map(|number| number as Self)
    }
}

struct Float;

impl Visitor<'_> for Float {
    type Value = f64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, or NaN, Infinity or -Infinity as a string")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        match text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}
