//! Random bytes that follow from a seed: the same again when an invocation is run again.

use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};

/// The random bytes of a seed, of whatever length it is.
pub(super) fn random_from(seed: &[u8]) -> StdRng {
    StdRng::from_seed(Sha256::digest(seed).into())
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    fn bytes(seed: &str) -> [u8; 4096] {
        let mut bytes = [0; 4096];
        random_from(seed.as_bytes()).fill_bytes(&mut bytes);
        bytes
    }

    #[test]
    fn a_seed_has_the_same_bytes_again_and_they_do_not_repeat_themselves() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(bytes(id), bytes(id));
        assert_ne!(bytes(id), bytes("another"));
        let bytes = bytes(id);
        for length in [16, 32, 64] {
            let mut parts: Vec<&[u8]> = bytes.chunks(length).collect();
            let all = parts.len();
            parts.sort_unstable();
            parts.dedup();
            assert_eq!(parts.len(), all, "parts of {length} bytes");
        }
        let mut different = bytes.to_vec();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), 256, "each byte is there");
    }
}
