//! Ids: random at the root, derived below it, so that a re-run names everything as before.

use sha2::{Digest, Sha256};

/// A new random id: 32 hexadecimal digits.
pub fn random() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

/// The id of the `count`th thing of a kind that an invocation makes: 32 hexadecimal digits.
pub(super) fn derived(invocation: &str, kind: &str, count: u64) -> String {
    digest(&[invocation.as_bytes(), kind.as_bytes(), &count.to_be_bytes()])
}

/// The id of the invocation in which `follower` handles an event. After the event was given up on it is another one: what the calls of the former did
/// has been undone, so their stored results must not be found again.
pub(super) fn of_event(follower: &str, event: &str, given_up: u32) -> String {
    digest(&[
        follower.as_bytes(),
        b"event",
        event.as_bytes(),
        &given_up.to_be_bytes(),
    ])
}

/// The id of a call: the caller's id, the call's place, and a hash of what is called with what. Ids of one root share its prefix.
pub(super) fn of_call(caller: &str, place: u32, operation: &str, parameters: &[u8]) -> String {
    let hash = digest(&[operation.as_bytes(), parameters]);
    format!("{caller}/{place}.{}", hash.get(..12).unwrap_or(&hash))
}

/// The key under which the response to a request with an `Idempotency-Key` is stored.
pub(super) fn of_idempotency_key(key: &str) -> String {
    format!("key:{}", digest(&[key.as_bytes()]))
}

/// A fingerprint of some parts: 32 hexadecimal digits.
pub(crate) fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let hash = hasher.finalize();
    hex::encode(hash.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_calls_are_stable_and_below_their_caller() {
        let id = of_call("root", 0, "a:b/c#d", b"1");
        assert_eq!(id, of_call("root", 0, "a:b/c#d", b"1"));
        assert!(id.starts_with("root/0."));
        assert_ne!(id, of_call("root", 0, "a:b/c#d", b"2"));
        assert_ne!(id, of_call("root", 1, "a:b/c#d", b"1"));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
