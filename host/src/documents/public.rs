//! The document that anybody may ask for: made once for each wiring, so that asking costs nothing.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

use super::openapi;
use crate::manifest::Manifest;
use crate::versions::Wiring;

/// The OpenAPI document at the public port.
#[derive(Debug, Default)]
pub struct PublicDocument(Mutex<Option<(Weak<Wiring>, Bytes)>>);

impl PublicDocument {
    /// The document of a wiring, as JSON.
    pub fn of(&self, manifest: &Manifest, wiring: &Arc<Wiring>) -> Bytes {
        let mut made = self.0.lock();
        match &*made {
            // Nobody else can have its place while something points to it.
            Some((of, document)) if Weak::as_ptr(of) == Arc::as_ptr(wiring) => document.clone(),
            _ => {
                let document = Bytes::from(openapi(manifest, wiring).to_string());
                *made = Some((Arc::downgrade(wiring), document.clone()));
                document
            }
        }
    }
}
