//! What serves in a context: a version, perhaps another one on its way in, and the state that they work on.

use std::sync::Arc;

use super::lease::Lease;
use super::trusted::Trusted;
use super::version::Version;
use crate::core::VersionDigest;

/// What serves in a context at one moment. It never changes; another takes its place.
#[derive(Clone, Debug, Default)]
pub struct Serving {
    /// The version; none when none was ever brought in.
    pub current: Option<Trusted>,
    /// The version that is ramped up, beside the current one.
    pub candidate: Option<Candidate>,
    /// The generation of the state.
    pub generation: u32,
}

/// A version that gets a part of the work, before it gets all of it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The version.
    pub version: Trusted,
    /// Its part, in percent.
    pub weight: u8,
}

impl Serving {
    /// Only this version, on the state that is there.
    pub(crate) fn only(&self, version: Trusted) -> Self {
        Self {
            current: Some(version),
            candidate: None,
            generation: self.generation,
        }
    }

    /// The version that serves, beside whatever is ramped up.
    pub fn version(&self) -> Option<&Arc<Version>> {
        self.current.as_deref()
    }

    /// The versions, the one whose side `affinity` falls on first. The same text always falls on the same side of a ramp.
    pub fn sides(&self, affinity: impl FnOnce() -> String) -> impl Iterator<Item = &Arc<Version>> {
        let current = self.version();
        let sides = match &self.candidate {
            None => [current, None],
            Some(Candidate { version, weight }) => match share(version, &affinity()) < *weight {
                true => [Some(&**version), current],
                false => [current, Some(&**version)],
            },
        };
        sides.into_iter().flatten()
    }

    /// All versions that serve.
    pub fn versions(&self) -> impl Iterator<Item = &Arc<Version>> {
        let candidate = self.candidate.as_ref();
        let candidate = candidate.map(|candidate| &*candidate.version);
        self.version().into_iter().chain(candidate)
    }

    /// Which part of the work each of them gets, in percent.
    pub fn shares(&self) -> Vec<(VersionDigest, u8)> {
        let of_candidate = self.candidate.as_ref();
        let of_candidate =
            of_candidate.map(|candidate| (candidate.version.digest, candidate.weight));
        let rest = 100_u8.saturating_sub(of_candidate.map_or(0, |(_, weight)| weight));
        let current = self.version().map(|version| (version.digest, rest));
        current.into_iter().chain(of_candidate).collect()
    }

    /// A lease of a version of it; none when it has been closed, which is when another serving is in force.
    pub fn lease(&self, version: &Arc<Version>) -> Option<Lease> {
        Lease::begin(version, self.generation)
    }
}

/// Where a text stands in a ramp: 0 to 99, another place for each version, so that it is not always the same clients who try what is new.
fn share(version: &Version, affinity: &str) -> u8 {
    let seed = version.digest.with_text(|digest| {
        let bytes = digest.bytes();
        bytes.fold(0_u64, |seed, byte| seed.rotate_left(8) ^ u64::from(byte))
    });
    (twox_hash::XxHash64::oneshot(seed, affinity.as_bytes()) % 100) as u8
}
