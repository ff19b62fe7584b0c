//! What versions publish and follow: each event that is followed is published, and made of what is read of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Around, Settings};
use crate::core::{ContextName, nearest};
use crate::events::saga::TIMED_OUT;
use crate::guest::Followed;
use crate::invocation::HostEventKind;
use crate::manifest::{ContextSettings, HOST_SOURCE, SagaSettings, Subscription};
use crate::rollout::deployer::Deployer;
use crate::rollout::refusal::{Gate, Refusal};
use crate::rollout::version_state::State;
use crate::versions::{Version, Wiring};

impl Around<'_> {
    /// What others follow of it is still published.
    pub(super) fn followers(&self, version: &Version) -> Result<(), Refusal> {
        let Some(before) = self.current(self.context) else {
            return Ok(());
        };
        for (follower, other) in self.others() {
            for followed in &other.description.follows {
                let kind = &followed.kind;
                if followed.source == self.context.as_str()
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
                if followed.source != self.context.as_str() {
                    continue;
                }
                let read = &other.description.events;
                if !read.says_what_is_read(self.context, kind) {
                    let published = &version.description.events;
                    let lost = published.keeping(kind, &before.description.events);
                    if !lost.is_complete() {
                        return Err(Refusal::at(
                            Gate::Events,
                            format!(
                                "context {follower} follows {kind} and does not say what it reads of it, so what was published stays: {}; keep it, or first deploy a version of {follower} that says what it reads",
                                lost.difference()
                            ),
                        ));
                    }
                    continue;
                }
                let reading = |publisher: &Version| {
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
    pub(super) fn sagas(
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
            for event in events.filter(|event| event.context == *self.context) {
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
    pub(super) fn follows(
        &self,
        deployer: &Deployer,
        contexts: &Settings,
        version: &Version,
    ) -> Result<(), Refusal> {
        let before = self.current(self.context);
        for followed in &version.description.follows {
            let (source, kind) = (&followed.source, &followed.kind);
            if *source == self.context.as_str() && !publishes(version, kind) {
                let nearest = nearest::suggestion(kind, &version.description.publishes);
                return Err(Refusal::at(
                    Gate::Events,
                    format!("it follows its own {kind}, which it does not publish{nearest}"),
                ));
            }
            self.reads(version, before, source, kind)?;
            if *source == self.context.as_str() {
                continue;
            }
            let is_new = before.is_none_or(|before| !before.description.follows(source, kind));
            if is_new
                && let Some(reason) = missing_publisher(deployer, contexts, self.wiring, followed)
            {
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
        let itself = (*self.context == source).then_some(version);
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

pub(in crate::rollout) fn publishes(version: &Version, kind: &str) -> bool {
    let mut published = version.description.publishes.iter();
    published.any(|published| published == kind)
}

/// Why an event that is followed cannot come, if it cannot. What serves nowhere yet may publish anything.
pub(in crate::rollout) fn missing_publisher(
    deployer: &Deployer,
    contexts: &Settings,
    wiring: &Wiring,
    followed: &Followed,
) -> Option<String> {
    let Followed { source, kind } = followed;
    let outside: Vec<_> = contexts
        .values()
        .flat_map(ContextSettings::subscriptions)
        .collect();
    let is_outside = outside.iter().any(|one| one.source == source.as_str());
    // A context that is about to be added serves here, and has no journal yet that others know of.
    if wiring.serving(source).is_none() && deployer.ledger(source).is_none() && !is_outside {
        let known: BTreeSet<ContextName> = sources(deployer, &outside);
        let nearest = nearest::suggestion(source, &known);
        return Some(format!(
            "it follows {kind} of `{source}`, which is neither a context of this app nor a source in any `[context.….follows.nats]`{nearest}"
        ));
    }
    let published = published(contexts, wiring, &outside, source)?;
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
fn sources(deployer: &Deployer, outside: &[Subscription]) -> BTreeSet<ContextName> {
    let outside = outside.iter().map(|one| one.source.clone());
    let mut sources: BTreeSet<_> = outside.collect();
    sources.extend(deployer.invoker.contexts.all().keys().cloned());
    sources.insert(ContextName::of_host(HOST_SOURCE));
    sources
}

/// The kinds that a source publishes; none when nobody can know.
fn published(
    contexts: &Settings,
    wiring: &Wiring,
    outside: &[Subscription],
    source: &str,
) -> Option<BTreeSet<String>> {
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
        let schedules = contexts
            .get(source)
            .into_iter()
            .flat_map(|settings| settings.schedule.values());
        let scheduled = schedules.map(|schedule| schedule.event.clone());
        return Some(kinds.chain(scheduled).collect());
    }
    // Outside, what a message is called is known only where the manifest says so.
    let of_source = outside.iter().filter(|one| one.source == source);
    of_source.map(|one| one.kind.clone()).collect()
}
