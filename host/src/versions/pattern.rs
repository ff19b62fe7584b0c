//! A described path, such as `/rooms/{id}`.

/// A described path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    placeholders: Vec<String>,
}

impl Pattern {
    /// Reads a described path, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix('/').ok_or("a path must begin with `/`")?;
        let mut placeholders = Vec::new();
        for segment in path.split('/').filter(|_| !path.is_empty()) {
            if segment.is_empty() {
                return Err("a path must not have empty segments, nor end with `/`".to_owned());
            }
            match segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            {
                Some(name) if !is_placeholder(name) => {
                    return Err(format!(
                        "`{segment}` is not a placeholder; write for example `{{id}}`"
                    ));
                }
                Some(name) if placeholders.iter().any(|other| other == name) => {
                    return Err(format!("the placeholder `{segment}` occurs twice"));
                }
                Some(name) => placeholders.push(name.to_owned()),
                None if !segment.bytes().all(is_plain) => {
                    return Err(format!(
                        "`{segment}` has characters that must be percent-encoded in a path, or is only partly a placeholder"
                    ));
                }
                None => {}
            }
        }
        Ok(Self {
            text: text.to_owned(),
            placeholders,
        })
    }

    /// As it was described.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of the placeholders, in order.
    pub(crate) fn placeholders(&self) -> &[String] {
        &self.placeholders
    }

    /// The path with its placeholders numbered: the same for all that match the same.
    pub(crate) fn shape(&self) -> String {
        let mut number = 0;
        let segments = self.text.split('/').map(|segment| {
            if segment.starts_with('{') {
                number += 1;
                format!("{{{number}}}")
            } else {
                segment.to_owned()
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

fn is_placeholder(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Whether RFC 3986 lets a byte stand in a segment as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let pattern = Pattern::parse("/rooms/{room}/guests/{guest-id}").unwrap();
        assert_eq!(pattern.placeholders(), ["room", "guest-id"]);
        assert_eq!(pattern.shape(), "/rooms/{1}/guests/{2}");
        assert_eq!(Pattern::parse("/").unwrap().shape(), "/");
    }

    #[test]
    fn impossible_ones_are_refused() {
        for (path, reason) in [
            ("", "a path must begin with `/`"),
            ("rooms", "a path must begin with `/`"),
            (
                "/rooms/",
                "a path must not have empty segments, nor end with `/`",
            ),
            (
                "//",
                "a path must not have empty segments, nor end with `/`",
            ),
            ("/{}", "`{}` is not a placeholder; write for example `{id}`"),
            (
                "/{*rest}",
                "`{*rest}` is not a placeholder; write for example `{id}`",
            ),
            ("/{a}/{a}", "the placeholder `{a}` occurs twice"),
            (
                "/a{b}",
                "`a{b}` has characters that must be percent-encoded in a path, or is only partly a placeholder",
            ),
            (
                "/a b",
                "`a b` has characters that must be percent-encoded in a path, or is only partly a placeholder",
            ),
            (
                "/zimmer/ü",
                "`ü` has characters that must be percent-encoded in a path, or is only partly a placeholder",
            ),
        ] {
            assert_eq!(Pattern::parse(path), Err(reason.to_owned()), "{path}");
        }
    }
}
