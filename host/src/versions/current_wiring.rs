//! What serves at this moment, behind one pointer.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Mutex, watch};

use super::wiring::{Rewiring, Wiring};

/// The current wiring, which is replaced in one step.
#[derive(Default)]
pub struct CurrentWiring {
    current: ArcSwap<Wiring>,
    /// Held by whoever exchanges it, or decides what may come into it.
    rewiring: Mutex<()>,
    /// Told of each exchange.
    changes: watch::Sender<()>,
}

impl CurrentWiring {
    /// What serves at this moment, and who answers what.
    pub fn load(&self) -> Guard<Arc<Wiring>> {
        self.current.load()
    }

    /// Who waits for an exchange hears of each from here on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The wiring that a start begins with, when nobody is served yet.
    pub(crate) fn begin_with(&self, wiring: Wiring) {
        self.current.store(Arc::new(wiring));
        self.changes.send_replace(());
    }

    /// Exchanges the wiring in one step, one exchange at a time. `change` makes the next one, and makes it durable; whoever begins after `then` sees it.
    pub(crate) async fn rewire<E>(
        &self,
        change: impl AsyncFnOnce(&Rewiring) -> Result<Wiring, E>,
        then: impl FnOnce(),
    ) -> Result<(), E> {
        let _turn = self.rewiring.lock().await;
        let next = change(&Rewiring::begin(self.current.load_full())).await?;
        self.current.store(Arc::new(next));
        then();
        self.changes.send_replace(());
        Ok(())
    }

    /// Decides something that depends on what serves, and on which what may come to serve depends: no exchange is under way meanwhile.
    pub(crate) async fn without_rewiring<T>(&self, decide: impl AsyncFnOnce(&Rewiring) -> T) -> T {
        let _turn = self.rewiring.lock().await;
        decide(&Rewiring::begin(self.current.load_full())).await
    }
}
