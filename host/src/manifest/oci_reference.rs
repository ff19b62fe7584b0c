//! `oci://registry/repository:tag@digest`: where a component is in a registry.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;

use crate::core::ContentDigest;

/// How a reference begins, which tells it from a file.
const SCHEME: &str = "oci://";
/// The longest names that registries take, in bytes.
const LONGEST_REPOSITORY: usize = 255;
const LONGEST_TAG: usize = 128;

/// A component in an OCI registry: which one it is by a tag, a digest, or both. With a digest the tag only tells people what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciReference {
    /// The registry: a host, and its port where that is not the usual one.
    pub registry: String,
    /// The repository there, such as `inn/room`.
    pub repository: String,
    /// Its tag.
    pub tag: Option<String>,
    /// The digest of its manifest in the registry.
    pub digest: Option<ContentDigest>,
}

/// A text is no reference. It says what one looks like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// It is nothing like one.
    #[error(
        "`{0}` is not a reference; write `oci://<registry>/<repository>:<tag>`, for example `oci://registry.example/inn/room:1.2`"
    )]
    Malformed(String),
    /// It names nothing in the repository.
    #[error(
        "`{0}` names a repository only; write a tag (`:1.2`) or a digest (`@sha256:...`) behind it"
    )]
    Incomplete(String),
    /// Somebody's name, and perhaps a password, stands before the registry. It is not repeated.
    #[error(
        "a reference names nobody before the registry (`user:password@`); log in with `docker login`"
    )]
    NamesSomebody,
    /// The digest is none.
    #[error("`{0}` has no good digest: one is written `@sha256:` and 64 hexadecimal digits")]
    Digest(String),
}

impl OciReference {
    /// Whether a text is meant as a reference, right or wrong.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// What it is asked for by: the digest, or else the tag.
    pub fn key(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.clone().unwrap_or_default(),
        }
    }

    /// The same, and nothing else than what has this digest.
    #[must_use]
    pub fn pinned(&self, digest: ContentDigest) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// What a file of it would be called: the last part of the repository's name.
    pub fn name(&self) -> &str {
        let last = self.repository.rsplit('/').next();
        last.unwrap_or(&self.repository)
    }
}

impl FromStr for OciReference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let malformed = || InvalidReference::Malformed(text.to_owned());
        let rest = text.strip_prefix(SCHEME).ok_or_else(malformed)?;
        let (registry, path) = rest.split_once('/').ok_or_else(malformed)?;
        if registry.contains('@') {
            return Err(InvalidReference::NamesSomebody);
        }
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => {
                let digest = digest.parse();
                let digest = digest.map_err(|_| InvalidReference::Digest(text.to_owned()))?;
                (path, Some(digest))
            }
            None => (path, None),
        };
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        let is_well = is_registry(registry) && is_repository(repository) && tag.is_none_or(is_tag);
        if !is_well {
            return Err(malformed());
        }
        if tag.is_none() && digest.is_none() {
            return Err(InvalidReference::Incomplete(text.to_owned()));
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{SCHEME}{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        match self.digest {
            Some(digest) => write!(formatter, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Whether this can be a registry: a host, perhaps with a port, and nobody's name before it.
pub(super) fn is_registry(text: &str) -> bool {
    let authority: Option<Authority> = text.parse().ok();
    authority.is_some_and(|authority| {
        let host = authority.host();
        let port = text.strip_prefix(host).map(|rest| rest.strip_prefix(':'));
        let has_port = port.flatten();
        !host.is_empty()
            && (text == host || has_port.is_some_and(|port| port.parse::<u16>().is_ok()))
    })
}

/// Parts with `/` between them, of lower case letters and digits, between which there may be one of `.`, `_`, `__`, or dashes.
fn is_repository(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        let mut separators = part.split(is_letter).filter(|between| !between.is_empty());
        part.starts_with(is_letter)
            && part.ends_with(is_letter)
            && separators
                .all(|one| matches!(one, "." | "_" | "__") || one.bytes().all(|b| b == b'-'))
    };
    text.len() <= LONGEST_REPOSITORY && text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= LONGEST_TAG
        && text.starts_with(is_word)
        && text.chars().all(|c| is_word(c) || c == '.' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_reference_is_read_as_it_is_written() {
        for (text, key) in [
            ("oci://registry.example/inn/room:1.2".to_owned(), "1.2"),
            (format!("oci://127.0.0.1:5000/room@{DIGEST}"), DIGEST),
            (format!("oci://[::1]:5000/a/b-c/d__e:v1_x@{DIGEST}"), DIGEST),
            ("oci://localhost:5000/a--b.c:_".to_owned(), "_"),
        ] {
            let reference: OciReference = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(reference.key(), key);
        }
    }

    #[test]
    fn whatever_else_is_none() {
        for text in [
            "",
            "room.wasm",
            "oci://",
            "oci://room:1",
            "oci:///room:1",
            "oci://registry.example/:1",
            "oci://registry.example/Room:1",
            "oci://registry.example/a//b:1",
            "oci://registry.example/../b:1",
            "oci://registry.example/a..b:1",
            "oci://registry.example/a/-b:1",
            "oci://registry.example/room:",
            "oci://registry.example/room:-1",
            "oci://registry.example/room:1:2",
            "oci://registry.example/room:a/b",
            "oci://registry.example:/room:1",
            "oci://registry.example:99999/room:1",
            "oci://registry.example/room?x=1",
            "oci://registry.example/room:1 ",
        ] {
            let read = text.parse::<OciReference>();
            assert!(
                matches!(read, Err(InvalidReference::Malformed(_))),
                "{text}: {read:?}"
            );
        }
        let read = "oci://user:secret@registry.example/room:1".parse::<OciReference>();
        assert_eq!(read, Err(InvalidReference::NamesSomebody));
        let read = "oci://registry.example/room".parse::<OciReference>();
        assert!(
            matches!(read, Err(InvalidReference::Incomplete(_))),
            "{read:?}"
        );
        let read = "oci://registry.example/room@sha512:00".parse::<OciReference>();
        assert!(matches!(read, Err(InvalidReference::Digest(_))), "{read:?}");
    }
}
