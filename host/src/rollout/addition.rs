//! Contexts that are added while the host runs: they pass the gates of a start, beside what serves already, and all of them serve from one exchange on.
//!
//! Nothing that serves makes way for them, and what is refused was never there. So it is asked more of them than at a start, where a context that lacks something is
//! better than none: whatever they call is offered, and whatever they follow is published.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::boot::{Boot, BootError};
use super::deployer::Deployer;
use super::initial_wiring::{Strictness, fitting, not_ready, refuse};
use super::missing_dependencies::uncalled;
use super::refusal::{Gate, Refusal};
use crate::core::ContextName;
use crate::manifest::ContextSettings;
use crate::versions::{Rewiring, Wiring};

/// What came of contexts that were to be added.
#[derive(Default)]
pub struct Joined {
    /// They serve.
    pub boots: Vec<Boot>,
    /// They do not, and leave nothing behind.
    pub refused: Vec<BootError>,
}

/// Why contexts do not serve together with what serves: which of them, and why.
enum Obstacle {
    Refused(usize, Refusal),
    Failed(usize, BootError),
}

/// Has contexts serve that are new in the app, as far as they fit. `contexts` are the settings of all, theirs included. `enter` makes them known to whoever looks for
/// contexts, just before their first request can come; it may find that one cannot serve.
pub async fn join(
    deployer: &Arc<Deployer>,
    boots: Vec<Boot>,
    contexts: &BTreeMap<ContextName, ContextSettings>,
    mut enter: impl FnMut(&[Boot]) -> Result<(), (usize, BootError)>,
) -> Joined {
    let mut joined = Joined {
        boots,
        refused: Vec::new(),
    };
    loop {
        joined.let_go_what_is_down();
        let boots = &mut joined.boots;
        if boots.is_empty() {
            break;
        }
        // What does not fit is told at once. It may not fit any more when it is ready.
        let beside = deployer
            .wiring
            .without_rewiring(async |rewiring| wired(deployer, rewiring, contexts, boots).await);
        let obstacle = match beside.await {
            Err(obstacle) => obstacle,
            Ok(_) => match not_ready(deployer, boots).await {
                Some((place, refusal)) => Obstacle::Refused(place, refusal),
                None => {
                    let serve = deployer.wiring.rewire(
                        async |rewiring| {
                            let wiring = wired(deployer, rewiring, contexts, boots).await?;
                            for (place, boot) in boots.iter().enumerate() {
                                let standing = boot.stand(deployer).await;
                                standing.map_err(|error| Obstacle::Failed(place, error))?;
                            }
                            let entered = enter(boots);
                            entered.map_err(|(place, error)| Obstacle::Failed(place, error))?;
                            Ok(wiring)
                        },
                        || {},
                    );
                    match serve.await {
                        Ok(()) => break,
                        Err(obstacle) => obstacle,
                    }
                }
            },
        };
        match obstacle {
            Obstacle::Refused(place, refusal) => refuse(deployer, boots, place, refusal).await,
            Obstacle::Failed(place, error) => {
                drop(boots.remove(place));
                joined.refused.push(error);
            }
        }
    }
    joined
}

impl Joined {
    /// Those do not come that have no version.
    fn let_go_what_is_down(&mut self) {
        for boot in std::mem::take(&mut self.boots) {
            match boot.why_it_is_down() {
                Some(error) => self.refused.push(error),
                None => self.boots.push(boot),
            }
        }
    }
}

/// The wiring with them.
async fn wired(
    deployer: &Arc<Deployer>,
    rewiring: &Rewiring,
    contexts: &BTreeMap<ContextName, ContextSettings>,
    boots: &[Boot],
) -> Result<Wiring, Obstacle> {
    let fitting = fitting(
        deployer,
        rewiring,
        rewiring,
        contexts,
        boots,
        Strictness::Strict,
    );
    let wiring = fitting
        .await
        .map_err(|(place, refusal)| Obstacle::Refused(place, refusal))?;
    for (place, boot) in boots.iter().enumerate() {
        let uncalled = boot.version().and_then(|version| {
            let mut uncalled = uncalled(&wiring, version).into_iter();
            uncalled.next()
        });
        if let Some(reason) = uncalled {
            return Err(Obstacle::Refused(place, Refusal::at(Gate::Imports, reason)));
        }
    }
    Ok(wiring)
}
