//! Percent-decoding, once, of what must be text.

use std::borrow::Cow;

use crate::core::uri_path;

/// What was sent is not percent-encoded UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Decodes one segment of a path.
pub(super) fn segment(encoded: &str) -> Result<String, Malformed> {
    decode(encoded, Plus::IsItself)
}

/// Whether a path can be decoded.
pub(super) fn check_path(path: &str) -> Result<(), Malformed> {
    let plain = |byte: &u8| byte.is_ascii() && *byte != b'%';
    if path.as_bytes().iter().all(plain) {
        Ok(())
    } else {
        decode(path, Plus::IsItself).map(drop)
    }
}

/// A path as it is compared.
///
/// # Errors
///
/// When the path cannot be decoded.
pub(crate) fn plain_path(path: &str) -> Result<Cow<'_, str>, Malformed> {
    check_path(path)?;
    uri_path::plain(path).ok_or(Malformed)
}

/// Whether a path as it is compared is another one to whoever reads it as browsers do (RFC 3986 5.2.4, and a backslash for a slash): it would be looked up, and
/// allowed, as one and served as the other. A guest is given its parameters decoded: what is in them counts, too.
pub(super) fn leads_elsewhere(plain: &str) -> bool {
    let steps = |part: &str| part.split('/').any(|step| matches!(step, "." | ".."));
    let decoded = || {
        let separators = ["%2F", "%2f", "%5C", "%5c"];
        let decode = |path: String, encoded: &str| path.replace(encoded, "/");
        separators.into_iter().fold(plain.to_owned(), decode)
    };
    plain.contains('\\') || steps(plain) || plain.contains('%') && steps(&decoded())
}

/// What a path is taken for by whoever does not mind an encoded slash, several slashes for one, or one at the end; none where that is the same.
pub(super) fn read_leniently(plain: &str) -> Option<String> {
    let is_plain =
        !plain.ends_with('/') && !["//", "%2F", "%2f"].iter().any(|odd| plain.contains(odd));
    if plain == "/" || is_plain {
        return None;
    }
    let decoded = plain.replace("%2F", "/").replace("%2f", "/");
    let segments = decoded.split('/').filter(|segment| !segment.is_empty());
    let lenient: String = segments.flat_map(|segment| ["/", segment]).collect();
    let lenient = if lenient.is_empty() {
        "/".to_owned()
    } else {
        lenient
    };
    (lenient != plain).then_some(lenient)
}

/// Decodes a query as browsers encode forms: pairs with `&` between them, a plus for a space.
pub(super) fn query(encoded: &str) -> Result<Vec<(String, String)>, Malformed> {
    let pairs = encoded.split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(name, Plus::IsSpace)?, decode(value, Plus::IsSpace)?))
    });
    decoded.collect()
}

/// What a plus stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    /// In a path.
    IsItself,
    /// In a form.
    IsSpace,
}

fn decode(encoded: &str, plus: Plus) -> Result<String, Malformed> {
    if !encoded.is_ascii() {
        return Err(Malformed);
    }
    if !encoded.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Ok(encoded.to_owned());
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next())? << 4 | digit(bytes.next())?,
            b'+' if plus == Plus::IsSpace => b' ',
            plain => plain,
        });
    }
    String::from_utf8(decoded).map_err(|_| Malformed)
}

fn digit(byte: Option<u8>) -> Result<u8, Malformed> {
    let digit = byte
        .and_then(|byte| char::from(byte).to_digit(16))
        .ok_or(Malformed)?;
    u8::try_from(digit).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_once() {
        for (encoded, decoded) in [
            ("", ""),
            ("1", "1"),
            ("a%20b", "a b"),
            ("a+b", "a+b"),
            ("%2541", "%41"),
            ("caf%C3%a9", "café"),
            ("a%2Fb", "a/b"),
        ] {
            assert_eq!(segment(encoded).as_deref(), Ok(decoded));
        }
        for malformed in [
            "%",
            "%4",
            "%zz",
            "%4g",
            "%+1",
            "%ff",
            "%C3",
            "%ed%a0%80",
            "é",
            "a%",
        ] {
            assert_eq!(segment(malformed), Err(Malformed), "{malformed}");
            assert_eq!(
                check_path(&format!("/a/{malformed}/b")),
                Err(Malformed),
                "{malformed}"
            );
        }
        assert_eq!(check_path("/rooms/caf%C3%A9"), Ok(()));
    }

    #[test]
    fn a_path_that_browsers_would_change_leads_elsewhere() {
        for (path, elsewhere) in [
            ("/rooms/1", false),
            ("/rooms/.well-known/..a/b..", false),
            ("//rooms", false),
            ("*", false),
            ("/rooms/%5C", false),
            ("/rooms/.", true),
            ("/rooms/..", true),
            ("/x/../rooms", true),
            ("/x/%2e%2E/rooms", true),
            ("/x/.%2e/rooms", true),
            ("/x\\..\\rooms", true),
            ("/rooms\\1", true),
            ("/files/a%2Fb%5c.c%2f..d", false),
            ("/files/%252e%252e%2fx", false),
            ("/files/%2e%2e%2fx", true),
            ("/files/a%2F..%2Fb", true),
            ("/files/a%2f.", true),
            ("/files/..%5cx", true),
            ("/files/x%5C%2e%2e", true),
        ] {
            let plain = plain_path(path).unwrap();
            assert_eq!(leads_elsewhere(&plain), elsewhere, "{path}");
        }
    }

    #[test]
    fn a_path_is_known_by_what_it_may_be_taken_for() {
        for (path, lenient) in [
            ("/", None),
            ("/admin/1", None),
            ("/admin/", Some("/admin")),
            ("//", Some("/")),
            ("//admin", Some("/admin")),
            ("/admin//1", Some("/admin/1")),
            ("/admin%2F1", Some("/admin/1")),
            ("/x%2f..%2Fadmin", Some("/x/../admin")),
        ] {
            assert_eq!(read_leniently(path).as_deref(), lenient, "{path}");
        }
    }

    #[test]
    fn a_path_that_cannot_be_decoded_is_none() {
        for malformed in ["/%", "/%4", "/%zz", "/%ff", "/%+1", "/%é"] {
            assert_eq!(plain_path(malformed), Err(Malformed), "{malformed}");
        }
    }

    #[test]
    fn queries_are_decoded_as_forms() {
        let pairs = |pairs: &[(&str, &str)]| {
            Ok(pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect())
        };
        assert_eq!(query(""), pairs(&[]));
        assert_eq!(
            query("a=1&b=2&a=3"),
            pairs(&[("a", "1"), ("b", "2"), ("a", "3")])
        );
        assert_eq!(
            query("a&b=&=c&&d=e=f"),
            pairs(&[("a", ""), ("b", ""), ("", "c"), ("d", "e=f")])
        );
        assert_eq!(query("a+b=c%2Bd%26%3D"), pairs(&[("a b", "c+d&=")]));
        assert_eq!(query("a=%"), Err(Malformed));
        assert_eq!(query("%ff=1"), Err(Malformed));
    }
}
