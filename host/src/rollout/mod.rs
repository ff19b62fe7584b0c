//! Versions: from a component's bytes to what serves.

mod describe;
mod load;
mod ready;
pub mod signature;
mod version;

pub use self::{
    load::{RolloutError, load},
    ready::ready,
    version::{Description, Version},
};
