//! Whether what one context offers serves what another was built against.
//!
//! The two need not be equal: values pass as [`wasmtime::component::Val`], by name. So a case that is added to a parameter, or taken from a result,
//! leaves every caller working.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasmtime::component::Type;
use wasmtime::component::types::{Record, Variant};

use crate::offer::{Interface, Operation};
use crate::shape;

/// How much of a type's text a message shows.
const SHOWN: usize = 120;

/// A place where what is offered does not serve what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The function is not there.
    #[error("{operation} is not offered")]
    NotOffered {
        /// The function.
        operation: String,
    },
    /// The parameters have other names, or another order.
    #[error("the parameters of {operation}: ({wanted}) are wanted, ({offered}) are offered")]
    Parameters {
        /// The function.
        operation: String,
        /// The names that the caller was built against.
        wanted: String,
        /// The names that are offered.
        offered: String,
    },
    /// A parameter's value may be one that is not taken.
    #[error("parameter `{place}` of {operation}: {problem}")]
    Parameter {
        /// The function.
        operation: String,
        /// The parameter, with the place in it: `request.guest.name`.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// The result may be a value that the caller does not know.
    #[error("the result of {operation}{}: {problem}", at(place))]
    Result {
        /// The function.
        operation: String,
        /// The place in the result, for example `err.taken`; empty when it is all of it.
        place: String,
        /// What is wrong there.
        problem: String,
    },
}

fn at(place: &str) -> String {
    match place.is_empty() {
        true => String::new(),
        false => format!(" at `{place}`"),
    }
}

