//! The shape of a WIT type as text: equal texts are equal types, and an error message shows them.

use std::fmt::Write;

use wasmtime::component::types::{ComponentFunc, Type};

/// A function's parameters and results, for example `func(room-id: u64) -> result<_, variant { taken(string) }>`.
pub(super) fn of_function(function: &ComponentFunc) -> String {
    let mut text = String::from("func(");
    for (index, (name, ty)) in function.params().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{name}: {}", of_type(&ty));
    }
    text.push(')');
    for ty in function.results() {
        let _ = write!(text, " -> {}", of_type(&ty));
    }
    text
}

/// A type as WIT would write it.
pub(super) fn of_type(ty: &Type) -> String {
    match ty {
        Type::Bool => "bool".into(),
        Type::S8 => "s8".into(),
        Type::U8 => "u8".into(),
        Type::S16 => "s16".into(),
        Type::U16 => "u16".into(),
        Type::S32 => "s32".into(),
        Type::U32 => "u32".into(),
        Type::S64 => "s64".into(),
        Type::U64 => "u64".into(),
        Type::Float32 => "f32".into(),
        Type::Float64 => "f64".into(),
        Type::Char => "char".into(),
        Type::String => "string".into(),
        Type::List(list) => format!("list<{}>", of_type(&list.ty())),
        Type::FixedLengthList(list) => format!("list<{}, {}>", of_type(&list.ty()), list.len()),
        Type::Map(map) => format!("map<{}, {}>", of_type(&map.key()), of_type(&map.value())),
        Type::Option(option) => format!("option<{}>", of_type(&option.ty())),
        Type::Result(result) => format!(
            "result<{}, {}>",
            of_payload(result.ok()),
            of_payload(result.err())
        ),
        Type::Tuple(tuple) => format!("tuple<{}>", joined(tuple.types().map(|ty| of_type(&ty)))),
        Type::Record(record) => {
            let fields = record
                .fields()
                .map(|field| format!("{}: {}", field.name, of_type(&field.ty)));
            format!("record {{ {} }}", joined(fields))
        }
        Type::Variant(variant) => {
            let cases = variant.cases().map(|case| match case.ty {
                Some(ty) => format!("{}({})", case.name, of_type(&ty)),
                None => case.name.to_owned(),
            });
            format!("variant {{ {} }}", joined(cases))
        }
        Type::Enum(cases) => format!("enum {{ {} }}", joined(cases.names().map(str::to_owned))),
        Type::Flags(flags) => format!("flags {{ {} }}", joined(flags.names().map(str::to_owned))),
        Type::Own(_) | Type::Borrow(_) => "resource".into(),
        Type::Future(_) => "future".into(),
        Type::Stream(_) => "stream".into(),
        Type::ErrorContext => "error-context".into(),
    }
}

fn of_payload(ty: Option<Type>) -> String {
    ty.map_or_else(|| "_".to_owned(), |ty| of_type(&ty))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// Whether a function answers `result<T, E>` where `E` is a variant with the case `unavailable(string)`.
pub(super) fn can_be_unavailable(function: &ComponentFunc) -> bool {
    let mut results = function.results();
    let (Some(Type::Result(result)), None) = (results.next(), results.next()) else {
        return false;
    };
    let Some(Type::Variant(error)) = result.err() else {
        return false;
    };
    error
        .cases()
        .any(|case| case.name == "unavailable" && matches!(case.ty, Some(Type::String)))
}

/// Whether a function's values can be stored and sent: nothing in it is a handle to something living.
pub(super) fn is_plain_data(function: &ComponentFunc) -> bool {
    let parameters = function.params().map(|(_, ty)| ty);
    parameters.chain(function.results()).all(|ty| is_plain(&ty))
}

fn is_plain(ty: &Type) -> bool {
    let is_absent_or_plain = |ty: Option<Type>| ty.is_none_or(|ty| is_plain(&ty));
    match ty {
        Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
            false
        }
        Type::List(list) => is_plain(&list.ty()),
        Type::FixedLengthList(list) => is_plain(&list.ty()),
        Type::Map(map) => is_plain(&map.key()) && is_plain(&map.value()),
        Type::Option(option) => is_plain(&option.ty()),
        Type::Result(result) => is_absent_or_plain(result.ok()) && is_absent_or_plain(result.err()),
        Type::Tuple(tuple) => tuple.types().all(|ty| is_plain(&ty)),
        Type::Record(record) => record.fields().all(|field| is_plain(&field.ty)),
        Type::Variant(variant) => variant.cases().all(|case| is_absent_or_plain(case.ty)),
        Type::Bool
        | Type::S8
        | Type::U8
        | Type::S16
        | Type::U16
        | Type::S32
        | Type::U32
        | Type::S64
        | Type::U64
        | Type::Float32
        | Type::Float64
        | Type::Char
        | Type::String
        | Type::Enum(_)
        | Type::Flags(_) => true,
    }
}
