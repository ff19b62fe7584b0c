//! Republishing what an operator asked for: a dead letter of the relay, or all events of a context from a commit on.
//!
//! Republished events are interleaved with new ones and keep their ids. They do not move the relay's position: after a restart it resumes from what the headers of
//! all other messages say.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::error::NatsError;
use crate::core::ContextName;
use crate::events::feed::{Begin, Feed, Told};
use crate::events::feed_position::FeedPosition;
use crate::invocation::record;
use crate::journal::{self, CommitError, EventPosition, Ledger, Space, Unit};

const KEY: &str = "nats-republish";

/// A request to republish events, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RepublishRequest {
    /// Makes the ids of its messages its own, so that the stream does not take them for repeats.
    pub id: String,
    pub context: ContextName,
    /// The events after this one.
    pub after: EventPosition,
    /// The last event.
    pub upto: EventPosition,
}

/// A request that is being carried out.
pub(super) struct Republication {
    pub request: RepublishRequest,
    ledger: Arc<Ledger>,
    feed: Feed,
    /// Whether all of its events have been read.
    pub is_read: bool,
    /// Told whether a dead letter was published.
    pub answer: Option<oneshot::Sender<Result<(), String>>>,
}

impl Republication {
    /// Starts after the last confirmed event.
    pub(super) async fn begin(
        request: RepublishRequest,
        ledger: &Arc<Ledger>,
    ) -> Result<Self, NatsError> {
        Ok(Self {
            feed: open(&request, ledger).await?,
            ledger: ledger.clone(),
            request,
            is_read: false,
            answer: None,
        })
    }

    /// The next of its events; none when all have been read.
    pub(super) async fn next(&mut self) -> Result<Option<Told>, NatsError> {
        if self.is_read {
            return Ok(None);
        }
        let told = self.feed.next().await?;
        let told = told.filter(|told| told.position <= self.request.upto);
        self.is_read = told.is_none();
        Ok(told)
    }

    /// Reads again from the last confirmed event.
    pub(super) async fn rewind(&mut self) -> Result<(), NatsError> {
        self.feed = open(&self.request, &self.ledger).await?;
        self.is_read = false;
        Ok(())
    }
}

async fn open(request: &RepublishRequest, ledger: &Arc<Ledger>) -> Result<Feed, NatsError> {
    let contexts = vec![(request.context.clone(), ledger.clone())];
    let mut places = FeedPosition::default();
    places.note(&request.context, request.after);
    Ok(Feed::open(contexts, BTreeSet::new(), Begin::After(places)).await?)
}

/// The requests that have not been completed.
pub(super) fn stored_requests(ledger: &Ledger) -> Result<Vec<RepublishRequest>, journal::Error> {
    Ok(record::find(ledger, Space::Meta, KEY)?.unwrap_or_default())
}

/// Stores the requests that have not been completed.
pub(super) async fn store_requests(
    ledger: &Ledger,
    requests: &[RepublishRequest],
) -> Result<(), CommitError> {
    let write = record::write(Space::Meta, KEY, &requests)?;
    let unit = Unit::bookkeeping("relay", ledger.applied(), vec![write]);
    ledger.commit(unit).await.map(|_| ())
}
