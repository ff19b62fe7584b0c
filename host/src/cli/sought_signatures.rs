//! Which signature of a component is sought in a registry, and which are good by the keys of the manifest that is at hand.

use std::sync::Arc;

use crate::core::{Timestamp, VersionDigest, wall_clock};
use crate::manifest::{Manifest, UploadSettings};
use crate::registry::{Addressee, Sought, Verifier};
use crate::rollout::signature::{Keyring, SignatureError, Subject};

/// Tells good signatures for one context from others, by the manifest's keys.
pub(super) struct Judge {
    rollout: UploadSettings,
    app: String,
    context: String,
}

impl Judge {
    /// Of signatures for somebody; none where the manifest has no keys, or where it is not said whom they are for.
    pub fn new(manifest: Option<&Manifest>, whom: &Addressee) -> Option<Self> {
        let rollout = &manifest?.rollout;
        Some(Self {
            rollout: (!rollout.keys.is_empty()).then(|| rollout.clone())?,
            app: whom.app.clone()?,
            context: whom.context.clone()?,
        })
    }

    /// Whether a signature of a component is good now.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub fn verify(&self, component: VersionDigest, signature: &str) -> Result<(), SignatureError> {
        let keyring = Keyring {
            known: &self.rollout.keys,
            revoked: &self.rollout.revoked_keys,
        };
        let subject = Subject {
            app: &self.app,
            context: &self.context,
            digest: component,
        };
        let verified = keyring.verify(subject, signature, Timestamp(wall_clock()));
        verified.map(drop)
    }
}

/// The signature for somebody: a good one, where the manifest can tell.
pub(super) fn sought(manifest: Option<&Manifest>, whom: Addressee) -> Sought {
    let judge = Judge::new(manifest, &whom);
    let verifier = judge.map(|judge| {
        let is_good = move |component: VersionDigest, signature: &str| {
            judge.verify(component, signature).is_ok()
        };
        Arc::new(is_good) as Verifier
    });
    Sought { whom, verifier }
}
