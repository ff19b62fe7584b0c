//! The journals of one host, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ledger::Ledger;
use crate::core::{ByName, ContextName};

/// The ledgers of one host, by name. Some may be added while the host runs; none is taken out.
#[derive(Default)]
pub struct Ledgers {
    /// Those that the host writes what happens in it to.
    pub own: ByName<Ledger>,
    /// What is taken in from outside, by source.
    pub outside: ByName<Ledger>,
    /// Of contexts that were not part of the app when the host started, and whose work has not all ended: what they called is kept for them.
    pub absent: BTreeMap<ContextName, Arc<Ledger>>,
}

impl Ledgers {
    /// One of either kind.
    pub fn get(&self, name: &str) -> Option<Arc<Ledger>> {
        self.own.get(name).or_else(|| self.outside.get(name))
    }

    /// One of either kind, with the name of its context.
    pub fn get_named(&self, name: &str) -> Option<(ContextName, Arc<Ledger>)> {
        let own = self.own.get_named(name);
        own.or_else(|| self.outside.get_named(name))
    }

    /// That of a context that calls others, also where it is no longer part of the app.
    pub fn of_caller(&self, name: &str) -> Option<Arc<Ledger>> {
        self.own
            .get(name)
            .or_else(|| self.absent.get(name).cloned())
    }

    /// Those of all contexts that may have called others.
    pub fn callers(&self) -> BTreeMap<ContextName, Arc<Ledger>> {
        let mut callers = self.absent.clone();
        callers.extend(BTreeMap::clone(&self.own.all()));
        callers
    }
}
