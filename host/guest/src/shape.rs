//! What the types between contexts are made of.
//!
//! A component names a type once and may use it a thousand times, within others that are used a thousand times: written out, a few kilobytes become gigabytes.
//! So a type is only looked at within a [`Budget`], and what is more is refused.

use std::fmt::{self, Display, Formatter};

use wasmtime::component::types::{ComponentFunc, Type};

/// A type by its parts: equal shapes are equal types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number, a truth, a character or a text, by its name in WIT.
    Scalar(&'static str),
    List(Box<Shape>),
    FixedLengthList(Box<Shape>, u32),
    Map(Box<(Shape, Shape)>),
    Option(Box<Shape>),
    Result(Payload, Payload),
    Tuple(Vec<Shape>),
    Record(Vec<(String, Shape)>),
    Variant(Vec<(String, Payload)>),
    Enum(Vec<String>),
    Flags(Vec<String>),
    /// A handle to something that lives in one instance, by the name of its kind.
    Handle(&'static str),
}

/// What a case carries, if anything.
pub(super) type Payload = Option<Box<Shape>>;

/// A function by its parameters and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub(super) parameters: Vec<(String, Shape)>,
    pub(super) result: Option<Shape>,
}

/// It has more than is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

/// How much is looked at of what a component imports and exports, counted as often as it is used.
pub(super) struct Budget {
    parts: usize,
    names: usize,
}

impl Budget {
    /// The most parts that the types of a component may have.
    pub const PARTS: usize = 50_000;
    /// The most bytes that their names may have.
    pub const NAMES: usize = 512 << 10;

    /// For one component.
    pub fn of_a_component() -> Self {
        Self {
            parts: Self::PARTS,
            names: Self::NAMES,
        }
    }

    fn part(&mut self) -> Result<(), TooMuch> {
        self.parts = self.parts.checked_sub(1).ok_or(TooMuch)?;
        Ok(())
    }

    /// A name of a part.
    pub fn name(&mut self, name: &str) -> Result<String, TooMuch> {
        self.part()?;
        self.names = self.names.checked_sub(name.len()).ok_or(TooMuch)?;
        Ok(name.to_owned())
    }

    fn names<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<Vec<String>, TooMuch> {
        names.map(|name| self.name(name)).collect()
    }
}

impl Signature {
    /// The signature of a function.
    pub(super) fn of(function: &ComponentFunc, budget: &mut Budget) -> Result<Self, TooMuch> {
        let parameters = function
            .params()
            .map(|(name, ty)| Ok((budget.name(name)?, Shape::of(&ty, budget)?)));
        Ok(Self {
            parameters: parameters.collect::<Result<_, TooMuch>>()?,
            result: payload(function.results().next(), budget)?.map(|shape| *shape),
        })
    }

    /// Whether it answers `result<T, E>` where `E` is a variant with such a case, which holds a `string`.
    pub(super) fn can_fail_with(&self, case: &str) -> bool {
        let Some(Shape::Result(_, Some(error))) = &self.result else {
            return false;
        };
        let Shape::Variant(cases) = &**error else {
            return false;
        };
        cases.iter().any(|(name, payload)| {
            name == case && payload.as_deref() == Some(&Shape::Scalar("string"))
        })
    }

    /// Whether its values can be stored and sent: nothing in it is a handle to something living.
    pub(super) fn is_plain_data(&self) -> bool {
        let parameters = self.parameters.iter().map(|(_, shape)| shape);
        parameters.chain(&self.result).all(Shape::is_plain)
    }
}

impl Shape {
    /// The shape of a type.
    pub fn of(ty: &Type, budget: &mut Budget) -> Result<Self, TooMuch> {
        budget.part()?;
        let mut boxed = |ty: Type| Ok::<_, TooMuch>(Box::new(Self::of(&ty, budget)?));
        Ok(match ty {
            Type::Bool => Self::Scalar("bool"),
            Type::S8 => Self::Scalar("s8"),
            Type::U8 => Self::Scalar("u8"),
            Type::S16 => Self::Scalar("s16"),
            Type::U16 => Self::Scalar("u16"),
            Type::S32 => Self::Scalar("s32"),
            Type::U32 => Self::Scalar("u32"),
            Type::S64 => Self::Scalar("s64"),
            Type::U64 => Self::Scalar("u64"),
            Type::Float32 => Self::Scalar("f32"),
            Type::Float64 => Self::Scalar("f64"),
            Type::Char => Self::Scalar("char"),
            Type::String => Self::Scalar("string"),
            Type::List(list) => Self::List(boxed(list.ty())?),
            Type::FixedLengthList(list) => Self::FixedLengthList(boxed(list.ty())?, list.len()),
            Type::Map(map) => {
                let key = Self::of(&map.key(), budget)?;
                Self::Map(Box::new((key, Self::of(&map.value(), budget)?)))
            }
            Type::Option(option) => Self::Option(boxed(option.ty())?),
            Type::Result(result) => {
                let ok = payload(result.ok(), budget)?;
                Self::Result(ok, payload(result.err(), budget)?)
            }
            Type::Tuple(tuple) => {
                let types = tuple.types().map(|ty| Self::of(&ty, budget));
                Self::Tuple(types.collect::<Result<_, TooMuch>>()?)
            }
            Type::Record(record) => {
                let fields = record
                    .fields()
                    .map(|field| Ok((budget.name(field.name)?, Self::of(&field.ty, budget)?)));
                Self::Record(fields.collect::<Result<_, TooMuch>>()?)
            }
            Type::Variant(variant) => {
                let cases = variant
                    .cases()
                    .map(|case| Ok((budget.name(case.name)?, payload(case.ty, budget)?)));
                Self::Variant(cases.collect::<Result<_, TooMuch>>()?)
            }
            Type::Enum(cases) => Self::Enum(budget.names(cases.names())?),
            Type::Flags(flags) => Self::Flags(budget.names(flags.names())?),
            Type::Own(_) | Type::Borrow(_) => Self::Handle("resource"),
            Type::Future(_) => Self::Handle("future"),
            Type::Stream(_) => Self::Handle("stream"),
            Type::ErrorContext => Self::Handle("error-context"),
        })
    }

