//! Who follows on behalf of a context, and how far behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::delivery::Deliveries;
use super::follower::{Follower, Watched};
use super::lane::Source;
use super::rebuild::Rebuild;
use crate::app::{Context, Host};
use crate::journal;

/// What a context follows with.
#[derive(Default)]
pub struct Following {
    /// Who follows for the generation that serves.
    pub(super) live: Mutex<Option<Arc<Follower>>>,
    /// Held by whoever does something about a dead letter.
    pub(super) letters: tokio::sync::Mutex<()>,
    /// The newest rebuild.
    pub(super) rebuild: Mutex<Option<Arc<Rebuild>>>,
}

/// How far a context is behind one of its sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The source.
    pub source: String,
    /// How many of its events are still to be passed, followed or not.
    pub events: u64,
}

/// How far a context is behind each of its sources. Counts in the journal what is behind: call it where blocking is allowed.
///
/// # Errors
///
/// When a journal cannot be read.
pub fn lag(context: &Context) -> Result<Vec<Lag>, journal::Error> {
    let live = context.following.live.lock().clone();
    let mut sources = BTreeMap::<&str, u64>::new();
    for lane in live.iter().flat_map(|live| &live.lanes) {
        *sources.entry(&lane.source.name).or_default() += lane.behind()?;
    }
    let lag = |(source, events): (&str, u64)| Lag {
        source: source.to_owned(),
        events,
    };
    Ok(sources.into_iter().map(lag).collect())
}

/// How many events some lanes have still to pass.
pub(super) fn behind(lanes: &[Watched]) -> Result<u64, journal::Error> {
    lanes.iter().map(Watched::behind).sum()
}

/// Starts to follow for a context, in the generation that serves. Nothing happens when its version follows nothing.
pub(super) fn start(host: &Arc<Host>, context: &Arc<Context>) -> Result<(), journal::Error> {
    let sources = sources(host, context);
    if sources.is_empty() {
        return Ok(());
    }
    let handler = Arc::new(Deliveries::live(host, context));
    let follower = Follower::start(host, &handler, context.generation(), &sources)?;
    *context.following.live.lock() = Some(Arc::new(follower));
    Ok(())
}

/// Stops following for a context; resolves when nothing of it is under way any more.
pub(super) async fn stop(context: &Context) {
    let live = context.following.live.lock().clone();
    if let Some(live) = live {
        live.stop().await;
    }
}

/// What the version of a context follows.
pub(super) fn sources(host: &Host, context: &Context) -> Vec<Source> {
    let Some(version) = context.version() else {
        return Vec::new();
    };
    let mut sources = BTreeMap::new();
    for followed in &version.description.follows {
        sources.insert(followed.source.as_str(), host.ledger(&followed.source));
    }
    let known = |(name, ledger): (&str, Option<_>)| {
        if ledger.is_none() {
            tracing::warn!(
                context = context.name,
                source = name,
                "it follows a context that is not part of the app"
            );
        }
        Some(Source {
            name: name.to_owned(),
            ledger: Arc::clone(ledger?),
        })
    };
    sources.into_iter().filter_map(known).collect()
}
