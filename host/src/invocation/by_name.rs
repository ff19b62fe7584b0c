//! Things that are made when their name first comes up, and then stay. Reading takes no lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// Things by name. For names of which there are few.
pub struct ByName<T>(ArcSwap<BTreeMap<String, Arc<T>>>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<T> ByName<T> {
    /// All that there are.
    pub fn all(&self) -> Arc<BTreeMap<String, Arc<T>>> {
        self.0.load_full()
    }

    /// The one of this name, which is made if there is none.
    pub(super) fn get(&self, name: &str, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(found) = self.0.load().get(name) {
            return found.clone();
        }
        let made = Arc::new(make());
        self.0.rcu(|things| {
            let mut things = BTreeMap::clone(things);
            // Somebody else may have been quicker.
            things
                .entry(name.to_owned())
                .or_insert_with(|| made.clone());
            things
        });
        self.0.load().get(name).cloned().unwrap_or(made)
    }
}
