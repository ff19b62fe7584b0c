//! The gates between contexts: whether a version fits those that serve around it.
//!
//! They are passed twice: before a version gets any work, and again at the moment at which it gets all of it, since others may have been exchanged meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::deployer::Deployer;
use super::gate::{Gate, Refusal};
use super::version_state::State;
use crate::core::{counted, nearest};
use crate::events::saga::TIMED_OUT;
use crate::guest::{Followed, Operation};
use crate::invocation::{HostEventKind, pending_undos};
use crate::manifest::{HOST_SOURCE, SagaSettings};
use crate::versions::{Serving, Version, Wiring, WiringError};

/// The wiring in which something else serves in a context, if its current version fits the others there.
pub(super) fn wire(
    deployer: &Deployer,
    wiring: &Wiring,
    context: &str,
    serving: Serving,
) -> Result<Wiring, Refusal> {
    if let Some(version) = serving.version() {
        check(deployer, wiring, context, version)?;
    }
    with(deployer, wiring, context, serving)
}

/// The same without asking whether it fits: what is rolled back to served there before.
pub(super) fn with(
    deployer: &Deployer,
    wiring: &Wiring,
    context: &str,
    serving: Serving,
) -> Result<Wiring, Refusal> {
    let changes = [(context.to_owned(), serving)];
    Ok(wiring.with(&deployer.manifest.contexts, changes)?)
}

/// Whether a version's routes and interfaces get in nobody's way.
pub(super) fn could_have(
    deployer: &Deployer,
    wiring: &Wiring,
    context: &str,
    version: &Arc<Version>,
) -> Result<(), Refusal> {
    Ok(wiring.could_have(&deployer.manifest.contexts, context, version)?)
}

impl From<WiringError> for Refusal {
    fn from(error: WiringError) -> Self {
        match error {
            WiringError::Route(error) => Self::at(Gate::Routes, error),
            WiringError::Link(error) => Self::at(Gate::Contract, error),
        }
    }
}

/// Whether a version fits the others.
pub(super) fn check(
    deployer: &Deployer,
    wiring: &Wiring,
    context: &str,
    version: &Version,
) -> Result<(), Refusal> {
    let around = Around { wiring, context };
    around.imports(version)?;
    around.consumers(version)?;
    around.pending_undos(deployer, version)?;
    around.followers(version)?;
    around.sagas(version, &deployer.manifest.sagas)?;
    around.follows(deployer, version)
}

/// Whether what a version imports is offered as it knows it, where it is offered at all.
pub(super) fn imports(wiring: &Wiring, context: &str, version: &Version) -> Result<(), Refusal> {
    Around { wiring, context }.imports(version)
}

/// What serves around one context.
struct Around<'a> {
    wiring: &'a Wiring,
    context: &'a str,
}

