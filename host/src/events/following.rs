//! Who follows on behalf of a context, and how far behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::MutexGuard;

use super::Events;
use super::delivery::Deliveries;
use super::follower::{Follower, Watched};
use super::lane::Source;
use super::retrying::Retries;
use crate::core::{Backoff, ContextName};
use crate::invocation::Context;
use crate::journal;
use crate::versions::Version;

/// What a context follows with.
#[derive(Default)]
pub struct Following {
    /// Who follows for the generation that serves.
    live: Mutex<Option<Arc<Follower>>>,
    /// Held by whoever does something about a dead letter.
    pub(crate) letters: tokio::sync::Mutex<()>,
    /// The events that are being tried again.
    pub(crate) retries: Retries,
}

impl Following {
    /// Who follows for the generation that serves.
    pub(crate) fn live(&self) -> Option<Arc<Follower>> {
        self.live.lock().clone()
    }
}

/// How far a context is behind one of its sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The source.
    pub source: ContextName,
    /// How many of its events are still to be passed, followed or not.
    pub events: u64,
}

/// How far a context is behind each of its sources. Counts in the journal what is behind: call it where blocking is allowed.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn lag(events: &Events, context: &Context) -> Result<Vec<Lag>, journal::Error> {
    let live = events.following(context).live();
    let mut sources = BTreeMap::<&ContextName, u64>::new();
    for lane in live.iter().flat_map(|live| &live.lanes) {
        *sources.entry(&lane.source.name).or_default() += lane.behind()?;
    }
    let lag = |(source, events): (&ContextName, u64)| Lag {
        source: source.clone(),
        events,
    };
    Ok(sources.into_iter().map(lag).collect())
}

/// How many events some lanes have still to pass.
pub(crate) fn behind(lanes: &[Watched]) -> Result<u64, journal::Error> {
    lanes.iter().map(Watched::behind).sum()
}

/// Starts to follow for a context, in the generation that serves. Nothing happens when its version follows nothing.
pub(crate) fn start(events: &Arc<Events>, context: &Arc<Context>) -> Result<(), journal::Error> {
    let sources = sources(events, context);
    if sources.is_empty() {
        return Ok(());
    }
    let handler = Arc::new(Deliveries::live(events, context));
    let follower = Follower::start(events, &handler, context.generation(), &sources)?;
    *events.following(context).live.lock() = Some(Arc::new(follower));
    Ok(())
}

/// Starts to fill a generation that does not serve, with the version that is to serve it.
pub(crate) fn start_to_fill(
    events: &Arc<Events>,
    context: &Arc<Context>,
    generation: u32,
    version: &Arc<Version>,
) -> Result<Follower, journal::Error> {
    let handler = Arc::new(Deliveries::shadow(events, context, generation, version));
    let sources = sources_of(events, context, version);
    Follower::start(events, &handler, generation, &sources)
}

/// Stops following for a context; resolves when nothing of it is under way any more.
pub(crate) async fn stop(events: &Events, context: &Context) {
    let live = events.following(context).live();
    if let Some(live) = live {
        live.stop().await;
    }
}

/// A context that does not follow, so that its state can be exchanged; nobody does anything about its dead letters either.
pub(crate) struct Still<'a> {
    events: &'a Arc<Events>,
    context: &'a Arc<Context>,
    _alone: MutexGuard<'a, ()>,
}

/// Stops following for a context, until [`Still::resume`].
pub(crate) async fn quiesce<'a>(events: &'a Arc<Events>, context: &'a Arc<Context>) -> Still<'a> {
    let alone = events.following(context).letters.lock().await;
    stop(events, context).await;
    Still {
        events,
        context,
        _alone: alone,
    }
}

impl Still<'_> {
    /// Follows again, with what serves by now.
    pub(crate) async fn resume(self) {
        restart(self.events, self.context).await;
    }
}

async fn restart(events: &Arc<Events>, context: &Arc<Context>) {
    *events.following(context).live.lock() = None;
    let mut backoff = Backoff::of_journal();
    while let Err(error) = start(events, context) {
        tracing::error!(context = context.name.as_str(), %error, "could not start following; trying again");
        if backoff.pause(&events.shutdown).await.is_break() {
            return;
        }
    }
}

/// Follows what the version of a context describes that has just taken over. Nothing happens when the sources are the same as before: which events are
/// followed is looked up for each.
pub(crate) async fn follow_as_described(events: &Arc<Events>, context: &Arc<Context>) {
    // Whoever does something about dead letters, or exchanges the state, starts and stops followers too.
    let _alone = events.following(context).letters.lock().await;
    let names = |sources: &mut dyn Iterator<Item = &Source>| -> BTreeSet<ContextName> {
        sources.map(|source| source.name.clone()).collect()
    };
    let live = events.following(context).live();
    let before = live.iter().flat_map(|live| &live.lanes);
    let before = names(&mut before.map(|lane| &lane.source));
    if before == names(&mut sources(events, context).iter()) {
        return;
    }
    stop(events, context).await;
    restart(events, context).await;
}

/// What the version of a context follows that serves.
fn sources(events: &Events, context: &Context) -> Vec<Source> {
    let version = context.version();
    version.map_or_else(Vec::new, |version| sources_of(events, context, &version))
}

/// What a version of a context follows.
fn sources_of(events: &Events, context: &Context, version: &Version) -> Vec<Source> {
    let follows = &version.description.follows;
    let sources: BTreeSet<&str> = follows.iter().map(|it| it.source.as_str()).collect();
    let known = |name: &str| {
        let Some((name, ledger)) = events.invoker.ledgers.get_named(name) else {
            tracing::warn!(
                context = context.name.as_str(),
                source = name,
                "it follows a context that is not part of the app"
            );
            return None;
        };
        Some(Source { name, ledger })
    };
    sources.into_iter().filter_map(known).collect()
}
