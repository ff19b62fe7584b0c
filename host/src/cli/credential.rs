//! What the command line shows a host of who asks.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderValue;

/// An operators' token, and where it is from.
#[derive(Debug)]
pub(super) struct Credential {
    token: String,
    /// The file that it was found in; none where it was named by whoever asks.
    found: Option<PathBuf>,
    /// Whether the host has said that it does not know it.
    is_unknown: AtomicBool,
}

impl Credential {
    /// One that was named.
    pub fn named(token: String) -> Self {
        Self {
            token,
            found: None,
            is_unknown: AtomicBool::new(false),
        }
    }

    /// One that was found in a data directory. That may be another host's, or older than the host.
    pub fn found(token: String, file: PathBuf) -> Self {
        Self {
            found: Some(file),
            ..Self::named(token)
        }
    }

    /// What is sent, unless the host does not know it. What cannot be sent is no token; the host says what is missing.
    pub fn header(&self) -> Option<HeaderValue> {
        if self.is_unknown.load(Ordering::Relaxed) {
            return None;
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.token)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Notes that the host does not know it; answers whether it can be asked without: nobody has said that it is the host's.
    pub fn refuse(&self) -> bool {
        self.found.is_some() && !self.is_unknown.swap(true, Ordering::Relaxed)
    }

    /// The file with the token that the host does not know, if there is one.
    pub fn unknown(&self) -> Option<&PathBuf> {
        let file = self.found.as_ref();
        file.filter(|_| self.is_unknown.load(Ordering::Relaxed))
    }
}
