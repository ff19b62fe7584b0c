//! What things are known by: each kind of id is a type of its own, so that none is taken for another. In records and outside all are text.

mod call_id;
mod content_digest;
mod context_name;
mod correlation_id;
mod hexadecimal;
mod id_secret;
mod kept;
mod text;
mod version_digest;

use std::sync::Arc;

use sha2::{Digest, Sha256};

use self::hexadecimal::with_digits;
pub(crate) use self::kept::{Kept, or_empty};
use self::text::text_id;
pub use self::{
    call_id::{CallId, RunId},
    content_digest::{ContentDigest, InvalidContentDigest},
    context_name::ContextName,
    correlation_id::{CorrelationId, InvalidCorrelationId},
    id_secret::IdSecret,
    version_digest::{InvalidDigest, VersionDigest},
};

text_id! {
    /// The id of an invocation: 32 hexadecimal digits at the root; that of a call where it is one.
    InvocationId
}

text_id! {
    /// The id of an event, or of a timer, which is the id of its event. What comes from outside may be any text.
    EventId
}

text_id! {
    /// The event or the invocation that caused something.
    CausationId
}

impl InvocationId {
    /// A new one.
    pub fn random() -> Self {
        Self(random())
    }
}

impl EventId {
    /// The one that the same parts always give.
    pub(crate) fn derived(parts: &[&[u8]]) -> Self {
        with_fingerprint(parts, |text| Self(text.into()))
    }
}

impl From<&InvocationId> for CausationId {
    fn from(invocation: &InvocationId) -> Self {
        Self(invocation.0.clone())
    }
}

impl From<&EventId> for CausationId {
    fn from(event: &EventId) -> Self {
        Self(event.0.clone())
    }
}

/// A new random id: 32 hexadecimal digits.
pub fn random_id() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

fn random() -> Arc<str> {
    with_digits(&rand::random::<[u8; 16]>(), |digits| digits.into())
}

/// A fingerprint of some parts: 32 hexadecimal digits.
pub(crate) fn digest(parts: &[&[u8]]) -> String {
    with_fingerprint(parts, str::to_owned)
}

fn with_fingerprint<T>(parts: &[&[u8]], read: impl FnOnce(&str) -> T) -> T {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let hash = hasher.finalize();
    with_digits(hash.get(..16).unwrap_or_default(), read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }

    #[test]
    fn what_is_random_has_32_digits() {
        let id = InvocationId::random();
        assert_eq!(id.len(), 32);
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(id, InvocationId::random());
    }

    #[test]
    fn what_is_derived_is_the_fingerprint() {
        let parts: [&[u8]; 2] = [b"a", b"b"];
        assert_eq!(EventId::derived(&parts).as_str(), digest(&parts));
    }

    #[test]
    fn a_cause_is_read_as_what_it_was() {
        let event = EventId::from("e");
        assert_eq!(CausationId::from(&event).as_str(), "e");
    }
}
