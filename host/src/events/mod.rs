//! Events: who follows whom, what happens later, and what was given up on.
//!
//! A follower reads its source's lanes, each from its own cursor, and every event that it follows becomes an invocation whose commit moves the cursor.
//! So an event takes effect once, however often the process dies: nothing here needs to be remembered anywhere else.

pub(crate) mod attributes;
pub(crate) mod backoff;
mod carry;
pub(crate) mod cloud_event;
mod cursor;
pub mod dead_letter;
mod delivery;
pub(crate) mod feed;
mod follower;
mod following;
mod generation;
mod hold;
mod housekeeping;
mod lane;
pub(crate) mod place;
pub mod rebuild;
pub mod redelivery;
pub mod saga;
mod timer;
pub(crate) mod unreadable;

use std::sync::Arc;

pub(crate) use self::carry::{Letters, STEP, carry_over, commit_in_steps, read_step};
pub use self::following::{Following, Lag, lag};
pub(crate) use self::following::{follow_as_described, stand_still};
pub(crate) use self::generation::exchange as generation_exchange;
pub(crate) use self::lane::bookkeeping;
use crate::app::Host;
use crate::journal;

/// Starts whatever runs in the background for events: followers, timers, the watch over sagas, housekeeping.
///
/// # Errors
///
/// When a journal cannot be read; what was started already ends with the host.
pub fn start(host: &Arc<Host>) -> Result<(), journal::Error> {
    for context in host.contexts.values() {
        rebuild::clear(host, context)?;
        following::start(host, context)?;
        host.tasks
            .spawn(redelivery::put_back(host.clone(), context.clone()));
        let timers = timer::OfContext(context.clone());
        host.tasks.spawn(timer::run(timers, host.shutdown.clone()));
    }
    saga::start(host)?;
    host.tasks.spawn(housekeeping::forget_results(host.clone()));
    host.tasks.spawn(housekeeping::trim_sagas(host.clone()));
    Ok(())
}
