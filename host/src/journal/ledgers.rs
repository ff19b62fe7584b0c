//! The journals of one host, by name.

use std::sync::Arc;

use super::ledger::Ledger;
use crate::core::ByName;

/// The ledgers of one host, by name. Some may be added while the host runs; none is taken out.
#[derive(Default)]
pub struct Ledgers {
    /// Those that the host writes what happens in it to.
    pub own: ByName<Ledger>,
    /// What is taken in from outside, by source.
    pub outside: ByName<Ledger>,
}

impl Ledgers {
    /// One of either kind.
    pub fn get(&self, name: &str) -> Option<Arc<Ledger>> {
        self.own.get(name).or_else(|| self.outside.get(name))
    }
}
