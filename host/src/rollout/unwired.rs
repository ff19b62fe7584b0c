//! What leads nowhere: events that nobody publishes, imports that nobody offers. A gate refuses what is new of it; the rest is told at the start, at each
//! gate, and to operators for as long as it is so.

use std::collections::BTreeSet;

use super::compatibility::{self, publishes};
use super::deployer::Deployer;
use super::history::State;
use crate::core::nearest;
use crate::events::saga::TIMED_OUT;
use crate::guest::Followed;
use crate::manifest::HOST_SOURCE;
use crate::versions::{Version, Wiring};

/// What leads nowhere in a context, or does not fit, as the app serves now: what it is, and what to do.
pub fn unwired(deployer: &Deployer, context: &str) -> Vec<String> {
    let wiring = deployer.wiring.load();
    let serving = wiring.serving(context);
    match serving.and_then(|serving| serving.version()) {
        Some(version) => of_version(deployer, &wiring, context, version),
        None => Vec::new(),
    }
}

/// What of a version leads nowhere, or of the sagas that wait for it.
pub(super) fn of_version(
    deployer: &Deployer,
    wiring: &Wiring,
    context: &str,
    version: &Version,
) -> Vec<String> {
    let misfit = compatibility::imports(wiring, context, version).err();
    let mut found: Vec<_> = misfit.map(|refusal| refusal.reason).into_iter().collect();
    let follows = version.description.follows.iter();
    let follows = follows.filter(|followed| followed.source != context);
    found.extend(follows.filter_map(|followed| followed_in_vain(deployer, wiring, followed)));
    found.extend(uncalled(wiring, version));
    for (name, saga) in &deployer.manifest.sagas {
        let starts = std::iter::once(&saga.starts);
        let events = starts.chain(&saga.completes).chain(&saga.compensates);
        for event in events.filter(|event| event.context == context) {
            if !publishes(version, &event.kind) {
                let nearest = nearest::suggestion(&event.kind, &version.description.publishes);
                found.push(format!(
                    "[saga.{name}] waits for {event}, which {context} does not publish{nearest}"
                ));
            }
        }
    }
    found
}

/// The imports that nobody offers.
fn uncalled(wiring: &Wiring, version: &Version) -> Vec<String> {
    let uses = version.guest.uses().keys();
    let unoffered = uses.filter(|interface| wiring.links.offering(interface).is_none());
    let tell = |interface: &String| {
        let nearest = nearest::suggestion(interface, wiring.links.interfaces());
        format!(
            "it imports {interface}, which nobody offers: its calls are answered `unavailable`{nearest}"
        )
    };
    unoffered.map(tell).collect()
}

/// Why an event that is followed cannot come, if it cannot. What serves nowhere yet may publish anything.
pub(super) fn followed_in_vain(
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
    let outside = deployer.manifest.inlets().into_iter();
    let mut sources: BTreeSet<_> = outside.map(|inlet| inlet.source).collect();
    sources.extend(deployer.invoker.contexts.keys().cloned());
    sources.insert(HOST_SOURCE.to_owned());
    sources
}

/// The kinds that a source publishes; none when nobody can know.
fn published(deployer: &Deployer, wiring: &Wiring, source: &str) -> Option<BTreeSet<String>> {
    if source == HOST_SOURCE {
        let states = State::ALL.map(|state| state.event().to_owned());
        return Some(states.into_iter().chain([TIMED_OUT.to_owned()]).collect());
    }
    if let Some(serving) = wiring.serving(source) {
        let mut versions = serving.versions().peekable();
        versions.peek()?;
        let kinds = versions.flat_map(|version| version.description.publishes.clone());
        return Some(kinds.collect());
    }
    // Outside, what a message is called is known only where the manifest says so.
    let inlets = deployer.manifest.inlets().into_iter();
    let inlets = inlets.filter(|inlet| inlet.source == source);
    inlets.map(|inlet| inlet.kind).collect()
}