impl Around<'_> {
    fn current(&self, context: &str) -> Option<&Arc<Version>> {
        self.wiring.serving(context)?.version()
    }

    /// The versions of all other contexts.
    fn others(&self) -> impl Iterator<Item = (&str, &Arc<Version>)> {
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
    fn pending_undos(&self, deployer: &Deployer, version: &Version) -> Result<(), Refusal> {
        let Some(context) = deployer.invoker.contexts.get(self.context) else {
            return Ok(());
        };
        let unreadable = |failure| Refusal::at(Gate::Consumers, failure);
        for (undo, pending) in
            pending_undos::undos(&deployer.invoker, context).map_err(unreadable)?
        {
            let callers: Vec<_> = pending.callers.iter().map(String::as_str).collect();
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

    /// What others follow of it is still published.
    fn followers(&self, version: &Version) -> Result<(), Refusal> {
        let Some(before) = self.current(self.context) else {
            return Ok(());
        };
        for (follower, other) in self.others() {
            for followed in &other.description.follows {
                let kind = &followed.kind;
                if followed.source == self.context
                    && publishes(before, kind)
                    && !publishes(version, kind)
                {
                    return Err(Refusal::at(
                        Gate::Events,
                        format!(
                            "context {follower} follows {kind}, which this version no longer publishes; keep publishing it until nobody follows it"
                        ),
                    ));
                }
                if followed.source != self.context {
                    continue;
                }
                let reading = |publisher: &Version| {
                    let read = &other.description.events;
                    read.reading(self.context, kind, &publisher.description.events)
                };
                if let Some(difference) = reading(version).without(&reading(before)) {
                    return Err(Refusal::at(
                        Gate::Events,
                        format!(
                            "context {follower} reads {kind}, and could not any more: {difference}; keep publishing what is read, or first deploy a version of {follower} that reads less"
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    /// What sagas wait for is still published.
    fn sagas(
        &self,
        version: &Version,
        sagas: &BTreeMap<String, SagaSettings>,
    ) -> Result<(), Refusal> {
        let Some(before) = self.current(self.context) else {
            return Ok(());
        };
        for (name, saga) in sagas {
            let events = [&saga.starts]
                .into_iter()
                .chain(&saga.completes)
                .chain(&saga.compensates);
            for event in events.filter(|event| event.context == self.context) {
                if publishes(before, &event.kind) && !publishes(version, &event.kind) {
                    return Err(Refusal::at(
                        Gate::Events,
                        format!(
                            "saga {name} waits for {event}, which this version no longer publishes; change [saga.{name}] first"
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    /// What it follows is published. What the version before it follows in vain is not its fault.
    fn follows(&self, deployer: &Deployer, version: &Version) -> Result<(), Refusal> {
        let before = self.current(self.context);
        for followed in &version.description.follows {
            let (source, kind) = (&followed.source, &followed.kind);
            if *source == self.context && !publishes(version, kind) {
                let nearest = nearest::suggestion(kind, &version.description.publishes);
                return Err(Refusal::at(
                    Gate::Events,
                    format!("it follows its own {kind}, which it does not publish{nearest}"),
                ));
            }
            self.reads(version, before, source, kind)?;
            if *source == self.context {
                continue;
            }
            let is_new = before.is_none_or(|before| !before.description.follows(source, kind));
            if is_new && let Some(reason) = missing_publisher(deployer, self.wiring, followed) {
                return Err(Refusal::at(Gate::Events, reason));
            }
        }
        Ok(())
    }

    /// What it reads of an event is published, by all versions that serve there. What the version before it could not read either is not its fault.
    fn reads(
        &self,
        version: &Version,
        before: Option<&Arc<Version>>,
        source: &str,
        kind: &str,
    ) -> Result<(), Refusal> {
        let serving = self.wiring.serving(source).into_iter();
        // Its own events are those of the version before it, which set timers, and those that it publishes itself.
        let itself = (source == self.context).then_some(version);
        let publishers = serving
            .flat_map(|serving| serving.versions())
            .map(|version| &**version);
        for publisher in publishers.chain(itself) {
            let reading = |reader: &Version| {
                let read = &reader.description.events;
                read.reading(source, kind, &publisher.description.events)
            };
            let known = before.map(|before| reading(before)).unwrap_or_default();
            if let Some(difference) = reading(version).without(&known) {
                return Err(Refusal::at(
                    Gate::Events,
                    format!(
                        "it cannot read {kind} of {source}: {difference}; read what is published, or deploy a version of {source} first that publishes it"
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn operation<'a>(version: &'a Version, function: &str) -> Option<&'a Operation> {
    let (interface, name) = function.split_once('#')?;
    let offered = version.guest.offers().get(interface)?;
    offered.operations.get(name).map(|operation| &**operation)
}

pub(super) fn publishes(version: &Version, kind: &str) -> bool {
    let mut published = version.description.publishes.iter();
    published.any(|published| published == kind)
}

/// Why an event that is followed cannot come, if it cannot. What serves nowhere yet may publish anything.
pub(super) fn missing_publisher(
    deployer: &Deployer,
    wiring: &Wiring,
    followed: &Followed,
) -> Option<String> {
    let Followed { source, kind } = followed;
    if deployer.ledger(source).is_none() {
        let known: BTreeSet<String> = sources(deployer);
        let nearest = nearest::suggestion(source, &known);
        return Some(format!(
            "it follows {kind} of `{source}`, which is neither a context of this app nor a source in any `[context.….follows.nats]`{nearest}"
        ));
    }
    let published = published(deployer, wiring, source)?;
    if published.contains(kind) {
        return None;
    }
    let nearest = nearest::suggestion(kind, &published);
    let published: Vec<_> = published.into_iter().collect();
    let known = match published.is_empty() {
        true => "nothing".to_owned(),
        false => published.join(", "),
    };
    Some(format!(
        "it follows {kind} of {source}, which {source} does not publish (it publishes {known}); deploy {source} first, or correct the name{nearest}"
    ))
}

/// Every source that can be followed.
fn sources(deployer: &Deployer) -> BTreeSet<String> {
    let outside = deployer.manifest.subscriptions().into_iter();
    let mut sources: BTreeSet<_> = outside.map(|subscription| subscription.source).collect();
    sources.extend(deployer.invoker.contexts.keys().cloned());
    sources.insert(HOST_SOURCE.to_owned());
    sources
}

/// The kinds that a source publishes; none when nobody can know.
fn published(deployer: &Deployer, wiring: &Wiring, source: &str) -> Option<BTreeSet<String>> {
    if source == HOST_SOURCE {
        let states = State::ALL.map(|state| state.event().to_owned());
        let kinds = HostEventKind::ALL.map(|kind| kind.name().to_owned());
        let all = states.into_iter().chain(kinds);
        return Some(all.chain([TIMED_OUT.to_owned()]).collect());
    }
    if let Some(serving) = wiring.serving(source) {
        let mut versions = serving.versions().peekable();
        versions.peek()?;
        let kinds = versions.flat_map(|version| version.description.publishes.clone());
        let settings = deployer.manifest.contexts.get(source);
        let schedules = settings
            .into_iter()
            .flat_map(|settings| settings.schedule.values());
        let scheduled = schedules.map(|schedule| schedule.event.clone());
        return Some(kinds.chain(scheduled).collect());
    }
    // Outside, what a message is called is known only where the manifest says so.
    let subscriptions = deployer.manifest.subscriptions().into_iter();
    let subscriptions = subscriptions.filter(|subscription| subscription.source == source);
    subscriptions
        .map(|subscription| subscription.kind)
        .collect()
}
