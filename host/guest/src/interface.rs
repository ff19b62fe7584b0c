//! The interfaces that contexts offer each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::{Type, Val};

use crate::shape::Signature;
use crate::value;

/// One function of an interface between contexts.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The interface with its version, for example `stay:room/rooms@0.1.0`.
    pub interface: String,
    /// The function, for example `hold`.
    pub function: String,
    /// Its parameters and result by their parts: what is compared.
    pub signature: Signature,
    /// Its parameters by name.
    pub parameters: Vec<(String, Type)>,
    /// What it returns.
    pub result: Option<Type>,
}

impl Operation {
    /// `<interface>#<function>`: how descriptions and stories name it.
    pub fn name(&self) -> String {
        format!("{}#{}", self.interface, self.function)
    }

    /// The host's answer to whoever has called it, where the time of the call was up: `err(deadline-exceeded(reason))` where its error has that case as the caller
    /// knows it, else `err(unavailable(reason))`.
    pub fn deadline_exceeded(&self, reason: impl Into<String>) -> Val {
        match self.signature.can_fail_with(value::DEADLINE_EXCEEDED) {
            true => value::failed(value::DEADLINE_EXCEEDED, reason),
            false => value::unavailable(reason),
        }
    }
}

impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        (&self.interface, &self.function, &self.signature)
            == (&other.interface, &other.function, &other.signature)
    }
}

impl Eq for Operation {}

/// An interface with its functions by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// The functions.
    pub operations: BTreeMap<String, Arc<Operation>>,
}
