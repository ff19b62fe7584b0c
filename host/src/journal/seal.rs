//! How a value is kept: behind the position of the commit that wrote it, and a checksum over its key and both.
//!
//! So whoever reads it notices when it was damaged or has strayed to another key, and whoever checks a journal sees which commit it is of.

use std::borrow::Cow;

use twox_hash::XxHash64;

use super::Error;

/// How many bytes a value gets in front of it.
pub(super) const LENGTH: usize = 16;

const SEED: u64 = 0x496e_6e6b_6565_7065;

/// The position of what no commit wrote, such as the mark of a sequence.
pub(super) const NO_COMMIT: u64 = 0;

/// What is known of a value.
pub(super) struct Written {
    /// The commit that wrote it.
    pub position: u64,
    /// Over its key, that position and the value.
    pub checksum: u64,
}

/// A value as it is kept.
pub(super) fn seal(key: &[u8], position: u64, value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(LENGTH + value.len());
    sealed.extend_from_slice(&[0; 8]);
    sealed.extend_from_slice(&position.to_le_bytes());
    sealed.extend_from_slice(value);
    let checksum = checksum(key, sealed.get(8..).unwrap_or_default());
    if let Some(place) = sealed.first_chunk_mut() {
        *place = checksum.to_le_bytes();
    }
    sealed
}

/// Checks what is kept under a key.
pub(super) fn open(key: &[u8], sealed: &[u8]) -> Result<Written, Error> {
    let parts = || {
        let (kept, rest) = sealed.split_first_chunk()?;
        let (position, _) = rest.split_first_chunk()?;
        let kept = u64::from_le_bytes(*kept);
        (kept == checksum(key, rest)).then_some(Written {
            position: u64::from_le_bytes(*position),
            checksum: kept,
        })
    };
    parts().ok_or_else(|| Error::Damaged {
        what: format!(
            "the value of {}, whose checksum does not fit",
            super::key::readable(key)
        ),
    })
}

/// The value that is kept under a key, checked.
pub(super) fn unseal(key: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, Error> {
    open(key, &sealed)?;
    sealed.drain(..LENGTH);
    Ok(sealed)
}

/// A value to be written by a commit.
pub(super) fn sealed<'a>(key: &[u8], position: u64, value: &[u8]) -> Cow<'a, [u8]> {
    Cow::Owned(seal(key, position, value))
}

// The key is the seed: a value under another key does not fit.
fn checksum(key: &[u8], rest: &[u8]) -> u64 {
    XxHash64::oneshot(XxHash64::oneshot(SEED, key), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_and_any_other_bit_is_seen() {
        for value in [
            &b""[..],
            b"v",
            b"a value of some length, longer than a word",
        ] {
            let sealed = seal(b"skey", 7, value);
            let written = open(b"skey", &sealed).unwrap();
            assert_eq!(written.position, 7);
            assert_eq!(unseal(b"skey", sealed.clone()).unwrap(), value);
            assert!(open(b"skez", &sealed).is_err(), "it is another key's");
            for bit in 0..sealed.len() * 8 {
                let mut flipped = sealed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(open(b"skey", &flipped).is_err(), "bit {bit}");
            }
            for length in 0..sealed.len() {
                assert!(open(b"skey", &sealed[..length]).is_err(), "{length} bytes");
            }
        }
    }
}
