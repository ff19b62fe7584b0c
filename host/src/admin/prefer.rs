//! `Prefer`: how a client would like to be answered (RFC 7240).

use std::time::Duration;

use http::{HeaderMap, HeaderName};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What of it is honoured here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Preferences {
    /// Whether the answer is to come before the work is done.
    pub respond_async: bool,
    /// How long the client would wait for it.
    pub wait: Option<Duration>,
}

impl Preferences {
    /// What the fields say. What is not understood is ignored, as the standard asks; of what is there twice, the first counts.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let fields = headers.get_all(PREFER).iter();
        for field in fields.filter_map(|field| field.to_str().ok()) {
            for preference in split(field, ',') {
                // What follows a semicolon are parameters of the preference.
                let preference = split(preference, ';').next().unwrap_or_default();
                let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
                let value = value.trim().trim_matches('"');
                if name.trim().eq_ignore_ascii_case("respond-async") {
                    found.respond_async = true;
                } else if name.trim().eq_ignore_ascii_case("wait") && found.wait.is_none() {
                    found.wait = value.parse().ok().map(Duration::from_secs);
                }
            }
        }
        found
    }
}

/// The parts of a text between separators that do not stand in quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_quoted,
            '"' => is_quoted = !is_quoted,
            c if c == separator => return !is_quoted,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn of(fields: &[&'static str]) -> (bool, Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, HeaderValue::from_static("*/*"));
        for field in fields {
            headers.append(PREFER, HeaderValue::from_static(field));
        }
        let found = Preferences::of(&headers);
        (found.respond_async, found.wait.map(|wait| wait.as_secs()))
    }

    #[test]
    fn it_is_a_list() {
        for fields in [
            &["respond-async"][..],
            &["Respond-Async"],
            &["respond-async;foo=1"],
            &["return=minimal", "respond-async"],
            &["return=\"a,b\" , respond-async"],
            &["foo; bar=\"x\\\",y;z\", respond-async ;q"],
        ] {
            assert_eq!(of(fields), (true, None), "{fields:?}");
        }
        assert_eq!(of(&["respond-async, wait=5"]), (true, Some(5)));
        assert_eq!(
            of(&["wait = \"10\"; x", "wait=3, respond-async"]),
            (true, Some(10))
        );
        for fields in [
            &[][..],
            &[""],
            &["respond-asynchronously"],
            &["x=\"respond-async\""],
            &["foo;respond-async"],
            &["x=\"a, respond-async, b\""],
        ] {
            assert_eq!(of(fields), (false, None), "{fields:?}");
        }
        assert_eq!(of(&["wait=soon"]), (false, None));
    }
}
