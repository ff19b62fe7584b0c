//! Who serves, and who answers what: the whole app at one moment, behind one pointer.
//!
//! A swap of versions exchanges all of it in one step: routes, calls, events and timers move together.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use super::links::{LinkError, Links};
use super::routes::{Offer, RouteError, Routes};
use super::serving::Serving;
use super::version::Version;
use crate::core::ContextName;
use crate::manifest::ContextSettings;

/// What serves in each context, and what follows from it. It never changes; another takes its place.
#[derive(Debug, Default)]
pub struct Wiring {
    servings: BTreeMap<ContextName, Arc<Serving>>,
    /// Which context answers which route: as the current versions describe it, also while others are ramped up.
    pub routes: Routes<ContextName>,
    /// Which context offers which interface, likewise.
    pub links: Links,
    /// A context of which no version serves.
    down: Option<ContextName>,
}

/// The wiring while nobody else exchanges it, nor decides what may come into it.
pub(crate) struct Rewiring(Arc<Wiring>);

impl Rewiring {
    /// Only for who holds the lock.
    pub(super) fn begin(wiring: Arc<Wiring>) -> Self {
        Self(wiring)
    }
}

impl Deref for Rewiring {
    type Target = Wiring;

    fn deref(&self) -> &Wiring {
        &self.0
    }
}

/// Why versions cannot serve together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// Two contexts offer the same interface.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Two contexts want to answer the same, or one what nobody can.
    #[error(transparent)]
    Route(#[from] RouteError),
}

impl Wiring {
    /// The wiring of contexts without versions, with the generations of their states.
    pub(crate) fn empty(generations: impl IntoIterator<Item = (ContextName, u32)>) -> Self {
        let serving = |(name, generation): (ContextName, u32)| {
            let serving = Serving {
                generation,
                ..Serving::default()
            };
            (name, Arc::new(serving))
        };
        Self {
            servings: generations.into_iter().map(serving).collect(),
            ..Self::default()
        }
    }

    /// What serves in a context.
    pub fn serving(&self, context: &str) -> Option<&Arc<Serving>> {
        self.servings.get(context)
    }

    /// A context that should serve and does not, if there is one: what it would answer is not known. Looked up for requests that no other route is closer to, so
    /// it is known beforehand, however many contexts there are.
    pub fn down(&self) -> Option<&ContextName> {
        self.down.as_ref()
    }

    /// What serves in each context.
    pub fn servings(&self) -> impl Iterator<Item = (&ContextName, &Arc<Serving>)> {
        self.servings.iter()
    }

    /// The same with something else serving in some contexts, of which there are these.
    ///
    /// # Errors
    ///
    /// When the versions cannot serve together.
    pub fn with(
        &self,
        contexts: &BTreeMap<ContextName, ContextSettings>,
        changes: impl IntoIterator<Item = (ContextName, Serving)>,
    ) -> Result<Self, WiringError> {
        let mut servings = self.servings.clone();
        for (name, serving) in changes {
            servings.insert(name, Arc::new(serving));
        }
        let current = servings
            .iter()
            .filter_map(|(name, serving)| Some((name, serving.version()?)));
        let (routes, links) = follow_from(contexts, current.collect())?;
        let is_down = |(name, serving): &(&ContextName, &Arc<Serving>)| {
            contexts.contains_key(*name) && serving.version().is_none()
        };
        let down = servings.iter().find(is_down).map(|(name, _)| name.clone());
        Ok(Self {
            servings,
            routes,
            links,
            down,
        })
    }

    /// Whether a version could serve in a context, beside what serves in the others.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub fn could_have(
        &self,
        contexts: &BTreeMap<ContextName, ContextSettings>,
        context: &ContextName,
        version: &Arc<Version>,
    ) -> Result<(), WiringError> {
        let current = self.servings.iter().filter_map(|(name, serving)| {
            let serves = match name == context {
                true => Some(version),
                false => serving.version(),
            };
            Some((name, serves?))
        });
        follow_from(contexts, current.collect()).map(|_| ())
    }
}

/// The routes and links that follow from what serves.
fn follow_from(
    contexts: &BTreeMap<ContextName, ContextSettings>,
    current: Vec<(&ContextName, &Arc<Version>)>,
) -> Result<(Routes<ContextName>, Links), WiringError> {
    let mut links = Links::default();
    for (name, version) in &current {
        links.add(name, &version.guest)?;
    }
    let offers = current.iter().filter_map(|(name, version)| {
        let settings = contexts.get(*name)?;
        let limits = &settings.limits;
        Some(Offer {
            rules: &settings.routes,
            context: ContextName::clone(name),
            name,
            request_limit: limits.request,
            response_limit: limits.whole_response(),
            deadline: limits.deadline,
            requests_per_connection: settings.circuit_breaker.max_requests_per_connection,
            routes: &version.description.routes,
        })
    });
    Ok((Routes::build(offers)?, links))
}
