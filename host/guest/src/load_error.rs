//! Why a component cannot be a guest.

use std::path::PathBuf;

use crate::shape::{Budget, TooMuch};

/// The version of the contract's package `innkeeper:context`. Components for another one are refused.
pub const CONTRACT_VERSION: &str = "0.4.0";

/// Why a component cannot be a guest.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a valid component, or use features that the host does not have.
    #[error("not a valid WebAssembly component: {0:#}")]
    Invalid(wasmtime::Error),
    /// The compiled component could not be kept.
    #[error("the compiled component cannot be written to {}: {source}; make the directory writable or choose another with --data", directory.display())]
    Cache {
        /// The cache's directory.
        directory: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was to be loaded as it is compiled, and is not.
    #[error("its compiled form is missing from {} or unusable; upload the component again", directory.display())]
    NotCompiled {
        /// The cache's directory.
        directory: PathBuf,
    },
    /// It is valid, and needs more tables, memories or instances than one component may have.
    #[error(
        "it exceeds what one component may have: {0:#}; link fewer modules into it, or build it without what it does not use"
    )]
    OverLimits(wasmtime::Error),
    /// What it imports and exports is too big to be looked at.
    #[error(
        "the types of what it imports and exports have more than {parts} parts or {names} bytes of names, counted as often as they are used; make them smaller",
        parts = Budget::PARTS,
        names = Budget::NAMES
    )]
    TooManyTypes,
    /// It does not export `describe`.
    #[error(
        "it does not export `innkeeper:context/describe@{CONTRACT_VERSION}`, nor `wasi:http/incoming-handler@0.2` as a standard component does; build it with the SDK, or against the WIT of this version of the host"
    )]
    NoDescription,
    /// It is built for another version of the contract.
    #[error(
        "it is built for version {0} of the contract innkeeper:context, but this host has {CONTRACT_VERSION}; use components/sdk and wit/innkeeper of this version of Innkeeper, and build it again"
    )]
    OtherContract(String),
    /// It imports something that nobody grants.
    #[error(
        "it imports `{0}`, which the host does not provide; no setting grants it: the contract in wit/ lists what there is, and docs/components.md what there is of WASI"
    )]
    NotGranted(String),
    /// An export of the contract has another type than the contract says.
    #[error("its exports do not match the contract: {0:#}")]
    Contract(wasmtime::Error),
    /// A function between contexts cannot say that the other side is unavailable.
    #[error(
        "`{operation}` must return `result<T, E>` where E is a variant with the case `unavailable(string)`; it is `{shape}`"
    )]
    NoUnavailable {
        /// The function.
        operation: String,
        /// Its type.
        shape: String,
    },
    /// A function between contexts passes something that cannot be stored.
    #[error(
        "`{operation}` may only pass plain data, no resources, streams or futures; it is `{shape}`"
    )]
    NotPlain {
        /// The function.
        operation: String,
        /// Its type.
        shape: String,
    },
}

impl From<TooMuch> for LoadError {
    fn from(_: TooMuch) -> Self {
        Self::TooManyTypes
    }
}