impl Operation {
    /// Whether this function, which is offered, serves a caller that was built against `wanted`.
    ///
    /// # Errors
    ///
    /// The first place where it does not.
    pub fn serves(&self, wanted: &Operation) -> Result<(), Difference> {
        if self.shape == wanted.shape {
            return Ok(());
        }
        let names = |operation: &Operation| {
            let names = operation.parameters.iter().map(|(name, _)| name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let (offered_names, wanted_names) = (names(self), names(wanted));
        if offered_names != wanted_names {
            return Err(Difference::Parameters {
                operation: wanted.name(),
                wanted: wanted_names,
                offered: offered_names,
            });
        }
        for ((name, offered), (_, given)) in self.parameters.iter().zip(&wanted.parameters) {
            fits(given, offered).map_err(|misfit| Difference::Parameter {
                operation: wanted.name(),
                place: format!("{name}{}", misfit.place),
                problem: misfit.of_parameter(),
            })?;
        }
        payload_fits(self.result.as_ref(), wanted.result.as_ref()).map_err(|misfit| {
            Difference::Result {
                operation: wanted.name(),
                place: misfit.place.trim_start_matches('.').to_owned(),
                problem: misfit.of_result(),
            }
        })
    }
}

impl Interface {
    /// Whether this interface, which is offered, serves a caller that was built against `wanted`. What else it has does not matter.
    ///
    /// # Errors
    ///
    /// For each function that does not, the first place.
    pub fn serves(&self, wanted: &Interface) -> Result<(), Vec<Difference>> {
        let serves = |(function, wanted): (&String, &Arc<Operation>)| {
            let Some(offered) = self.operations.get(function) else {
                return Some(Difference::NotOffered {
                    operation: wanted.name(),
                });
            };
            offered.serves(wanted).err()
        };
        let differences: Vec<_> = wanted.operations.iter().filter_map(serves).collect();
        match differences.is_empty() {
            true => Ok(()),
            false => Err(differences),
        }
    }
}

/// Why a value that one side gives may not be one that the other takes.
struct Misfit {
    /// Where, from the outside in: `.guest.name`.
    place: String,
    /// What is wrong there.
    problem: Problem,
}

/// What is wrong at a place.
enum Problem {
    /// Their types there.
    Types { given: String, taken: String },
    /// What the value may be or have that the other side does not know: `be the case`, and its name.
    Unknown { what: &'static str, name: String },
}

impl Misfit {
    fn types(given: impl Into<String>, taken: impl Into<String>) -> Self {
        Self {
            place: String::new(),
            problem: Problem::Types {
                given: given.into(),
                taken: taken.into(),
            },
        }
    }

    fn unknown(what: &'static str, name: &str) -> Self {
        Self {
            place: String::new(),
            problem: Problem::Unknown {
                what,
                name: name.to_owned(),
            },
        }
    }

    /// For `map_err` where a part is looked into.
    fn within(part: &str) -> impl FnOnce(Self) -> Self {
        move |inner| Self {
            place: format!("{part}{}", inner.place),
            ..inner
        }
    }

    /// What the caller gives is taken by what is offered.
    fn of_parameter(&self) -> String {
        match &self.problem {
            Problem::Types { given, taken } => format!("{given} is wanted, {taken} is offered"),
            Problem::Unknown { what, name } => {
                format!("it may {what} `{name}`, which is not offered")
            }
        }
    }

    /// What is offered gives what the caller takes.
    fn of_result(&self) -> String {
        match &self.problem {
            Problem::Types { given, taken } => format!("{taken} is wanted, {given} is offered"),
            Problem::Unknown { what, name } => {
                format!("it may {what} `{name}`, which the caller does not know")
            }
        }
    }
}

/// Whether every value of the type `given` is a value of the type `taken` as it is.
fn fits(given: &Type, taken: &Type) -> Result<(), Misfit> {
    match (given, taken) {
        (Type::Bool, Type::Bool)
        | (Type::S8, Type::S8)
        | (Type::U8, Type::U8)
        | (Type::S16, Type::S16)
        | (Type::U16, Type::U16)
        | (Type::S32, Type::S32)
        | (Type::U32, Type::U32)
        | (Type::S64, Type::S64)
        | (Type::U64, Type::U64)
        | (Type::Float32, Type::Float32)
        | (Type::Float64, Type::Float64)
        | (Type::Char, Type::Char)
        | (Type::String, Type::String) => Ok(()),
        (Type::List(given), Type::List(taken)) => {
            fits(&given.ty(), &taken.ty()).map_err(Misfit::within("[]"))
        }
        (Type::FixedLengthList(given), Type::FixedLengthList(taken))
            if given.len() == taken.len() =>
        {
            fits(&given.ty(), &taken.ty()).map_err(Misfit::within("[]"))
        }
        (Type::Map(given), Type::Map(taken)) => {
            fits(&given.key(), &taken.key()).map_err(Misfit::within("[key]"))?;
            fits(&given.value(), &taken.value()).map_err(Misfit::within("[value]"))
        }
        (Type::Option(given), Type::Option(taken)) => {
            fits(&given.ty(), &taken.ty()).map_err(Misfit::within(".some"))
        }
        (Type::Result(given), Type::Result(taken)) => {
            payload_fits(given.ok().as_ref(), taken.ok().as_ref())
                .map_err(Misfit::within(".ok"))?;
            payload_fits(given.err().as_ref(), taken.err().as_ref()).map_err(Misfit::within(".err"))
        }
        (Type::Tuple(given), Type::Tuple(taken)) if given.types().len() == taken.types().len() => {
            for (index, (given, taken)) in given.types().zip(taken.types()).enumerate() {
                fits(&given, &taken).map_err(Misfit::within(&format!("[{index}]")))?;
            }
            Ok(())
        }
        (Type::Record(given), Type::Record(taken)) => record_fits(given, taken),
        (Type::Variant(given), Type::Variant(taken)) => variant_fits(given, taken),
        (Type::Enum(given), Type::Enum(taken)) => {
            names_fit("be the case", given.names(), taken.names().collect())
        }
        (Type::Flags(given), Type::Flags(taken)) => {
            names_fit("have the flag", given.names(), taken.names().collect())
        }
        // Handles are refused before; two of them are never the same.
        _ => Err(Misfit::types(shown(given), shown(taken))),
    }
}

/// What a case of a variant or a result carries, and what a function returns: a value, or nothing.
fn payload_fits(given: Option<&Type>, taken: Option<&Type>) -> Result<(), Misfit> {
    match (given, taken) {
        (None, None) => Ok(()),
        (Some(given), Some(taken)) => fits(given, taken),
        (Some(given), None) => Err(Misfit::types(shown(given), "nothing")),
        (None, Some(taken)) => Err(Misfit::types("nothing", shown(taken))),
    }
}

fn record_fits(given: &Record, taken: &Record) -> Result<(), Misfit> {
    let (mut given, mut taken) = (given.fields(), taken.fields());
    loop {
        let (given, taken) = match (given.next(), taken.next()) {
            (None, None) => return Ok(()),
            (Some(given), Some(taken)) if given.name == taken.name => (given, taken),
            (given, taken) => {
                let named = |name: Option<&str>| {
                    name.map_or("nothing more".to_owned(), |name| {
                        format!("the field `{name}`")
                    })
                };
                return Err(Misfit::types(
                    named(given.map(|field| field.name)),
                    named(taken.map(|field| field.name)),
                ));
            }
        };
        fits(&given.ty, &taken.ty).map_err(Misfit::within(&format!(".{}", given.name)))?;
    }
}

fn variant_fits(given: &Variant, taken: &Variant) -> Result<(), Misfit> {
    let known: BTreeMap<_, _> = taken.cases().map(|case| (case.name, case.ty)).collect();
    for case in given.cases() {
        let Some(taken) = known.get(case.name) else {
            return Err(Misfit::unknown("be the case", case.name));
        };
        payload_fits(case.ty.as_ref(), taken.as_ref())
            .map_err(Misfit::within(&format!(".{}", case.name)))?;
    }
    Ok(())
}

fn names_fit<'a>(
    what: &'static str,
    mut given: impl Iterator<Item = &'a str>,
    known: BTreeSet<&str>,
) -> Result<(), Misfit> {
    match given.find(|name| !known.contains(name)) {
        Some(name) => Err(Misfit::unknown(what, name)),
        None => Ok(()),
    }
}

/// A type as a message shows it: its author may have made it very long.
fn shown(ty: &Type) -> String {
    let text = shape::of_type(ty);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
