//! Things that are entered by the name of a context once, and then stay. Reading takes no lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::ContextName;

/// Things by the name of a context. What is read often is entered seldom: with each entry the names are copied.
pub struct ByName<T>(ArcSwap<BTreeMap<ContextName, Arc<T>>>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<T> FromIterator<(ContextName, Arc<T>)> for ByName<T> {
    fn from_iter<I: IntoIterator<Item = (ContextName, Arc<T>)>>(things: I) -> Self {
        Self(ArcSwap::from_pointee(things.into_iter().collect()))
    }
}

impl<T> ByName<T> {
    /// All that there are at this moment.
    pub fn all(&self) -> Arc<BTreeMap<ContextName, Arc<T>>> {
        self.0.load_full()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.load().len()
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<Arc<T>> {
        self.0.load().get(name).cloned()
    }

    /// The one of this name, with the name.
    pub fn get_named(&self, name: &str) -> Option<(ContextName, Arc<T>)> {
        let things = self.0.load();
        let found = things.get_key_value(name);
        found.map(|(name, thing)| (name.clone(), thing.clone()))
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.load().contains_key(name)
    }

    /// The one of this name, which is made if there is none.
    pub(crate) fn get_or_make(&self, name: &ContextName, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(found) = self.get(name) {
            return found;
        }
        let made = Arc::new(make());
        // Somebody else may have been quicker.
        self.enter([(name.clone(), made.clone())]);
        self.get(name).unwrap_or(made)
    }

    /// Enters some in one step. One that is there stays.
    pub(crate) fn enter(&self, new: impl IntoIterator<Item = (ContextName, Arc<T>)>) {
        let new: Vec<_> = new.into_iter().collect();
        self.0.rcu(|things| {
            let mut things = BTreeMap::clone(things);
            for (name, thing) in &new {
                things.entry(name.clone()).or_insert_with(|| thing.clone());
            }
            things
        });
    }

    /// Takes some out again that were entered too early.
    pub(crate) fn take_out<'n>(&self, names: impl IntoIterator<Item = &'n ContextName>) {
        let names: Vec<_> = names.into_iter().collect();
        self.0.rcu(|things| {
            let mut things = BTreeMap::clone(things);
            things.retain(|name, _| !names.contains(&name));
            things
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_entered_stays_and_is_seen_by_whoever_looks_afterwards() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(ContextName::from);
        let things: ByName<u8> = [(a.clone(), Arc::new(1))].into_iter().collect();
        let before = things.all();
        things.enter([(a, Arc::new(2)), (b.clone(), Arc::new(3))]);
        assert_eq!((before.len(), things.count()), (1, 2));
        assert_eq!(things.get("a").as_deref(), Some(&1));
        assert_eq!(*things.get_or_make(&b, || 4), 3);
        assert_eq!(*things.get_or_make(&c, || 5), 5);
        assert!(things.has("c") && !things.has("d"));
        things.take_out([&c, &d]);
        assert!(things.has("b") && !things.has("c"));
    }
}
