//! Whether what one context offers serves what another was built against.
//!
//! The two need not be equal: values pass as [`wasmtime::component::Val`], by name. So a case that is added to a parameter, or taken from a result,
//! leaves every caller working.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::interface::{Interface, Operation};
use crate::shape::{Payload, Shape};
use crate::shorten::shortened;

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
        let (offers, wants) = (&self.signature, &wanted.signature);
        if offers == wants {
            return Ok(());
        }
        let operation = shortened(wanted.name());
        let names = |parameters: &[(String, Shape)]| {
            let names = parameters.iter().map(|(name, _)| name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let (offered, given) = (names(&offers.parameters), names(&wants.parameters));
        if offered != given {
            return Err(Difference::Parameters {
                operation,
                wanted: shortened(given),
                offered: shortened(offered),
            });
        }
        for ((name, offered), (_, given)) in offers.parameters.iter().zip(&wants.parameters) {
            if let Err(misfit) = fits(given, offered) {
                return Err(Difference::Parameter {
                    operation,
                    place: shortened(format_args!("{name}{}", misfit.place)),
                    problem: misfit.of_parameter(),
                });
            }
        }
        payload_fits(offers.result.as_ref(), wants.result.as_ref()).map_err(|misfit| {
            Difference::Result {
                operation,
                place: shortened(misfit.place.trim_start_matches('.')),
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
                    operation: shortened(wanted.name()),
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
                name: shortened(name),
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
fn fits(given: &Shape, taken: &Shape) -> Result<(), Misfit> {
    match (given, taken) {
        (Shape::Scalar(given), Shape::Scalar(taken)) if given == taken => Ok(()),
        (Shape::List(given), Shape::List(taken)) => {
            fits(given, taken).map_err(Misfit::within("[]"))
        }
        (Shape::FixedLengthList(given, length), Shape::FixedLengthList(taken, wanted))
            if length == wanted =>
        {
            fits(given, taken).map_err(Misfit::within("[]"))
        }
        (Shape::Map(given), Shape::Map(taken)) => {
            fits(&given.0, &taken.0).map_err(Misfit::within("[key]"))?;
            fits(&given.1, &taken.1).map_err(Misfit::within("[value]"))
        }
        (Shape::Option(given), Shape::Option(taken)) => {
            fits(given, taken).map_err(Misfit::within(".some"))
        }
        (Shape::Result(given, given_error), Shape::Result(taken, taken_error)) => {
            payload_fits(given.as_deref(), taken.as_deref()).map_err(Misfit::within(".ok"))?;
            payload_fits(given_error.as_deref(), taken_error.as_deref())
                .map_err(Misfit::within(".err"))
        }
        (Shape::Tuple(given), Shape::Tuple(taken)) if given.len() == taken.len() => {
            for (index, (given, taken)) in given.iter().zip(taken).enumerate() {
                fits(given, taken).map_err(Misfit::within(&format!("[{index}]")))?;
            }
            Ok(())
        }
        (Shape::Record(given), Shape::Record(taken)) => record_fits(given, taken),
        (Shape::Variant(given), Shape::Variant(taken)) => variant_fits(given, taken),
        (Shape::Enum(given), Shape::Enum(taken)) => names_fit("be the case", given, taken),
        (Shape::Flags(given), Shape::Flags(taken)) => names_fit("have the flag", given, taken),
        // Handles are refused before; two of them are never the same.
        _ => Err(Misfit::types(shortened(given), shortened(taken))),
    }
}

/// What a case of a variant or a result carries, and what a function returns: a value, or nothing.
fn payload_fits(given: Option<&Shape>, taken: Option<&Shape>) -> Result<(), Misfit> {
    match (given, taken) {
        (None, None) => Ok(()),
        (Some(given), Some(taken)) => fits(given, taken),
        (Some(given), None) => Err(Misfit::types(shortened(given), "nothing")),
        (None, Some(taken)) => Err(Misfit::types("nothing", shortened(taken))),
    }
}

fn record_fits(given: &[(String, Shape)], taken: &[(String, Shape)]) -> Result<(), Misfit> {
    let (mut given, mut taken) = (given.iter(), taken.iter());
    loop {
        let (name, given, taken) = match (given.next(), taken.next()) {
            (None, None) => return Ok(()),
            (Some((name, given)), Some((same, taken))) if name == same => (name, given, taken),
            (given, taken) => {
                let named = |field: Option<&(String, Shape)>| {
                    field.map_or("nothing more".to_owned(), |(name, _)| {
                        format!("the field `{}`", shortened(name))
                    })
                };
                return Err(Misfit::types(named(given), named(taken)));
            }
        };
        fits(given, taken).map_err(Misfit::within(&format!(".{}", shortened(name))))?;
    }
}

fn variant_fits(given: &[(String, Payload)], taken: &[(String, Payload)]) -> Result<(), Misfit> {
    let known: BTreeMap<_, _> = taken
        .iter()
        .map(|(name, payload)| (name, payload))
        .collect();
    for (name, given) in given {
        let Some(taken) = known.get(name) else {
            return Err(Misfit::unknown("be the case", name));
        };
        payload_fits(given.as_deref(), taken.as_deref())
            .map_err(Misfit::within(&format!(".{}", shortened(name))))?;
    }
    Ok(())
}

fn names_fit(what: &'static str, given: &[String], known: &[String]) -> Result<(), Misfit> {
    let known: BTreeSet<_> = known.iter().collect();
    match given.iter().find(|name| !known.contains(name)) {
        Some(name) => Err(Misfit::unknown(what, name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
