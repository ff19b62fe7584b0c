//! The wiring that the app starts with: the versions of all contexts, chosen so that they fit each other.
//!
//! What is newer makes way where it does not fit, or is not ready, and what served before goes on in its place. What served before stays, whatever it lacks;
//! that is told. So one component that does not pass stops no other context.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::boot::{Boot, BootError};
use super::compatibility;
use super::deployer::Deployer;
use super::refusal::Refusal;
use super::signature_check;
use crate::core::ContextName;
use crate::manifest::ContextSettings;
use crate::versions::{Rewiring, Serving, Trusted, Wiring};

/// How many contexts note at once what serves in them.
const AT_ONCE: usize = 16;

/// What is looked at where several versions begin to serve together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Each has to fit.
    Strict,
    /// One that has nothing served before it may lack something: it is better than none.
    #[default]
    Lenient,
}

/// Has all contexts serve what they start with. Where it is strict, nothing that is refused is let pass.
///
/// # Errors
///
/// When nothing can serve, a journal cannot be used, or something was refused where it is strict.
pub async fn open(
    deployer: &Arc<Deployer>,
    boots: &mut [Boot],
    strictness: Strictness,
) -> Result<(), BootError> {
    let manifest = deployer.manifest();
    let contexts = &manifest.contexts;
    // Without versions, as the journals say.
    let empty = deployer.wiring.load().clone();
    loop {
        if strictness == Strictness::Strict
            && let Some(refused) = boots.iter().find_map(Boot::refused)
        {
            return Err(refused.clone());
        }
        let fitting = deployer.wiring.rewire(
            async |rewiring| fitting(deployer, rewiring, &empty, contexts, boots, strictness).await,
            || {},
        );
        if let Err((place, refusal)) = fitting.await {
            refuse(deployer, boots, place, refusal).await;
            continue;
        }
        match not_ready(deployer, boots).await {
            Some((place, refusal)) => refuse(deployer, boots, place, refusal).await,
            None => break,
        }
    }
    let refused = boots.iter().find_map(Boot::refused);
    if let Some(refused) = refused
        && boots.iter().all(|boot| boot.version().is_none())
    {
        return Err(refused.clone());
    }
    // Each waits for the disk; those that wait together wait once.
    let active = boots.iter().map(|boot| boot.stand(deployer));
    let active = stream::iter(active).buffered(AT_ONCE);
    active.try_collect::<()>().await
}

pub(super) async fn refuse(
    deployer: &Arc<Deployer>,
    boots: &mut [Boot],
    place: usize,
    refusal: Refusal,
) {
    if let Some(boot) = boots.get_mut(place) {
        boot.refuse(deployer, refusal).await;
    }
}

/// Puts together what serves beside what serves already, or answers which of it may not serve or does not fit, and why. `contexts` are the settings of both.
pub(super) async fn fitting(
    deployer: &Arc<Deployer>,
    rewiring: &Rewiring,
    beside: &Wiring,
    contexts: &BTreeMap<ContextName, ContextSettings>,
    boots: &[Boot],
    strictness: Strictness,
) -> Result<Wiring, (usize, Refusal)> {
    let mut admitted = Vec::new();
    for (place, boot) in boots.iter().enumerate() {
        admitted.push(match boot.version() {
            Some(version) => {
                let trusted =
                    signature_check::admit(deployer, rewiring, &boot.context, version).await;
                Some(trusted.map_err(|refusal| (place, refusal))?)
            }
            None => None,
        });
    }
    let wiring = all(beside, contexts, boots, &admitted)?;
    for (place, boot) in boots.iter().enumerate() {
        // What served before goes on, and where there is nothing else a context that lacks something is better than none: that is told.
        let has_to_fit = boot.former().is_some() || strictness == Strictness::Strict;
        let Some(version) = boot.version().filter(|_| has_to_fit) else {
            continue;
        };
        // It passes the same gates as if it had been uploaded: beside what served before, where that still may.
        let former = match boot.former() {
            Some(former) => {
                let trusted =
                    signature_check::admit(deployer, rewiring, &boot.context, former).await;
                trusted.ok()
            }
            None => None,
        };
        let before = wiring.with(contexts, [serving(boot, former)]);
        let around = before.as_ref().unwrap_or(&wiring);
        compatibility::check(deployer, contexts, around, &boot.context, version)
            .map_err(|refusal| (place, refusal))?;
    }
    Ok(wiring)
}

fn serving(boot: &Boot, version: Option<Trusted>) -> (ContextName, Serving) {
    let serving = Serving {
        current: version,
        candidate: None,
        generation: boot.generation(),
    };
    (boot.context.name.clone(), serving)
}

/// The wiring of all that serves, or the first that cannot be a part of it: what served before goes first.
fn all(
    beside: &Wiring,
    contexts: &BTreeMap<ContextName, ContextSettings>,
    boots: &[Boot],
    admitted: &[Option<Trusted>],
) -> Result<Wiring, (usize, Refusal)> {
    let servings = || {
        let servings = boots.iter().zip(admitted);
        servings.map(|(boot, trusted)| (boot, serving(boot, trusted.clone())))
    };
    if let Ok(wiring) = beside.with(contexts, servings().map(|(_, serving)| serving)) {
        return Ok(wiring);
    }
    let mut places: Vec<_> = servings().enumerate().collect();
    places.sort_by_key(|(_, (boot, _))| boot.is_new());
    let mut wiring = beside
        .with(contexts, [])
        .map_err(|error| (0, Refusal::from(error)))?;
    for (place, (_, serving)) in places {
        wiring = wiring
            .with(contexts, [serving])
            .map_err(|error| (place, Refusal::from(error)))?;
    }
    Ok(wiring)
}

/// The first version that is not ready, and why.
pub(super) async fn not_ready(
    deployer: &Arc<Deployer>,
    boots: &mut [Boot],
) -> Option<(usize, Refusal)> {
    for (place, boot) in boots.iter_mut().enumerate() {
        if let Err(refusal) = boot.ready(deployer).await {
            return Some((place, refusal));
        }
    }
    None
}
