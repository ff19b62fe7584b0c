//! Bytes as digits, where the text is read at once and not kept.

/// The longest text that is written here.
const MOST: usize = 64;

/// Has the hexadecimal digits of at most 32 bytes read, in lower case.
pub(super) fn with_digits<T>(bytes: &[u8], read: impl FnOnce(&str) -> T) -> T {
    let mut digits = [0; MOST];
    let used = digits.get_mut(..2 * bytes.len()).unwrap_or_default();
    debug_assert_eq!(used.len(), 2 * bytes.len(), "no more than 32 bytes");
    // The text has the length that it needs, and is ASCII.
    let _ = hex::encode_to_slice(bytes, used);
    read(std::str::from_utf8(used).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_bytes() {
        assert_eq!(with_digits(&[0, 0x1f, 0xff], str::to_owned), "001fff");
        assert_eq!(with_digits(&[7; 32], str::to_owned), "07".repeat(32));
    }
}
