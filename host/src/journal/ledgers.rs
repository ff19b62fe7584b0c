//! The journals of one host, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ledger::Ledger;

/// The ledgers of one host, by name.
#[derive(Default)]
pub struct Ledgers {
    /// Those that the host writes what happens in it to.
    pub own: BTreeMap<String, Arc<Ledger>>,
    /// What is taken in from outside, by source.
    pub outside: BTreeMap<String, Arc<Ledger>>,
}

impl Ledgers {
    /// One of either kind.
    pub fn get(&self, name: &str) -> Option<&Arc<Ledger>> {
        self.own.get(name).or_else(|| self.outside.get(name))
    }
}
