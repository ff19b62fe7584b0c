//! The signature of a component beside it in its registry: an artifact of its own that refers to the component's manifest (OCI 1.1). Registries that cannot say what
//! refers to a manifest have an index of it under a tag that is made of the manifest's digest.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::artifact::{
    Annotations, CREATED, Descriptor, EMPTY, EMPTY_CONTENT, IMAGE_INDEX, IMAGE_MANIFEST,
    ImageIndex, ImageManifest, bytes_of,
};
use super::error::RegistryError;
use super::repository::Repository;
use crate::core::{ContentDigest, Timestamp, VersionDigest};

/// The type of a signature, and of what is in it.
const SIGNATURE: &str = "application/vnd.innkeeper.signature.v1";
/// The annotations that say whom a signature is for.
const APP: &str = "innkeeper.app";
const CONTEXT: &str = "innkeeper.context";
/// The largest signature, in bytes.
const LARGEST: u64 = 4 << 10;
/// How many are tried of those that a registry lists.
const MOST_TRIED: usize = 8;

/// Whom a component is signed for. What is not said is for anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addressee {
    /// The app.
    pub app: Option<String>,
    /// The context.
    pub context: Option<String>,
}

impl Addressee {
    fn annotations(&self, made: Timestamp) -> Annotations {
        let mut annotations = Annotations::new();
        annotations.insert(CREATED.to_owned(), made.to_string());
        let said = [(APP, &self.app), (CONTEXT, &self.context)];
        for (name, value) in said {
            let value = value.iter().cloned();
            annotations.extend(value.map(|value| (name.to_owned(), value)));
        }
        annotations
    }

    /// Whether something with these notes may be for it.
    fn is_meant_by(&self, annotations: &Annotations) -> bool {
        let agrees = |wanted: &Option<String>, name| match (wanted, annotations.get(name)) {
            (Some(wanted), Some(said)) => wanted == said,
            _ => true,
        };
        agrees(&self.app, APP) && agrees(&self.context, CONTEXT)
    }
}

/// Says of a signature whether it is a good one of a component.
pub type Verifier = Arc<dyn Fn(VersionDigest, &str) -> bool + Send + Sync>;

/// Which signature of a component is sought.
#[derive(Clone, Default)]
pub struct Sought {
    /// Whom it is for.
    pub whom: Addressee,
    /// Who can tell a good one from others, where somebody can. Else whatever is found first is taken, and whoever asks for it decides.
    pub verifier: Option<Verifier>,
}

impl Sought {
    /// Whether a signature of a component is good, as far as that can be told.
    pub fn accepts(&self, component: VersionDigest, signature: &str) -> bool {
        let verifier = self.verifier.as_ref();
        verifier.is_none_or(|is_good| is_good(component, signature))
    }
}

impl fmt::Debug for Sought {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Sought");
        shown.field("whom", &self.whom).finish_non_exhaustive()
    }
}

/// Stores a signature of what a descriptor names, beside it.
pub(super) async fn attach(
    repository: &mut Repository,
    subject: Descriptor,
    signature: &str,
    made: Timestamp,
    whom: &Addressee,
) -> Result<(), RegistryError> {
    let (content, empty) = (
        Bytes::copy_from_slice(signature.as_bytes()),
        Bytes::from_static(EMPTY_CONTENT),
    );
    repository.put_blob(&content).await?;
    repository.put_blob(&empty).await?;
    let (fallback, annotations) = (fallback_tag(subject.digest), whom.annotations(made));
    let manifest = ImageManifest {
        artifact_type: Some(SIGNATURE.to_owned()),
        subject: Some(subject),
        annotations: annotations.clone(),
        ..ImageManifest::new(
            Descriptor::of(&empty, EMPTY),
            Descriptor::of(&content, SIGNATURE),
        )
    };
    let manifest = Bytes::from(bytes_of(&manifest));
    let referrer = Descriptor {
        artifact_type: Some(SIGNATURE.to_owned()),
        annotations,
        ..Descriptor::of(&manifest, IMAGE_MANIFEST)
    };
    let key = referrer.digest.to_string();
    let is_noted = repository
        .put_manifest(&key, &manifest, IMAGE_MANIFEST)
        .await?;
    if is_noted {
        return Ok(());
    }
    let index = repository.index(&fallback).await?;
    let mut index = index.unwrap_or_else(ImageIndex::empty);
    index.name(&referrer);
    let index = Bytes::from(bytes_of(&index));
    let stored = repository
        .put_manifest(&fallback, &index, IMAGE_INDEX)
        .await;
    stored.map(drop)
}

/// The signature that is sought beside the manifest of this digest, if there is one: the first good one, or else the first at all. What is broken or is none is passed
/// over.
pub(super) async fn find(
    repository: &mut Repository,
    subject: ContentDigest,
    component: VersionDigest,
    sought: &Sought,
) -> Result<Option<String>, RegistryError> {
    let told = repository.referrers(subject, SIGNATURE).await?;
    let mut found = Found::default();
    found
        .look_at(repository, told, subject, component, sought)
        .await;
    if found.good.is_none() {
        // Also where the registry has learnt to tell since they were stored.
        let index = repository.index(&fallback_tag(subject)).await?;
        let listed = index.map(|index| index.descriptors().collect());
        let listed = listed.unwrap_or_default();
        found
            .look_at(repository, listed, subject, component, sought)
            .await;
    }
    match (found.good.or(found.other), found.broken) {
        (None, Some(error)) => Err(error),
        (signature, _) => Ok(signature),
    }
}

