//! Values of typed calls as bytes: what is hashed, stored and compared.

use serde::{Deserialize, Serialize};
use wasmtime::component::Val;

/// A component value that is plain data, in a form that serde knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Plain {
    Bool(bool),
    S8(i8),
    U8(u8),
    S16(i16),
    U16(u16),
    S32(i32),
    U32(u32),
    S64(i64),
    U64(u64),
    Float32(f32),
    Float64(f64),
    Char(char),
    String(String),
    List(Vec<Plain>),
    FixedLengthList(Vec<Plain>),
    Map(Vec<(Plain, Plain)>),
    Record(Vec<(String, Plain)>),
    Tuple(Vec<Plain>),
    Variant(String, Option<Box<Plain>>),
    Enum(String),
    Option(Option<Box<Plain>>),
    Ok(Option<Box<Plain>>),
    Err(Option<Box<Plain>>),
    Flags(Vec<String>),
}

/// Why a value could not become bytes, or bytes a value.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// The value holds a resource, stream, future or error context.
    #[error("a call between contexts can only pass plain data, not a {0}")]
    NotPlain(&'static str),
    /// The bytes are not a stored value.
    #[error("a stored value cannot be read: {0}")]
    Unreadable(#[from] postcard::Error),
}

/// The bytes of some values. The same values give the same bytes.
///
/// # Errors
///
/// When a value is not plain data.
pub fn encode(values: &[Val]) -> Result<Vec<u8>, ValueError> {
    let plain = values.iter().map(to_plain).collect::<Result<Vec<_>, _>>()?;
    Ok(postcard::to_allocvec(&plain)?)
}

/// The values that [`encode`] made bytes of.
///
/// # Errors
///
/// When the bytes are not of that making.
pub fn decode(bytes: &[u8]) -> Result<Vec<Val>, ValueError> {
    let plain: Vec<Plain> = postcard::from_bytes(bytes)?;
    Ok(plain.into_iter().map(to_val).collect())
}

/// About how many bytes a value takes in memory.
pub fn size(value: &Val) -> usize {
    let inner = match value {
        Val::String(text) | Val::Enum(text) => text.len(),
        Val::List(values) | Val::Tuple(values) | Val::FixedLengthList(values) => {
            values.iter().map(size).sum()
        }
        Val::Record(fields) => fields
            .iter()
            .map(|(name, value)| name.len() + size(value))
            .sum(),
        Val::Map(entries) => entries
            .iter()
            .map(|(key, value)| size(key) + size(value))
            .sum(),
        Val::Variant(case, payload) => case.len() + payload.as_deref().map_or(0, size),
        Val::Option(payload) | Val::Result(Ok(payload) | Err(payload)) => {
            payload.as_deref().map_or(0, size)
        }
        Val::Flags(names) => names.iter().map(String::len).sum(),
        _ => 0,
    };
    size_of::<Val>() + inner
}

/// The case of an error by which the host answers a call that its callee has not answered.
pub(super) const UNAVAILABLE: &str = "unavailable";
/// The case by which it answers one whose time was up, where the error has it.
pub(super) const DEADLINE_EXCEEDED: &str = "deadline-exceeded";

/// The answer for what cannot be reached: `err(unavailable(reason))`.
pub fn unavailable(reason: impl Into<String>) -> Val {
    failed(UNAVAILABLE, reason)
}

/// The host's answer, by a case of the error.
pub(super) fn failed(case: &str, reason: impl Into<String>) -> Val {
    let payload = Some(Box::new(Val::String(reason.into())));
    Val::Result(Err(Some(Box::new(Val::Variant(case.into(), payload)))))
}

/// Whether a call's answer is an `err`, and so committed nothing.
pub fn is_err(answer: &Val) -> bool {
    matches!(answer, Val::Result(Err(_)))
}

/// A number, a text or a name, as text: what identifies something.
pub fn as_text(value: &Val) -> Option<String> {
    match value {
        Val::U8(value) => Some(value.to_string()),
        Val::U16(value) => Some(value.to_string()),
        Val::U32(value) => Some(value.to_string()),
        Val::U64(value) => Some(value.to_string()),
        Val::S8(value) => Some(value.to_string()),
        Val::S16(value) => Some(value.to_string()),
        Val::S32(value) => Some(value.to_string()),
        Val::S64(value) => Some(value.to_string()),
        Val::String(value) | Val::Enum(value) => Some(value.clone()),
        _ => None,
    }
}

/// Visits each text and number within a value, as text.
pub fn each_text(value: &Val, execution: &mut impl FnMut(String)) {
    match value {
        Val::List(values) | Val::Tuple(values) | Val::FixedLengthList(values) => {
            values.iter().for_each(|value| each_text(value, execution));
        }
        Val::Record(fields) => fields
            .iter()
            .for_each(|(_, value)| each_text(value, execution)),
        Val::Map(entries) => entries.iter().for_each(|(key, value)| {
            each_text(key, execution);
            each_text(value, execution);
        }),
        Val::Variant(_, payload)
        | Val::Option(payload)
        | Val::Result(Ok(payload) | Err(payload)) => {
            payload.iter().for_each(|value| each_text(value, execution));
        }
        // The names of cases are the interface's.
        Val::Enum(_) => {}
        value => as_text(value).into_iter().for_each(execution),
    }
}

fn to_plain(value: &Val) -> Result<Plain, ValueError> {
    let boxed = |value: &Option<Box<Val>>| match value {
        Some(value) => to_plain(value).map(|plain| Some(Box::new(plain))),
        None => Ok(None),
    };
    let all = |values: &[Val]| values.iter().map(to_plain).collect::<Result<Vec<_>, _>>();
    Ok(match value {
        Val::Bool(value) => Plain::Bool(*value),
        Val::S8(value) => Plain::S8(*value),
        Val::U8(value) => Plain::U8(*value),
        Val::S16(value) => Plain::S16(*value),
        Val::U16(value) => Plain::U16(*value),
        Val::S32(value) => Plain::S32(*value),
        Val::U32(value) => Plain::U32(*value),
        Val::S64(value) => Plain::S64(*value),
        Val::U64(value) => Plain::U64(*value),
        Val::Float32(value) => Plain::Float32(*value),
        Val::Float64(value) => Plain::Float64(*value),
        Val::Char(value) => Plain::Char(*value),
        Val::String(value) => Plain::String(value.clone()),
        Val::List(values) => Plain::List(all(values)?),
        Val::FixedLengthList(values) => Plain::FixedLengthList(all(values)?),
        Val::Map(pairs) => Plain::Map(
            pairs
                .iter()
                .map(|(key, value)| Ok((to_plain(key)?, to_plain(value)?)))
                .collect::<Result<_, ValueError>>()?,
        ),
        Val::Record(fields) => Plain::Record(
            fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), to_plain(value)?)))
                .collect::<Result<_, ValueError>>()?,
        ),
        Val::Tuple(values) => Plain::Tuple(all(values)?),
        Val::Variant(case, payload) => Plain::Variant(case.clone(), boxed(payload)?),
        Val::Enum(case) => Plain::Enum(case.clone()),
        Val::Option(value) => Plain::Option(boxed(value)?),
        Val::Result(Ok(value)) => Plain::Ok(boxed(value)?),
        Val::Result(Err(value)) => Plain::Err(boxed(value)?),
        Val::Flags(names) => Plain::Flags(names.clone()),
        Val::Resource(_) => return Err(ValueError::NotPlain("resource")),
        Val::Future(_) => return Err(ValueError::NotPlain("future")),
        Val::Stream(_) => return Err(ValueError::NotPlain("stream")),
        Val::ErrorContext(_) => return Err(ValueError::NotPlain("error context")),
    })
}

