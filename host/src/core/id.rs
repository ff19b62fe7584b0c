//! Ids: random where something begins, a digest where the same must get the same.

use sha2::{Digest, Sha256};

/// A new random id: 32 hexadecimal digits.
pub fn random_id() -> String {
    hex::encode(rand::random::<[u8; 16]>())
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
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
