//! What a floor above keeps for each context, so that a context need not know of it.

use std::collections::BTreeMap;

use super::context::Context;
use super::invoker::Contexts;

/// A part for each context of an app.
pub(crate) struct PerContext<T>(BTreeMap<String, T>);

impl<T: Default> PerContext<T> {
    /// A first part for each.
    pub(crate) fn new(contexts: &Contexts) -> Self {
        let parts = contexts.keys().map(|name| (name.clone(), T::default()));
        Self(parts.collect())
    }

    /// The part of a context.
    #[allow(
        clippy::expect_used,
        reason = "each context of the app has a part, and there is none of another app"
    )]
    pub(crate) fn of(&self, context: &Context) -> &T {
        self.0.get(&context.name).expect("a part for each context")
    }
}
