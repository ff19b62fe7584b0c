//! Components in OCI registries: fetching and storing them, each with the signature that travels beside it.
//!
//! What is asked of a registry is little: manifests, blobs, and who refers to a manifest (OCI distribution 1.1). Whatever it answers is bounded, and only taken when it
//! has the digest that was asked for.

mod artifact;
mod authorization;
mod credentials;
mod error;
mod exchange;
mod hosts;
mod kept_copies;
mod layout;
mod referrers;
mod repository;
mod said;
mod signatures;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use crate::build::World;
use crate::core::{ContentDigest, Timestamp, VersionDigest};
use crate::manifest::{OciReference, RegistrySettings};

pub use self::error::RegistryError;
pub use self::kept_copies::{KeptCopies, Named, Obtained};
pub use self::signatures::{Addressee, Sought, Verifier};

use self::artifact::Descriptor;
use self::credentials::DockerConfig;
use self::hosts::Hosts;
use self::repository::{Access, Repository};

/// How long a signature is looked for: a component comes without one where that takes longer.
const SEARCH: Duration = Duration::from_secs(15);

/// The registries, as the manifest and Docker's configuration have them.
#[derive(Clone)]
pub struct Registries {
    hosts: Arc<Hosts>,
    docker: Arc<DockerConfig>,
}

/// A component that was fetched.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// Its bytes.
    pub component: Bytes,
    /// What its registry knows it by: the digest of its manifest there.
    pub digest: ContentDigest,
    /// The signature beside it that was sought, where there is one.
    pub signature: Option<String>,
    /// What did not go well and did not matter, for people: a mirror that did not help, a signature that could not be read.
    pub notes: Vec<String>,
}

/// A component that is to be stored.
#[derive(Clone, Debug)]
pub struct Pushing {
    /// Its bytes.
    pub component: Bytes,
    /// The name of its file, for those who fetch it with other tools.
    pub title: String,
    /// When it was made. The same component made at the same time has the same digest there.
    pub created: Timestamp,
    /// What it imports and exports.
    pub world: World,
    /// A signature of it, with when that was made and for whom.
    pub signature: Option<(String, Timestamp, Addressee)>,
}

impl Registries {
    /// Those of which the settings say something, and all others. Docker's configuration is read when somebody is to be logged in.
    pub fn new(settings: BTreeMap<String, RegistrySettings>) -> Self {
        Self {
            hosts: Arc::new(Hosts::new(settings)),
            docker: Arc::new(DockerConfig::of_the_user()),
        }
    }

