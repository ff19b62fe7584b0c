//! The gates between contexts: whether a version fits those that serve around it.
//!
//! They are passed twice: before a version gets any work, and again at the moment at which it gets all of it, since others may have been exchanged meanwhile.

mod events;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) use self::events::{missing_publisher, publishes};

use super::deployer::Deployer;
use super::refusal::{Gate, Refusal};
use crate::core::{ContextName, counted};
use crate::guest::Operation;
use crate::invocation::Context;
use crate::invocation::undoing::functions_needed;
use crate::manifest::ContextSettings;
use crate::versions::{Serving, Version, Wiring, WiringError};

/// The wiring in which something else serves in a context, if its current version fits the others there.
pub(super) fn wire(
    deployer: &Deployer,
    wiring: &Wiring,
    context: &Context,
    serving: Serving,
) -> Result<Wiring, Refusal> {
    if let Some(version) = serving.version() {
        let contexts = &deployer.manifest().contexts;
        check(deployer, contexts, wiring, context, version)?;
    }
    with(deployer, wiring, &context.name, serving)
}

/// The same without asking whether it fits: what is rolled back to served there before.
pub(super) fn with(
    deployer: &Deployer,
    wiring: &Wiring,
    context: &ContextName,
    serving: Serving,
) -> Result<Wiring, Refusal> {
    let changes = [(context.to_owned(), serving)];
    Ok(wiring.with(&deployer.manifest().contexts, changes)?)
}

/// Whether a version's routes and interfaces get in nobody's way.
pub(super) fn could_have(
    deployer: &Deployer,
    wiring: &Wiring,
    context: &ContextName,
    version: &Arc<Version>,
) -> Result<(), Refusal> {
    Ok(wiring.could_have(&deployer.manifest().contexts, context, version)?)
}

impl From<WiringError> for Refusal {
    fn from(error: WiringError) -> Self {
        match error {
            WiringError::Route(error) => Self::at(Gate::Routes, error),
            WiringError::Link(error) => Self::at(Gate::Contract, error),
        }
    }
}

/// The settings of contexts, by their names.
pub(super) type Settings = BTreeMap<ContextName, ContextSettings>;

/// Whether a version fits the others; `contexts` are the settings of all, those included that are about to be added.
pub(super) fn check(
    deployer: &Deployer,
    contexts: &Settings,
    wiring: &Wiring,
    context: &Context,
    version: &Version,
) -> Result<(), Refusal> {
    let around = Around {
        wiring,
        context: &context.name,
    };
    around.imports(version)?;
    around.consumers(version)?;
    around.functions_needed(deployer, context, version)?;
    around.followers(version)?;
    around.sagas(version, &deployer.manifest().sagas)?;
    around.follows(deployer, contexts, version)
}

/// Whether what a version imports is offered as it knows it, where it is offered at all.
pub(super) fn imports(
    wiring: &Wiring,
    context: &ContextName,
    version: &Version,
) -> Result<(), Refusal> {
    Around { wiring, context }.imports(version)
}

/// What serves around one context.
struct Around<'a> {
    wiring: &'a Wiring,
    context: &'a ContextName,
}

impl Around<'_> {
    fn current(&self, context: &ContextName) -> Option<&Arc<Version>> {
        self.wiring.serving(context)?.version()
    }

    /// The versions of all other contexts.
    fn others(&self) -> impl Iterator<Item = (&ContextName, &Arc<Version>)> {
        let others = self
            .wiring
            .servings()
            .filter(|(name, _)| *name != self.context);
        others.flat_map(|(name, serving)| serving.versions().map(move |version| (name, version)))
    }

    /// What it imports is offered as it knows it, where it is offered at all.
    fn imports(&self, version: &Version) -> Result<(), Refusal> {
        for (interface, used) in version.guest.uses() {
            let provider = self.wiring.links.offering(interface);
            let Some((name, provider)) =
                provider.and_then(|name| Some((name, self.current(name)?)))
            else {
                continue;
            };
            for wanted in used.operations.values() {
                if let Err(difference) = provider.serves(wanted) {
                    return Err(Refusal::at(
                        Gate::Imports,
                        format!(
                            "it imports {} of context {name}, which does not fit: {difference}; build it against the WIT of what runs there, or deploy {name} first",
                            wanted.name()
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    /// What others import of it is still there.
    fn consumers(&self, version: &Version) -> Result<(), Refusal> {
        let before = self.current(self.context);
        for (consumer, other) in self.others() {
            for (interface, used) in other.guest.uses() {
                let offers = version.guest.offers().contains_key(interface);
                match self.wiring.links.offering(interface) {
                    Some(name) if name == self.context => {}
                    // It is the first one to offer it.
                    None if offers => {}
                    _ => continue,
                }
                if !offers {
                    let offers: Vec<_> = version.description.offers.clone();
                    let offers = match offers.is_empty() {
                        true => "nothing".to_owned(),
                        false => offers.join(", "),
                    };
                    return Err(Refusal::at(
                        Gate::Consumers,
                        format!(
                            "context {consumer} imports {interface}, which this version no longer offers (it offers {offers}); keep offering it until nobody imports it"
                        ),
                    ));
                }
                for wanted in used.operations.values() {
                    if let Err(difference) = version.serves(wanted) {
                        return Err(Refusal::at(
                            Gate::Consumers,
                            format!(
                                "context {consumer} calls {}: {difference}; keep it as it is, and add a new version of the interface for what is new",
                                wanted.name()
                            ),
                        ));
                    }
                    if let Some(undo) = before.and_then(|before| before.undo_of(&wanted.name()))
                        && version.undo_of(&wanted.name()).is_none()
                    {
                        return Err(Refusal::at(
                            Gate::Consumers,
                            format!(
                                "context {consumer} calls {}, which was undone by {undo}; this version describes no compensation for it",
                                wanted.name()
                            ),
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// What others may still have undone can be undone, whether or not they import it any more.
    fn functions_needed(
        &self,
        deployer: &Deployer,
        context: &Context,
        version: &Version,
    ) -> Result<(), Refusal> {
        let unreadable = |failure| Refusal::at(Gate::Consumers, failure);
        for (undo, pending) in
            functions_needed::of(&deployer.invoker, context).map_err(unreadable)?
        {
            let callers: Vec<_> = pending.callers.iter().map(ContextName::as_str).collect();
            let callers = callers.join(", ");
            let calls = counted(pending.calls, "call");
            let offered = operation(version, &undo);
            let before = self.current(self.context);
            let before = before.and_then(|before| operation(before, &undo));
            let problem = match (offered, before) {
                (None, _) => "does not offer it",
                (Some(offered), Some(before)) if offered.signature != before.signature => {
                    "offers it with other parameters"
                }
                _ => continue,
            };
            return Err(Refusal::at(
                Gate::Consumers,
                format!(
                    "{calls} of {callers} may still have to be undone by {undo}, but this version {problem}; keep it until they have ended, and see `innkeeper dead-letters` for those that wait for an operator"
                ),
            ));
        }
        Ok(())
    }
}

fn operation<'a>(version: &'a Version, function: &str) -> Option<&'a Operation> {
    let (interface, name) = function.split_once('#')?;
    let offered = version.guest.offers().get(interface)?;
    offered.operations.get(name).map(|operation| &**operation)
}
