//! Versions: from a component's bytes to what serves.

pub(crate) mod compile;
mod describe;
mod load;
mod ready;
mod version;

pub use self::{
    compile::{CompileError, CompileLimits, Compiler},
    load::{RolloutError, load},
    ready::ready,
    version::{Description, Version},
};
