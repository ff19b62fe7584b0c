//! Migration: another generation of a context's state is filled while the former one serves, and takes over with what followers know.

pub(super) mod dead_letters;
pub(super) mod generation;
mod key_provenance;
mod state;
mod steps;

pub(super) use self::state::move_and_swap;
