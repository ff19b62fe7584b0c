//! A cache of loaded guests by digest: contexts that run the same component share its machine code.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::load::Guest;

/// The guests of an engine, for as long as someone has them.
#[derive(Default)]
pub(super) struct GuestCache(Mutex<HashMap<String, Place>>);

type Place = Arc<Mutex<Weak<Guest>>>;

impl GuestCache {
    /// The guest of a digest, loaded if nobody has it. Whoever wants one that is being loaded waits for it. Blocks.
    pub(super) fn find_or_load<E>(
        &self,
        digest: &str,
        load: impl FnOnce() -> Result<Guest, E>,
    ) -> Result<Arc<Guest>, E> {
        let place = self.place(digest);
        let mut known = place.lock();
        if let Some(guest) = known.upgrade() {
            return Ok(guest);
        }
        let guest = Arc::new(load()?);
        *known = Arc::downgrade(&guest);
        Ok(guest)
    }

    /// The guest of a digest, loaded anew although somebody may have it; whoever comes later gets this one. Blocks.
    pub(super) fn reload<E>(
        &self,
        digest: &str,
        load: impl FnOnce() -> Result<Guest, E>,
    ) -> Result<Arc<Guest>, E> {
        let place = self.place(digest);
        let mut known = place.lock();
        let guest = Arc::new(load()?);
        *known = Arc::downgrade(&guest);
        Ok(guest)
    }

    fn place(&self, digest: &str) -> Place {
        let mut places = self.0.lock();
        // One that is being loaded is held by whoever loads it.
        places.retain(|_, place| Arc::strong_count(place) > 1 || place.lock().strong_count() > 0);
        places.entry(digest.to_owned()).or_default().clone()
    }
}
