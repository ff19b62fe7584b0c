//! What is published once more because an operator asked for it: a dead letter of the relay, or all events of a context from a place on.
//!
//! It goes out in the order of the relay like anything else, between what is new, with the ids that the events have. It moves no position: where the relay goes
//! on after a restart is what its headers say of everything else.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::parked::ParkedId;
use super::trouble::Trouble;
use crate::events::feed::{Begin, Feed, Told};
use crate::events::place::Places;
use crate::invocation::record;
use crate::journal::{self, CommitError, EventPosition, Ledger, Space, Unit};

const KEY: &str = "nats-republish";

/// What an operator asks the relay for.
pub enum Command {
    /// To publish a dead letter.
    Retry {
        /// Which one.
        id: ParkedId,
        /// Who waits to hear of it.
        answer: oneshot::Sender<Result<(), String>>,
    },
    /// To publish the events of a context again.
    Republish {
        /// The context.
        context: String,
        /// The first commit whose events are published again.
        from: u64,
        /// Who waits to hear how many events that are.
        answer: oneshot::Sender<Result<u64, String>>,
    },
}

/// What is asked of the relay, in a form that outlives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// Makes the ids of its messages its own, so that the stream does not take them for repeats.
    pub id: String,
    pub context: String,
    /// The events after this one.
    pub after: EventPosition,
    /// The last event.
    pub upto: EventPosition,
}

/// An order that is carried out.
pub(super) struct Again {
    pub order: Order,
    ledger: Arc<Ledger>,
    feed: Feed,
    /// Whether all of it has been read.
    pub is_read: bool,
    /// Who waits to hear of a dead letter.
    pub answer: Option<oneshot::Sender<Result<(), String>>>,
}

impl Again {
    /// Begins, or begins anew behind what was confirmed.
    pub(super) async fn begin(order: Order, ledger: &Arc<Ledger>) -> Result<Self, Trouble> {
        Ok(Self {
            feed: open(&order, ledger).await?,
            ledger: ledger.clone(),
            order,
            is_read: false,
            answer: None,
        })
    }

    /// The next of its events; none when all have been read.
    pub(super) async fn next(&mut self) -> Result<Option<Told>, Trouble> {
        if self.is_read {
            return Ok(None);
        }
        let told = self.feed.next().await?;
        let told = told.filter(|told| told.position <= self.order.upto);
        self.is_read = told.is_none();
        Ok(told)
    }

    /// Reads again what was not confirmed.
    pub(super) async fn rewind(&mut self) -> Result<(), Trouble> {
        self.feed = open(&self.order, &self.ledger).await?;
        self.is_read = false;
        Ok(())
    }
}

async fn open(order: &Order, ledger: &Arc<Ledger>) -> Result<Feed, Trouble> {
    let contexts = vec![(order.context.clone(), ledger.clone())];
    let mut places = Places::default();
    places.note(&order.context, order.after);
    Ok(Feed::open(contexts, BTreeSet::new(), Begin::After(places)).await?)
}

/// The orders that are not carried out yet.
pub(super) fn kept(ledger: &Ledger) -> Result<Vec<Order>, journal::Error> {
    Ok(record::find(ledger, Space::Meta, KEY)?.unwrap_or_default())
}

/// Keeps the orders that are not carried out yet.
pub(super) async fn keep(ledger: &Ledger, orders: &[Order]) -> Result<(), CommitError> {
    let write = record::write(Space::Meta, KEY, &orders)?;
    let unit = Unit::bookkeeping("relay", ledger.applied(), vec![write]);
    ledger.commit(unit).await.map(|_| ())
}