fn to_val(plain: Plain) -> Val {
    let boxed = |plain: Option<Box<Plain>>| plain.map(|plain| Box::new(to_val(*plain)));
    let all = |plain: Vec<Plain>| plain.into_iter().map(to_val).collect();
    match plain {
        Plain::Bool(value) => Val::Bool(value),
        Plain::S8(value) => Val::S8(value),
        Plain::U8(value) => Val::U8(value),
        Plain::S16(value) => Val::S16(value),
        Plain::U16(value) => Val::U16(value),
        Plain::S32(value) => Val::S32(value),
        Plain::U32(value) => Val::U32(value),
        Plain::S64(value) => Val::S64(value),
        Plain::U64(value) => Val::U64(value),
        Plain::Float32(value) => Val::Float32(value),
        Plain::Float64(value) => Val::Float64(value),
        Plain::Char(value) => Val::Char(value),
        Plain::String(value) => Val::String(value),
        Plain::List(values) => Val::List(all(values)),
        Plain::FixedLengthList(values) => Val::FixedLengthList(all(values)),
        Plain::Map(pairs) => Val::Map(
            pairs
                .into_iter()
                .map(|(key, value)| (to_val(key), to_val(value)))
                .collect(),
        ),
        Plain::Record(fields) => Val::Record(
            fields
                .into_iter()
                .map(|(name, value)| (name, to_val(value)))
                .collect(),
        ),
        Plain::Tuple(values) => Val::Tuple(all(values)),
        Plain::Variant(case, payload) => Val::Variant(case, boxed(payload)),
        Plain::Enum(case) => Val::Enum(case),
        Plain::Option(value) => Val::Option(boxed(value)),
        Plain::Ok(value) => Val::Result(Ok(boxed(value))),
        Plain::Err(value) => Val::Result(Err(boxed(value))),
        Plain::Flags(names) => Val::Flags(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        let values = vec![
            Val::U64(7),
            Val::Record(vec![(
                "room-id".into(),
                Val::Option(Some(Box::new(Val::String("x".into())))),
            )]),
            Val::Result(Ok(None)),
            unavailable("closed"),
            Val::List(vec![Val::Enum("a".into()), Val::Flags(vec!["b".into()])]),
        ];
        let bytes = encode(&values).unwrap();
        assert_eq!(decode(&bytes).unwrap(), values);
        assert!(is_err(&values[3]) && !is_err(&values[2]));
        let mut texts = Vec::new();
        let mut note = |text| texts.push(text);
        values.iter().for_each(|value| each_text(value, &mut note));
        assert_eq!(texts, ["7", "x", "closed"]);
    }
}
