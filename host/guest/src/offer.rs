//! The interfaces that contexts offer each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::Type;

/// One function of an interface between contexts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The interface with its version, for example `stay:room/rooms@0.1.0`.
    pub interface: String,
    /// The function, for example `hold`.
    pub function: String,
    /// Its parameters and result, as WIT text: equal texts are equal types.
    pub shape: String,
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
}

/// An interface with its functions by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// The functions.
    pub operations: BTreeMap<String, Arc<Operation>>,
}
