//! Missing dependencies: followed events that nobody publishes, imports that nobody offers. A gate refuses new ones; the others are reported at the start, at each
//! gate, and to operators for as long as they are missing.

use super::compatibility::{self, missing_publisher, publishes};
use super::deployer::Deployer;
use crate::core::{ContextName, nearest};
use crate::versions::{Version, Wiring};

/// The missing dependencies of a context, as the app serves now: what is missing, and what to do.
pub fn missing_dependencies(deployer: &Deployer, context: &ContextName) -> Vec<String> {
    let wiring = deployer.wiring.load();
    let serving = wiring.serving(context);
    match serving.and_then(|serving| serving.version()) {
        Some(version) => of_version(deployer, &wiring, context, version),
        None => Vec::new(),
    }
}

/// The missing dependencies of a version, and of the sagas that wait for its events.
pub(super) fn of_version(
    deployer: &Deployer,
    wiring: &Wiring,
    context: &ContextName,
    version: &Version,
) -> Vec<String> {
    let misfit = compatibility::imports(wiring, context, version).err();
    let mut found: Vec<_> = misfit.map(|refusal| refusal.reason).into_iter().collect();
    let follows = version.description.follows.iter();
    let follows = follows.filter(|followed| followed.source != context.as_str());
    let contexts = &deployer.manifest().contexts;
    let missing = |followed| missing_publisher(deployer, contexts, wiring, followed);
    found.extend(follows.filter_map(missing));
    found.extend(uncalled(wiring, version));
    for (name, saga) in &deployer.manifest().sagas {
        let starts = std::iter::once(&saga.starts);
        let events = starts.chain(&saga.completes).chain(&saga.compensates);
        for event in events.filter(|event| event.context == *context) {
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
pub(super) fn uncalled(wiring: &Wiring, version: &Version) -> Vec<String> {
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
