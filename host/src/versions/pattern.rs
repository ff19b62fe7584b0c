//! A described path, such as `/rooms/{id}`, `/files/{*path}` or `//docs.example/guide`.

/// A described path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    host: Option<String>,
    path: String,
    placeholders: Vec<String>,
    takes_rest: bool,
}

/// A segment of a described path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    /// This text.
    Plain(&'a str),
    /// One segment, by this name.
    One(&'a str),
    /// All that is left of the path, by this name.
    Rest(&'a str),
}

impl<'a> Segment<'a> {
    /// What a segment is as it is written.
    pub(crate) fn of(text: &'a str) -> Self {
        let inner = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match inner.map(|name| (name, name.strip_prefix('*'))) {
            None => Self::Plain(text),
            Some((_, Some(name))) => Self::Rest(name),
            Some((name, None)) => Self::One(name),
        }
    }

    /// The name of what varies.
    pub(crate) fn placeholder(self) -> Option<&'a str> {
        match self {
            Self::Plain(_) => None,
            Self::One(name) | Self::Rest(name) => Some(name),
        }
    }
}

impl Pattern {
    /// Reads a described path, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (host, path) = match text.strip_prefix("//") {
            Some(rest) => {
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(host), path)
            }
            None => (None, text),
        };
        if let Some(host) = host.filter(|host| !is_host(host)) {
            return Err(format!(
                "`{host}` is not a host; write after `//` its name in lower case, without a port, for example `//docs.example/guide`"
            ));
        }
        let segments = path.strip_prefix('/').ok_or("a path must begin with `/`")?;
        let mut placeholders: Vec<String> = Vec::new();
        let mut takes_rest = false;
        let mut segments = segments.split('/').peekable();
        while let Some(segment) = segments.next() {
            if takes_rest {
                return Err(format!(
                    "nothing can stand behind `{{*{}}}`, which takes all that is left of a path",
                    placeholders.last().map_or("", String::as_str)
                ));
            }
            if segment.is_empty() && segments.peek().is_none() {
                break; // The root, or a path that ends with `/`, which is another than the one without.
            }
            if segment.is_empty() {
                return Err("a path must not have empty segments".to_owned());
            }
            match Segment::of(segment) {
                Segment::Plain(segment) if !segment.bytes().all(is_plain) => {
                    return Err(format!(
                        "`{segment}` has characters that must be percent-encoded in a path, or is only partly a placeholder"
                    ));
                }
                Segment::Plain(_) => {}
                Segment::One(name) | Segment::Rest(name) if !is_placeholder(name) => {
                    return Err(format!(
                        "`{segment}` is not a placeholder; write for example `{{id}}`, or `{{*path}}` for all that is left"
                    ));
                }
                Segment::One(name) | Segment::Rest(name)
                    if placeholders.iter().any(|other| other == name) =>
                {
                    return Err(format!("the placeholder `{segment}` occurs twice"));
                }
                Segment::One(name) => placeholders.push(name.to_owned()),
                Segment::Rest(name) => {
                    placeholders.push(name.to_owned());
                    takes_rest = true;
                }
            }
        }
        Ok(Self {
            text: text.to_owned(),
            host: host.map(str::to_owned),
            path: path.to_owned(),
            placeholders,
            takes_rest,
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

    /// The host that it is for alone.
    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether it takes all that is left of a path.
    pub(super) fn takes_rest(&self) -> bool {
        self.takes_rest
    }

    /// The path with its placeholders numbered: the same for all that match the same on one host.
    pub(super) fn shape(&self) -> String {
        let mut number = 0;
        let segments = self.path.split('/').map(|segment| {
            let varies = Segment::of(segment);
            number += usize::from(varies.placeholder().is_some());
            match varies {
                Segment::Plain(segment) => segment.to_owned(),
                Segment::One(_) => format!("{{{number}}}"),
                Segment::Rest(_) => format!("{{*{number}}}"),
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

/// Whether it is the name of a host, as it is compared.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.split('.').all(is_label)
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
        assert_eq!(
            Pattern::parse("/rooms/{room}/").unwrap().shape(),
            "/rooms/{1}/"
        );
        let rest = Pattern::parse("/files/{owner}/{*path}").unwrap();
        assert_eq!(rest.placeholders(), ["owner", "path"]);
        assert_eq!(rest.shape(), "/files/{1}/{*2}");
        assert!(rest.takes_rest() && rest.host().is_none());
        let hosted = Pattern::parse("//docs.example/guide/{page}").unwrap();
        assert_eq!(hosted.host(), Some("docs.example"));
        assert_eq!(hosted.shape(), "/guide/{1}");
        assert_eq!(hosted.as_str(), "//docs.example/guide/{page}");
    }

    #[test]
    fn impossible_ones_are_refused() {
        for (path, reason) in [
            ("", "a path must begin with `/`"),
            ("rooms", "a path must begin with `/`"),
            ("/rooms//", "a path must not have empty segments"),
            ("/rooms//beds", "a path must not have empty segments"),
            (
                "/{*rest}/",
                "nothing can stand behind `{*rest}`, which takes all that is left of a path",
            ),
            (
                "//",
                "`` is not a host; write after `//` its name in lower case, without a port, for example `//docs.example/guide`",
            ),
            (
                "//Docs.example:80/",
                "`Docs.example:80` is not a host; write after `//` its name in lower case, without a port, for example `//docs.example/guide`",
            ),
            ("//docs.example", "a path must begin with `/`"),
            (
                "//docs.example//guide",
                "a path must not have empty segments",
            ),
            (
                "/{}",
                "`{}` is not a placeholder; write for example `{id}`, or `{*path}` for all that is left",
            ),
            (
                "/{*}",
                "`{*}` is not a placeholder; write for example `{id}`, or `{*path}` for all that is left",
            ),
            (
                "/{*rest}/more",
                "nothing can stand behind `{*rest}`, which takes all that is left of a path",
            ),
            ("/{a}/{*a}", "the placeholder `{*a}` occurs twice"),
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
