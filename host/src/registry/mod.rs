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
mod repository;
mod said;
mod signatures;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::build::World;
use crate::core::{ContentDigest, Timestamp};
use crate::manifest::{OciReference, RegistrySettings};

pub use self::error::RegistryError;
pub use self::kept_copies::{KeptCopies, Obtained};
pub use self::signatures::Addressee;

use self::artifact::Descriptor;
use self::credentials::DockerConfig;
use self::hosts::Hosts;
use self::repository::{Access, Repository};

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
    /// The signature beside it for whom it was fetched, where there is one.
    pub signature: Option<String>,
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

    /// Fetches a component of at most so many bytes, and the newest signature beside it that is for `whom`. Mirrors are asked first; what they do not have,
    /// or have otherwise than its digest says, is fetched from the registry itself.
    ///
    /// # Errors
    ///
    /// When nobody has it, or nobody can be asked: what the registry itself said of it.
    pub async fn pull(
        &self,
        reference: &OciReference,
        largest: u64,
        whom: &Addressee,
    ) -> Result<Pulled, RegistryError> {
        for mirror in self.hosts.mirrors(&reference.registry) {
            let repository = self.repository(mirror, reference, Access::Pull);
            match self.pull_from(repository, reference, largest, whom).await {
                Ok(pulled) if pulled.signature.is_some() => return Ok(pulled),
                Ok(pulled) => {
                    // Who mirrors a component need not mirror what refers to it.
                    let pinned = reference.pinned(pulled.digest);
                    let signature = self.signature(&pinned, whom).await;
                    return Ok(Pulled {
                        signature: signature.unwrap_or_default(),
                        ..pulled
                    });
                }
                Err(error) => {
                    tracing::debug!(%reference, mirror, %error, "the mirror does not help");
                }
            }
        }
        let repository = self.repository(&reference.registry, reference, Access::Pull);
        self.pull_from(repository, reference, largest, whom).await
    }

    async fn pull_from(
        &self,
        mut repository: Repository,
        reference: &OciReference,
        largest: u64,
        whom: &Addressee,
    ) -> Result<Pulled, RegistryError> {
        let (manifest, digest) = repository.manifest(reference).await?;
        let layer = layout::component_of(reference, &manifest)?;
        let component = repository.blob(layer, "the component", largest).await?;
        let signature = signatures::find(&mut repository, digest, whom).await?;
        Ok(Pulled {
            component,
            digest,
            signature,
        })
    }

    /// The newest signature for `whom` beside what a reference pins.
    ///
    /// # Errors
    ///
    /// When the registry cannot be asked.
    pub async fn signature(
        &self,
        reference: &OciReference,
        whom: &Addressee,
    ) -> Result<Option<String>, RegistryError> {
        let Some(digest) = reference.digest else {
            return Ok(None);
        };
        let mut repository = self.repository(&reference.registry, reference, Access::Pull);
        signatures::find(&mut repository, digest, whom).await
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
