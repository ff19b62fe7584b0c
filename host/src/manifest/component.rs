//! `component`: where a context's component comes from that is built already.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, de::Error};

use super::oci_reference::OciReference;

/// Where a built component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentSource {
    /// A `.wasm` file.
    File(PathBuf),
    /// In a registry.
    Registry(OciReference),
}

impl ComponentSource {
    /// What a text means: a reference where it begins as one does, else a file.
    ///
    /// # Errors
    ///
    /// When it begins as a reference and is none; the text says what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        match OciReference::is_meant(text) {
            true => {
                let reference = text.parse().map(Self::Registry);
                reference.map_err(|error: super::InvalidReference| error.to_string())
            }
            false => Ok(Self::File(text.into())),
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file),
            Self::Registry(_) => None,
        }
    }

    /// The reference, where it is in a registry.
    pub fn reference(&self) -> Option<&OciReference> {
        match self {
            Self::File(_) => None,
            Self::Registry(reference) => Some(reference),
        }
    }

    /// The file, to be taken relative to the manifest.
    pub(super) fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::File(file) => Some(file),
            Self::Registry(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for ComponentSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