/// What has been found so far.
#[derive(Default)]
struct Found {
    good: Option<String>,
    other: Option<String>,
    broken: Option<RegistryError>,
}

impl Found {
    async fn look_at(
        &mut self,
        repository: &mut Repository,
        listed: Vec<Descriptor>,
        subject: ContentDigest,
        component: VersionDigest,
        sought: &Sought,
    ) {
        for one in ranked(listed, &sought.whom).into_iter().take(MOST_TRIED) {
            match read(repository, subject, &one, &sought.whom).await {
                Ok(Some(signature)) if sought.accepts(component, &signature) => {
                    self.good = Some(signature);
                    return;
                }
                Ok(Some(signature)) => {
                    self.other.get_or_insert(signature);
                }
                Ok(None) => {}
                Err(error) => self.broken = Some(error),
            }
        }
    }
}

/// The text of a signature, where it is one of this manifest and may be for somebody. What is told of it by others is only a hint.
async fn read(
    repository: &mut Repository,
    subject: ContentDigest,
    one: &Descriptor,
    whom: &Addressee,
) -> Result<Option<String>, RegistryError> {
    let manifest = repository.manifest_of(one.digest).await?;
    let is_of_it = manifest.subject.is_some_and(|of| of.digest == subject)
        && whom.is_meant_by(&manifest.annotations);
    let mut layers = manifest.layers.iter();
    let layer = layers.find(|layer| layer.media_type == SIGNATURE);
    let Some(layer) = layer.filter(|layer| is_of_it && layer.size <= LARGEST) else {
        return Ok(None);
    };
    let content = repository.blob(layer, "the signature", LARGEST).await?;
    // What is none is refused by whoever reads it.
    Ok(Some(String::from_utf8_lossy(&content).trim().to_owned()))
}

/// The signatures that may be for somebody: first those that say so, and the newest first.
fn ranked(listed: Vec<Descriptor>, whom: &Addressee) -> Vec<Descriptor> {
    let mut signatures = listed;
    signatures.retain(|one| {
        one.artifact_type.as_deref() == Some(SIGNATURE) && whom.is_meant_by(&one.annotations)
    });
    let made = |one: &Descriptor| one.annotations.get(CREATED)?.parse::<Timestamp>().ok();
    let said = |one: &Descriptor| {
        let names = [APP, CONTEXT].into_iter();
        names
            .filter(|name| one.annotations.contains_key(*name))
            .count()
    };
    signatures.sort_by_cached_key(|one| Reverse((said(one), made(one))));
    signatures
}

/// The tag of the index where the registry cannot tell what refers to a manifest.
fn fallback_tag(subject: ContentDigest) -> String {
    subject.to_string().replace(':', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whom(app: &str, context: &str) -> Addressee {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Addressee {
            app: said(app),
            context: said(context),
        }
    }

    fn signed(name: &str, made: u64, whom: &Addressee) -> Descriptor {
        Descriptor {
            artifact_type: Some(SIGNATURE.to_owned()),
            annotations: whom.annotations(Timestamp(made)),
            ..Descriptor::of(name.as_bytes(), IMAGE_MANIFEST)
        }
    }

    fn found(signatures: &[Descriptor], whom: &Addressee) -> Option<ContentDigest> {
        let ranked = ranked(signatures.to_vec(), whom);
        ranked.first().map(|one| one.digest)
    }

    #[test]
    fn the_newest_for_whom_it_is_counts() {
        let (stay, inn) = (whom("stay", "room"), whom("inn", "room"));
        let signatures = [
            signed("a", 2_000, &stay),
            signed("b", 1_000, &stay),
            signed("c", 3_000, &inn),
        ];
        let digest = |name: &str| Some(ContentDigest::of(name.as_bytes()));
        assert_eq!(found(&signatures, &stay), digest("a"));
        assert_eq!(found(&signatures, &inn), digest("c"));
        assert_eq!(found(&signatures, &whom("stay", "message")), None);
        assert_eq!(found(&signatures, &whom("", "room")), digest("c"));
        let for_anybody = signed("d", 9_000, &whom("", ""));
        // What says whom it is for goes before what is newer and does not.
        let more = [for_anybody, signatures[0].clone()];
        assert_eq!(found(&more, &stay), digest("a"));
        assert_eq!(found(&more, &whom("stay", "message")), digest("d"));
    }

    #[test]
    fn what_else_refers_to_it_does_not() {
        let mut other = signed("a", 1_000, &whom("", ""));
        other.artifact_type = Some("application/vnd.dev.cosign.artifact.sig.v1+json".to_owned());
        assert_eq!(found(&[other], &whom("stay", "room")), None);
    }
}
