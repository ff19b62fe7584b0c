//! Events: who follows whom, what happens later, and what was given up on.
//!
//! A follower reads its source's lanes, each from its own cursor, and every event that it follows becomes an invocation whose commit moves the cursor.
//! So an event takes effect once, however often the process dies: nothing here needs to be remembered anywhere else.

mod batch;
mod cursor;
mod cursor_key;
pub mod dead_letter;
mod delivery;
pub(crate) mod feed;
pub(crate) mod feed_position;
mod follower;
pub(crate) mod following;
mod held_subjects;
mod housekeeping;
mod lane;
pub mod redelivery;
pub mod retrying;
pub mod saga;
mod schedule;
mod timer;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::cursor_key::CursorKey;
pub(crate) use self::follower::{Follower, Watched};
pub(crate) use self::following::follow_as_described;
pub use self::following::{Following, Lag, lag};
use crate::invocation::{Context, Invoker};
use crate::journal::{self, Ledger};
use crate::manifest::Manifest;

/// What followers, timers and the watch over sagas work with.
pub struct Events {
    pub(crate) invoker: Arc<Invoker>,
    manifest: Arc<Manifest>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Events {
    /// Those of an app, whose contexts do not follow yet.
    pub fn new(invoker: &Arc<Invoker>, manifest: &Arc<Manifest>) -> Self {
        Self {
            tasks: invoker.tasks.clone(),
            shutdown: invoker.shutdown.clone(),
            manifest: manifest.clone(),
            invoker: invoker.clone(),
        }
    }

    /// What a context follows with.
    pub(crate) fn following<'a>(&self, context: &'a Context) -> &'a Following {
        context.part()
    }

    fn ledger(&self, name: &str) -> Option<Arc<Ledger>> {
        self.invoker.ledgers.get(name)
    }
}

/// Starts whatever runs in the background for events: followers, timers, the watch over sagas, housekeeping.
///
/// # Errors
///
/// When a journal cannot be read; what was started already ends with the host.
pub fn start(events: &Arc<Events>) -> Result<(), journal::Error> {
    for context in events.invoker.contexts.all().values() {
        start_for(events, context)?;
    }
    saga::start(events)?;
    events
        .tasks
        .spawn(housekeeping::forget_results(events.clone()));
    events.tasks.spawn(housekeeping::trim_sagas(events.clone()));
    Ok(())
}

/// Starts what runs for one context: its followers, its timers, its schedules.
///
/// # Errors
///
/// When a journal cannot be read; what was started already ends with the host.
fn start_for(events: &Arc<Events>, context: &Arc<Context>) -> Result<(), journal::Error> {
    following::start(events, context)?;
    start_timers(events, context);
    Ok(())
}

/// Starts the same for a context that is added.
pub(crate) async fn join(events: &Arc<Events>, context: &Arc<Context>) {
    following::follow_as_described(events, context).await;
    start_timers(events, context);
}

fn start_timers(events: &Arc<Events>, context: &Arc<Context>) {
    events
        .tasks
        .spawn(redelivery::put_back(events.clone(), context.clone()));
    let timers = timer::OfContext(context.clone());
    events
        .tasks
        .spawn(timer::run(timers, events.shutdown.clone()));
    for (name, schedule) in &context.settings.schedule {
        let scheduled = schedule::Scheduled {
            ledger: context.ledger.clone(),
            name: name.clone(),
            schedule: schedule.clone(),
        };
        let running = schedule::run(scheduled, events.shutdown.clone());
        events.tasks.spawn(running);
    }
}
