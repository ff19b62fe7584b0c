//! What registries store: manifests, indexes of them, and what both name by its digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::core::ContentDigest;

/// The types of what is here.
pub(super) const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The type of a config that says nothing.
pub(super) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// What is in a config that says nothing.
pub(super) const EMPTY_CONTENT: &[u8] = b"{}";
/// The annotations that OCI gives a name.
pub(super) const TITLE: &str = "org.opencontainers.image.title";
pub(super) const CREATED: &str = "org.opencontainers.image.created";

/// What is noted beside something, by names.
pub(super) type Annotations = BTreeMap<String, String>;

/// Names some content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    /// What it is.
    pub media_type: String,
    pub digest: ContentDigest,
    /// In bytes.
    pub size: u64,
    /// What a manifest is for, where it is one of something else than an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
    /// What others have noted, and is not to be lost.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// A manifest: what something in a registry consists of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageManifest {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    /// The manifest that this one refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

/// An index: several manifests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageIndex {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// As they stand there: what others have written need not be understood to be kept.
    pub manifests: Vec<Value>,
    /// What others have noted, and is not to be lost.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl Descriptor {
    /// Of some content.
    pub fn of(content: &[u8], media_type: &str) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: ContentDigest::of(content),
            size: content.len() as u64,
            artifact_type: None,
            annotations: Annotations::new(),
            others: Map::new(),
        }
    }

    /// With a note.
    pub fn annotated(mut self, name: &str, value: impl Into<String>) -> Self {
        self.annotations.insert(name.to_owned(), value.into());
        self
    }
}

impl ImageManifest {
    /// Of a config and one layer.
    pub fn new(config: Descriptor, layer: Descriptor) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(IMAGE_MANIFEST.to_owned()),
            artifact_type: None,
            config,
            layers: vec![layer],
            subject: None,
            annotations: Annotations::new(),
        }
    }
}

impl ImageIndex {
    /// Of no manifests yet.
    pub fn empty() -> Self {
        Self {
            schema_version: 2,
            media_type: Some(IMAGE_INDEX.to_owned()),
            manifests: Vec::new(),
            others: Map::new(),
        }
    }

    /// Those of its manifests that can be understood.
    pub fn descriptors(self) -> impl Iterator<Item = Descriptor> {
        let read = |manifest| serde_json::from_value(manifest).ok();
        self.manifests.into_iter().filter_map(read)
    }

    /// Names a manifest in it, once.
    pub fn name(&mut self, manifest: &Descriptor) {
        let digest = manifest.digest.to_string();
        let is_other = |known: &Value| known["digest"].as_str() != Some(&digest);
        self.manifests.retain(is_other);
        // Texts, numbers, and maps whose keys are texts always are JSON.
        self.manifests.extend(serde_json::to_value(manifest));
    }
}

/// The bytes that something of this is stored as. Their digest is what it is known by.
pub(super) fn bytes_of(what: &impl Serialize) -> Vec<u8> {
    // Texts, numbers, and maps whose keys are texts always are JSON.
    serde_json::to_vec(what).unwrap_or_default()
}