    fn is_plain(&self) -> bool {
        let absent_or_plain = |payload: &Payload| payload.as_deref().is_none_or(Self::is_plain);
        match self {
            Self::Handle(_) => false,
            Self::List(shape) | Self::FixedLengthList(shape, _) | Self::Option(shape) => {
                shape.is_plain()
            }
            Self::Map(shapes) => shapes.0.is_plain() && shapes.1.is_plain(),
            Self::Result(ok, error) => absent_or_plain(ok) && absent_or_plain(error),
            Self::Tuple(shapes) => shapes.iter().all(Self::is_plain),
            Self::Record(fields) => fields.iter().all(|(_, shape)| shape.is_plain()),
            Self::Variant(cases) => cases.iter().all(|(_, payload)| absent_or_plain(payload)),
            Self::Scalar(_) | Self::Enum(_) | Self::Flags(_) => true,
        }
    }
}

fn payload(ty: Option<Type>, budget: &mut Budget) -> Result<Payload, TooMuch> {
    let shape = ty.map(|ty| Shape::of(&ty, budget)).transpose()?;
    Ok(shape.map(Box::new))
}

/// As WIT would write it, for example `func(room-id: u64) -> result<_, variant { taken(string) }>`.
impl Display for Signature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("func(")?;
        joined(f, &self.parameters, |f, (name, shape)| {
            write!(f, "{name}: {shape}")
        })?;
        f.write_str(")")?;
        match &self.result {
            Some(shape) => write!(f, " -> {shape}"),
            None => Ok(()),
        }
    }
}

/// As WIT would write it.
impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(name) | Self::Handle(name) => f.write_str(name),
            Self::List(shape) => write!(f, "list<{shape}>"),
            Self::FixedLengthList(shape, length) => write!(f, "list<{shape}, {length}>"),
            Self::Map(shapes) => write!(f, "map<{}, {}>", shapes.0, shapes.1),
            Self::Option(shape) => write!(f, "option<{shape}>"),
            Self::Result(ok, error) => {
                f.write_str("result<")?;
                write_payload(f, ok)?;
                f.write_str(", ")?;
                write_payload(f, error)?;
                f.write_str(">")
            }
            Self::Tuple(shapes) => {
                f.write_str("tuple<")?;
                joined(f, shapes, |f, shape| write!(f, "{shape}"))?;
                f.write_str(">")
            }
            Self::Record(fields) => {
                f.write_str("record { ")?;
                joined(f, fields, |f, (name, shape)| write!(f, "{name}: {shape}"))?;
                f.write_str(" }")
            }
            Self::Variant(cases) => {
                f.write_str("variant { ")?;
                joined(f, cases, |f, (name, payload)| match payload {
                    Some(shape) => write!(f, "{name}({shape})"),
                    None => f.write_str(name),
                })?;
                f.write_str(" }")
            }
            Self::Enum(names) => {
                f.write_str("enum { ")?;
                joined(f, names, |f, name| f.write_str(name))?;
                f.write_str(" }")
            }
            Self::Flags(names) => {
                f.write_str("flags { ")?;
                joined(f, names, |f, name| f.write_str(name))?;
                f.write_str(" }")
            }
        }
    }
}

fn write_payload(f: &mut Formatter<'_>, payload: &Payload) -> fmt::Result {
    match payload {
        Some(shape) => write!(f, "{shape}"),
        None => f.write_str("_"),
    }
}

fn joined<T>(
    f: &mut Formatter<'_>,
    parts: &[T],
    write: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write(f, part)?;
    }
    Ok(())
}
