//! What a key of the state may be, by whichever way it comes in: put, delete, migrate, rebuild; and what the name of a sequence may be.

/// The longest key, in bytes.
const LONGEST: usize = 1_024;
/// The longest name of a sequence, in bytes.
const LONGEST_SEQUENCE: usize = 128;

/// A key that the contract forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a state key of {length} bytes is not allowed; keys have 1 to {LONGEST}")]
pub struct InvalidKey {
    /// How long it is, in bytes.
    pub length: usize,
}

/// A name of a sequence that the contract forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sequence's name of {length} bytes is not allowed; names have 1 to {LONGEST_SEQUENCE}")]
pub struct InvalidSequence {
    /// How long it is, in bytes.
    pub length: usize,
}

/// Refuses what cannot name a sequence.
pub(crate) fn check_sequence(name: &str) -> Result<(), InvalidSequence> {
    match name.len() {
        1..=LONGEST_SEQUENCE => Ok(()),
        length => Err(InvalidSequence { length }),
    }
}

/// Refuses what cannot be a key.
pub(crate) fn check(key: &str) -> Result<(), InvalidKey> {
    match key.len() {
        1..=LONGEST => Ok(()),
        length => Err(InvalidKey { length }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_1_to_1024_bytes() {
        assert_eq!(check(""), Err(InvalidKey { length: 0 }));
        assert_eq!(check("k"), Ok(()));
        assert_eq!(check(&"k".repeat(1_024)), Ok(()));
        assert_eq!(check(&"k".repeat(1_025)), Err(InvalidKey { length: 1_025 }));
        // Bytes, not characters.
        assert_eq!(
            check(&"\u{e9}".repeat(513)),
            Err(InvalidKey { length: 1_026 })
        );
    }
}
