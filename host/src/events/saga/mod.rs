//! Sagas: what the manifest names is watched, from the event that starts one to the event that ends it, and said to be stuck when none comes.
//!
//! A follower of the host's own keeps what it learns in the host's own journal, each event together with its cursor. A saga that is stuck is told by an event
//! `SagaTimedOut` from the source `innkeeper`, which contexts can follow like any other.

mod former;
mod machine;
mod store;
mod trim;
mod watcher;

use std::sync::Arc;

use tokio::sync::Notify;

use self::machine::Known;
pub use self::machine::{NotAState, Saga, SagaState};
pub(crate) use self::store::TIMED_OUT;
pub(super) use self::trim::trim;
use self::watcher::{Deadlines, Watcher};
use super::follower::Follower;
use super::lane::Source;
use super::timer;
use crate::core::Backoff;
use crate::events::Events;
use crate::journal::{self, Direction, Ledger, ReadSet};
use crate::manifest::HOST_SOURCE;

/// Starts to watch the sagas of the manifest, if there are any.
pub(super) fn start(events: &Arc<Events>) -> Result<(), journal::Error> {
    let Some(ledger) = events.ledger(HOST_SOURCE) else {
        return Ok(());
    };
    if !former::exist(&ledger)? {
        return watch(events, &ledger);
    }
    let events = events.clone();
    let moving = events.clone();
    moving.tasks.spawn(async move {
        let mut backoff = Backoff::of_journal();
        while let Err(error) = former::move_over(&ledger).await {
            tracing::error!(%error, "sagas stored by an earlier version could not be converted yet; trying again");
            if backoff.pause(&events.shutdown).await.is_break() {
                return;
            }
        }
        if let Err(error) = watch(&events, &ledger) {
            tracing::error!(%error, "sagas are no longer tracked; restart the host");
        }
    });
    Ok(())
}

fn watch(events: &Arc<Events>, ledger: &Arc<Ledger>) -> Result<(), journal::Error> {
    let watcher = Arc::new(Watcher {
        ledger: ledger.clone(),
        sagas: events.manifest.sagas.clone(),
        set: Notify::new(),
    });
    let follower = Follower::start(events, &watcher, 0, &sources(events))?;
    let deadlines = Deadlines {
        watcher,
        lanes: follower.lanes,
    };
    events
        .tasks
        .spawn(timer::run(deadlines, events.shutdown.clone()));
    Ok(())
}

/// The contexts whose events begin or end sagas.
fn sources(events: &Events) -> Vec<Source> {
    let named = |name: &str| {
        events.manifest.sagas.values().any(|saga| {
            let ends = saga.completes.iter().chain(&saga.compensates);
            ends.chain([&saga.starts])
                .any(|event| event.context == name)
        })
    };
    let ledgers = events.invoker.ledgers.own.all();
    let named = ledgers.iter().filter(|(name, _)| named(name));
    named
        .map(|(name, ledger)| Source {
            name: name.clone(),
            ledger: ledger.clone(),
        })
        .collect()
}

/// Sagas, newest first by the time since when they have their state: of one name or all, in one state or any, at most `limit`.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn list(
    events: &Events,
    saga: Option<&str>,
    state: Option<SagaState>,
    limit: usize,
) -> Result<Vec<Saga>, journal::Error> {
    let Some(ledger) = events.ledger(HOST_SOURCE) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let names = events.manifest.sagas.keys();
    for name in names.filter(|name| saga.is_none_or(|saga| saga == *name)) {
        let states = SagaState::ALL.into_iter();
        for state in states.filter(|one| state.is_none_or(|state| state == *one)) {
            let places = store::places(name, Some(state));
            for entry in ledger.scan(store::SPACE, &places, limit, Direction::Backwards)? {
                let (_, about) = store::read_place(&entry)?;
                let known = store::read(&ledger, &mut ReadSet::default(), name, &about)?;
                match known {
                    Some(Known::Begun(saga)) if saga.state == state => found.push(saga),
                    // It has gone on since its place was read.
                    _ => {}
                }
            }
        }
    }
    found.sort_by_key(|saga| std::cmp::Reverse(store::time(saga)));
    found.truncate(limit);
    Ok(found)
}
