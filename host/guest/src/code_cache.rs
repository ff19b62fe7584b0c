//! A cache of loaded machine code by digest: contexts that run the same component share its machine code.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::code::Code;

/// The machine code of an engine's guests, for as long as someone has it.
#[derive(Default)]
pub(super) struct CodeCache(Mutex<HashMap<String, Place>>);

type Place = Arc<Mutex<Weak<Code>>>;

impl CodeCache {
    /// The code of a digest, loaded if nobody has it. Whoever wants what is being loaded waits for it. Blocks.
    pub(super) fn find_or_load<E>(
        &self,
        digest: &str,
        load: impl FnOnce() -> Result<Code, E>,
    ) -> Result<Arc<Code>, E> {
        let place = self.place(digest);
        let mut known = place.lock();
        match known.upgrade() {
            Some(code) => Ok(code),
            None => renew(&mut known, load),
        }
    }

    /// The code of a digest, loaded anew although somebody may have it; whoever comes later gets this one. Blocks.
    pub(super) fn reload<E>(
        &self,
        digest: &str,
        load: impl FnOnce() -> Result<Code, E>,
    ) -> Result<Arc<Code>, E> {
        let place = self.place(digest);
        renew(&mut place.lock(), load)
    }

    fn place(&self, digest: &str) -> Place {
        let mut places = self.0.lock();
        // One that is being loaded is held by whoever loads it.
        places.retain(|_, place| Arc::strong_count(place) > 1 || place.lock().strong_count() > 0);
        places.entry(digest.to_owned()).or_default().clone()
    }
}

fn renew<E>(
    known: &mut Weak<Code>,
    load: impl FnOnce() -> Result<Code, E>,
) -> Result<Arc<Code>, E> {
    let code = Arc::new(load()?);
    *known = Arc::downgrade(&code);
    Ok(code)
}
