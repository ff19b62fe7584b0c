//! What the manifest says that is read again while the host runs. All else is read when it starts.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::document::Node;
use super::{ContextSettings, Manifest, check};
use crate::core::ContextName;

/// The manifest as it holds: what a start has read, and the contexts that were added since. What else is read live has places of its own.
#[derive(Debug)]
pub struct CurrentManifest(ArcSwap<Manifest>);

impl CurrentManifest {
    /// What a start has read.
    pub(crate) fn new(manifest: Arc<Manifest>) -> Self {
        Self(ArcSwap::new(manifest))
    }

    /// As it holds at this moment.
    pub fn load(&self) -> Arc<Manifest> {
        self.0.load_full()
    }

    /// Another one holds from now on. Only for whoever adds contexts.
    pub(crate) fn replace(&self, manifest: Arc<Manifest>) {
        self.0.store(manifest);
    }
}

/// The keys, as docs/manifest.md names them, with all that is below them.
const LIVE: [&str; 2] = ["admin.tokens.<name>", "context.<name>.config"];

/// What is read when the host starts, of what has changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForTheNextStart {
    /// This section has changed.
    Section(String),
    /// This context is not named any more.
    Left(ContextName),
}

impl fmt::Display for ForTheNextStart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Section(section) => write!(
                formatter,
                "[{section}] has changed in the manifest, and is read when the host starts: restart it"
            ),
            Self::Left(context) => write!(
                formatter,
                "context {context} is no longer in the manifest: it serves until the host restarts, and its state is kept"
            ),
        }
    }
}

/// Whether a key, by its name in docs/manifest.md, is read again while the host runs.
pub(super) fn is_live(key: &str) -> bool {
    LIVE.iter().any(|live| {
        let below = key.strip_prefix(live);
        below.is_some_and(|below| below.is_empty() || below.starts_with('.'))
    })
}

impl Manifest {
    /// What a host that runs with this one takes of the other only when it is started anew. Contexts that only the other one has can be added.
    pub fn needs_a_start_for(&self, other: &Self) -> Vec<ForTheNextStart> {
        let (here, there) = (self.without_what_is_live(), other.without_what_is_live());
        let sections = [
            ("app", here.app == there.app),
            ("host", here.host == there.host),
            ("gateway", here.gateway == there.gateway),
            ("admin", here.admin == there.admin),
            ("rollout", here.rollout == there.rollout),
            ("registry", here.registries == there.registries),
            ("journal", here.journal == there.journal),
            ("nats", here.nats == there.nats),
            ("log", here.log == there.log),
            ("saga", here.sagas == there.sagas),
        ];
        let sections = sections.into_iter().filter(|(_, is_same)| !is_same);
        let sections = sections.map(|(name, _)| ForTheNextStart::Section(name.to_owned()));
        let contexts =
            here.contexts
                .iter()
                .filter_map(|(name, settings)| match there.contexts.get(name) {
                    None => Some(ForTheNextStart::Left(name.clone())),
                    Some(other) if other != settings => {
                        Some(ForTheNextStart::Section(format!("context.{name}")))
                    }
                    Some(_) => None,
                });
        sections.chain(contexts).collect()
    }

    /// The contexts that only the other one has.
    pub fn new_in<'o>(&self, other: &'o Self) -> impl Iterator<Item = &'o ContextName> {
        let contexts = other.contexts.keys();
        contexts.filter(|name| !self.contexts.contains_key(*name))
    }

    /// The same with one more context.
    ///
    /// # Errors
    ///
    /// Why that context cannot be beside what there is.
    pub(crate) fn with_context(
        &self,
        name: &ContextName,
        settings: &ContextSettings,
    ) -> Result<Self, String> {
        let mut manifest = self.clone();
        manifest.contexts.insert(name.clone(), settings.clone());
        match check::check(&manifest, &Node::nowhere()) {
            Ok(()) => Ok(manifest),
            Err(fault) => Err(fault.without_place()),
        }
    }

    fn without_what_is_live(&self) -> Self {
        let mut manifest = self.clone();
        manifest.admin.tokens.clear();
        for context in manifest.contexts.values_mut() {
            context.config = Default::default();
        }
        manifest
    }
}
