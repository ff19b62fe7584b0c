//! The media type that a route consumes.

/// A media type without parameters, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaType(String);

impl MediaType {
    /// Reads what a route describes: `type/subtype`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_token = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        let (kind, subtype) = text.split_once('/')?;
        (is_token(kind) && is_token(subtype)).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The type's name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a `content-type` says this type. Its parameters are free, but the charset, if there is one, must be UTF-8 or a part of it.
    pub(crate) fn accepts(&self, content_type: &str) -> bool {
        let mut parts = content_type.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let utf8 = |parameter: &str| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let charset = value.trim().trim_matches('"');
                ["utf-8", "utf8", "us-ascii"]
                    .iter()
                    .any(|known| charset.eq_ignore_ascii_case(known))
            }
            _ => true,
        };
        essence.eq_ignore_ascii_case(&self.0) && parts.all(utf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_do_not_matter_except_the_charset() {
        let json = MediaType::parse("application/json").unwrap();
        for accepted in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json ; version=1",
        ] {
            assert!(json.accepts(accepted), "{accepted}");
        }
        for refused in [
            "",
            "text/plain",
            "application/jsonx",
            "application/json, text/plain",
            "application/json; charset=utf-16",
        ] {
            assert!(!json.accepts(refused), "{refused}");
        }
    }

    #[test]
    fn only_media_types_are_read() {
        assert_eq!(
            MediaType::parse("Application/JSON").unwrap().as_str(),
            "application/json"
        );
        for malformed in [
            "",
            "json",
            "application/",
            "/json",
            "a/b/c",
            "application/json; charset=utf-8",
            "*/*",
        ] {
            assert_eq!(MediaType::parse(malformed), None, "{malformed}");
        }
    }
}
