//! Healing: a version that fails is restarted, and when that does not help, the version before it takes over.
//!
//! ```text
//! probe fails ---------------------------+
//! invocations fail in a row -> examined -+-> restart -> restart -> restart -> the version before it takes over, this one is quarantined
//!                                 |             |
//!                                 v             +-- where there is none: CrashLoopBackOff, ever longer pauses between restarts
//!                          it works: nothing happens
//! ```
//!
//! One incident of a context at a time, and one story for all of it. While a version is looked at or restarted, what comes waits; in the pauses it is refused, or
//! waits where it can.

mod configuration;
mod incident;
mod probes;
mod restart;
mod suspects;

pub(super) use self::incident::keep_starting;

use std::sync::Arc;

use super::deployer::Deployer;
use crate::invocation::Context;

/// Starts to ask contexts how they are that have probes, or whose configuration changes, and to look into those that are suspected. A context without either costs nothing.
pub fn start(deployer: &Arc<Deployer>) {
    deployer.tasks.spawn(suspects::run(deployer.clone()));
    for context in deployer.invoker.contexts.all().values() {
        start_for(deployer, context);
    }
}

/// Starts to ask one context how it is, if it has probes, and whenever its configuration changes.
pub fn start_for(deployer: &Arc<Deployer>, context: &Arc<Context>) {
    let watching = configuration::run(deployer.clone(), context.clone());
    deployer.tasks.spawn(watching);
    let settings = &context.settings;
    if settings.liveness_probe.is_some() || settings.readiness_probe.is_some() {
        let probing = probes::run(deployer.clone(), context.clone());
        deployer.tasks.spawn(probing);
    }
}