    /// Fetches a component of at most so many bytes, and the signature beside it that is sought. Mirrors are asked first; what they do not have, or have otherwise
    /// than its digest says, is fetched from the registry itself. All of them have so much time together for the component.
    ///
    /// # Errors
    ///
    /// When nobody has it, or nobody can be asked: what the registry itself said of it.
    pub async fn pull(
        &self,
        reference: &OciReference,
        largest: u64,
        sought: &Sought,
        within: Duration,
    ) -> Result<Pulled, RegistryError> {
        let until = Instant::now() + within;
        let mirrors = self.hosts.mirrors(&reference.registry);
        let mut notes = Vec::new();
        for (place, mirror) in (0..).zip(mirrors) {
            // Who does not help leaves time for the others, of which the registry is one.
            let left = until.saturating_duration_since(Instant::now());
            let share = left / (mirrors.len() as u32 - place + 1);
            let pulling = self.pull_from(mirror, reference, largest, sought, share);
            match pulling.await {
                Ok(mut pulled) => {
                    pulled.notes.splice(..0, notes);
                    self.complete(&mut pulled, reference, sought).await;
                    return Ok(pulled);
                }
                Err(error) => notes.push(format!("the mirror {mirror} does not help: {error}")),
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        let registry = &reference.registry;
        let pulling = self.pull_from(registry, reference, largest, sought, left);
        let mut pulled = pulling.await?;
        pulled.notes.splice(..0, notes);
        Ok(pulled)
    }

    async fn pull_from(
        &self,
        registry: &str,
        reference: &OciReference,
        largest: u64,
        sought: &Sought,
        within: Duration,
    ) -> Result<Pulled, RegistryError> {
        let mut repository = self.repository(registry, reference, Access::Pull);
        let fetching = async {
            let (manifest, digest) = repository.manifest(reference).await?;
            let layer = layout::component_of(reference, &manifest)?;
            let component = repository.blob(layer, "the component", largest).await?;
            Ok((component, digest))
        };
        let (component, digest) = bounded(registry, within, fetching).await?;
        let version = VersionDigest::of(&component);
        let searching = signatures::find(&mut repository, digest, version, sought);
        let mut pulled = Pulled {
            component,
            digest,
            signature: None,
            notes: Vec::new(),
        };
        // Whether it may serve without one is not decided here.
        match bounded(registry, SEARCH, searching).await {
            Ok(signature) => pulled.signature = signature,
            Err(error) => pulled.notes.push(unread(&error)),
        }
        Ok(pulled)
    }

    /// Who mirrors a component need not mirror what refers to it: a signature that a mirror has not, or not a good one, is sought in the registry.
    async fn complete(&self, pulled: &mut Pulled, reference: &OciReference, sought: &Sought) {
        let version = VersionDigest::of(&pulled.component);
        let signature = pulled.signature.as_deref();
        if signature.is_some_and(|signature| sought.accepts(version, signature)) {
            return;
        }
        let pinned = reference.pinned(pulled.digest);
        match self.signature(&pinned, version, sought).await {
            Ok(Some(signature)) => pulled.signature = Some(signature),
            Ok(None) => {}
            Err(error) => pulled.notes.push(unread(&error)),
        }
    }

    /// The signature that is sought of a component beside what a reference pins.
    ///
    /// # Errors
    ///
    /// When the registry cannot be asked, or takes too long.
    pub async fn signature(
        &self,
        reference: &OciReference,
        component: VersionDigest,
        sought: &Sought,
    ) -> Result<Option<String>, RegistryError> {
        let Some(digest) = reference.digest else {
            return Ok(None);
        };
        let registry = &reference.registry;
        let mut repository = self.repository(registry, reference, Access::Pull);
        let searching = signatures::find(&mut repository, digest, component, sought);
        bounded(registry, SEARCH, searching).await
    }

    /// Stores a component under the tag of a reference, and its signature beside it. Answers what the registry knows it by.
    ///
    /// # Errors
    ///
    /// When the registry does not take it.
    pub async fn push(
        &self,
        reference: &OciReference,
        pushing: Pushing,
    ) -> Result<ContentDigest, RegistryError> {
        let mut repository = self.repository(&reference.registry, reference, Access::Push);
        let (config, manifest) = layout::of(&pushing);
        repository.put_blob(&pushing.component).await?;
        repository.put_blob(&config).await?;
        let subject = Descriptor::of(&manifest, artifact::IMAGE_MANIFEST);
        let (digest, kind) = (subject.digest, artifact::IMAGE_MANIFEST);
        // The tag comes last: whoever finds it finds the signature, too.
        if let Some((signature, made, whom)) = pushing.signature {
            let key = digest.to_string();
            repository.put_manifest(&key, &manifest, kind).await?;
            signatures::attach(&mut repository, subject, &signature, made, &whom).await?;
        }
        let key = reference.key();
        repository.put_manifest(&key, &manifest, kind).await?;
        Ok(digest)
    }

    fn repository(&self, registry: &str, reference: &OciReference, access: Access) -> Repository {
        Repository::new(
            self.hosts.clone(),
            self.docker.clone(),
            registry,
            &reference.repository,
            access,
        )
    }
}

/// What a registry is asked, within some time.
async fn bounded<T>(
    registry: &str,
    within: Duration,
    asking: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    let asked = timeout(within, asking).await;
    asked.unwrap_or_else(|_| {
        Err(RegistryError::Late {
            host: registry.to_owned(),
            within,
        })
    })
}

/// That a signature could not be read.
fn unread(error: &RegistryError) -> String {
    format!("no signature could be read: {error}")
}
