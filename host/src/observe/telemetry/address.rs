//! What may be told of where something is exported to, and of why it could not be: nothing that gets somebody in.

use std::error::Error;

/// An address without the user, the secret and the query that it may have: what is left can be read by everybody who reads the log.
pub(super) fn without_secrets(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let (before, after) = match rest.find(['?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    // A secret that is not encoded may have any of these characters.
    if after.contains('@') {
        return format!("{scheme}…");
    }
    let host = before.rsplit_once('@').map_or(before, |(_, host)| host);
    format!("{scheme}{host}")
}

/// A text that may repeat such an address, in whatever form, without what gets somebody in.
pub(super) fn text_without_secrets(text: &str) -> String {
    let words = text
        .split(' ')
        .map(|word| match word.contains("://") || word.contains('@') {
            true => without_secrets(word),
            false => word.to_owned(),
        });
    words.collect::<Vec<_>>().join(" ")
}

/// An error with what it came from: the outermost often says only that something failed.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some repeat in their own words what they came from.
        if !told.ends_with(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn nothing_is_told_that_gets_somebody_in() {
        for (address, told) in [
            ("http://collector:4318/v1", "http://collector:4318/v1"),
            ("http://user:secret@collector:4318", "http://collector:4318"),
            ("https://collector/v1?key=secret", "https://collector/v1"),
            ("https://collector/#secret", "https://collector/"),
            ("user:secret@collector:4317", "collector:4317"),
            ("http://user:a/secret@collector", "http://collector"),
            ("http://user:secret?@collector", "http://…"),
            ("http://collector?key=a@secret", "http://…"),
            ("collector", "collector"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(address), told, "{address}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("it failed")]
    struct Outer(#[source] io::Error);

    #[test]
    fn an_error_is_told_with_its_causes() {
        let error = Outer(io::Error::other("nobody listens"));
        assert_eq!(with_causes(&error), "it failed: nobody listens");
    }
}
