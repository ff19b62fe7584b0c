//! Paths of URIs that are spelled differently and mean the same.

use std::borrow::Cow;

/// A path as it is compared: what needs no encoding stands for itself (RFC 9110 4.2.3), and everything else stays as it was sent. None where a `%` is not followed
/// by two hexadecimal digits.
pub(crate) fn plain(path: &str) -> Option<Cow<'_, str>> {
    let mut plain = Cow::Borrowed("");
    let mut rest = path;
    while let Some((before, encoded)) = rest.split_once('%') {
        let (digits, after) = encoded.split_at_checked(2)?;
        plain += before;
        match u8::from_str_radix(digits, 16).ok()? {
            byte if is_unreserved(byte) => plain.to_mut().push(char::from(byte)),
            _ => plain += &rest[before.len()..before.len() + 3],
        }
        rest = after;
    }
    if plain.is_empty() {
        return Some(Cow::Borrowed(rest));
    }
    plain += rest;
    Some(plain)
}

/// Whether a byte means the same encoded or not (RFC 3986 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_encoding_stands_for_itself() {
        for (path, expected) in [
            ("/rooms/1", "/rooms/1"),
            ("/%72ooms/%31", "/rooms/1"),
            ("%2Frooms", "%2Frooms"),
            ("/a%2Fb%2fc", "/a%2Fb%2fc"),
            ("/%7Eme/%2e%2E/x%2Dy_%5Fz", "/~me/../x-y__z"),
            ("/%25%34%31", "/%2541"),
            ("/caf%C3%A9%20", "/caf%C3%A9%20"),
            ("/%2B+", "/%2B+"),
            ("", ""),
            ("*", "*"),
        ] {
            assert_eq!(plain(path).as_deref(), Some(expected), "{path}");
        }
        for malformed in ["/%", "/%4", "/%zz"] {
            assert_eq!(plain(malformed), None, "{malformed}");
        }
    }
}
