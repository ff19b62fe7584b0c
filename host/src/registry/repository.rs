//! One repository of a registry: its manifests and its blobs.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::de::DeserializeOwned;

use super::artifact::{Descriptor, IMAGE_INDEX, IMAGE_MANIFEST, ImageIndex, ImageManifest};
use super::authorization::{Challenge, meet};
use super::credentials::DockerConfig;
use super::error::RegistryError;
use super::exchange::{Answer, Ask, Place};
use super::hosts::Hosts;
use super::said::said_in;
use crate::core::ContentDigest;
use crate::manifest::OciReference;

/// The largest manifest or index that is taken, in bytes: as large as registries must take them.
pub(super) const LARGEST_MANIFEST: u64 = 4 << 20;
/// How much is read of an answer that only its status matters of.
const LARGEST_RECEIPT: u64 = 64 << 10;
/// How often somebody who asks for a blob is sent on.
const MOST_REDIRECTS: usize = 3;
/// What an answer to a manifest says that has been noted as a referrer.
const SUBJECT: &str = "oci-subject";
/// What a registry says a manifest's digest is.
const DIGEST: &str = "docker-content-digest";

/// What is to be done in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Pull,
    Push,
}

/// A repository, and who asks.
pub(super) struct Repository {
    hosts: Arc<Hosts>,
    docker: Arc<DockerConfig>,
    /// The registry, as references name it.
    registry: String,
    name: String,
    access: Access,
    /// What is shown with each request, once the registry has asked for it.
    login: Option<HeaderValue>,
}

impl Access {
    fn scope(self, repository: &str) -> String {
        let actions = match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        };
        format!("repository:{repository}:{actions}")
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Pull => "pull from",
            Self::Push => "push to",
        }
    }
}

impl Repository {
    pub fn new(
        hosts: Arc<Hosts>,
        docker: Arc<DockerConfig>,
        registry: &str,
        name: &str,
        access: Access,
    ) -> Self {
        Self {
            hosts,
            docker,
            registry: registry.to_owned(),
            name: name.to_owned(),
            access,
            login: None,
        }
    }

    /// The manifest that a reference names, and its digest.
    pub async fn manifest(
        &mut self,
        reference: &OciReference,
    ) -> Result<(ImageManifest, ContentDigest), RegistryError> {
        let separator = if reference.digest.is_some() { '@' } else { ':' };
        let named = format!("{}{separator}{}", self.name, reference.key());
        let body = self
            .manifest_bytes(&reference.key(), reference.digest)
            .await?;
        let body = body.ok_or_else(|| self.missing(&named))?;
        if let Ok(ImageIndex { manifests, .. }) = serde_json::from_slice(&body) {
            return Err(RegistryError::NoComponent {
                reference: reference.to_string(),
                reason: format!(
                    "it is an index of {} manifests; name one of them by its digest",
                    manifests.len()
                ),
            });
        }
        Ok((self.understood(&body)?, ContentDigest::of(&body)))
    }

    /// The manifest of this digest.
    pub async fn manifest_of(
        &mut self,
        digest: ContentDigest,
    ) -> Result<ImageManifest, RegistryError> {
        let body = self
            .manifest_bytes(&digest.to_string(), Some(digest))
            .await?;
        let body = body.ok_or_else(|| self.missing(&format!("{}@{digest}", self.name)))?;
        self.understood(&body)
    }

    /// A manifest or an index, if there is one: what is under a tag, or has this digest.
    pub async fn manifest_bytes(
        &mut self,
        key: &str,
        expected: Option<ContentDigest>,
    ) -> Result<Option<Bytes>, RegistryError> {
        let place = self.place(&format!("manifests/{key}"))?;
        let mut ask = Ask::get(place, "a manifest", LARGEST_MANIFEST);
        for media_type in [IMAGE_MANIFEST, IMAGE_INDEX] {
            ask = ask.header(header::ACCEPT, HeaderValue::from_static(media_type));
        }
        let answer = self.ask(ask).await?;
        match answer.status {
            StatusCode::OK => {
                let told = answer.headers.get(DIGEST);
                let told = told.and_then(|told| told.to_str().ok()?.parse().ok());
                for expected in expected.into_iter().chain(told) {
                    self.check("the manifest", &answer.body, expected)?;
                }
                Ok(Some(answer.body))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.refusal(answer, "to give a manifest")),
        }
    }

    /// The blob that a descriptor names, of at most so many bytes. Registries may send on to where they store it.
    pub async fn blob(
        &mut self,
        descriptor: &Descriptor,
        what: &'static str,
        largest: u64,
    ) -> Result<Bytes, RegistryError> {
        let Descriptor { digest, size, .. } = descriptor;
        if *size > largest {
            return Err(RegistryError::ComponentTooLarge {
                size: *size,
                largest,
            });
        }
        let place = self.place(&format!("blobs/{digest}"))?;
        let mut answer = self.ask(Ask::get(place.clone(), what, *size)).await?;
        let mut here = place;
        for _ in 0..MOST_REDIRECTS {
            if !answer.status.is_redirection() {
                break;
            }
            here = self.sent_on(&here, &answer.headers)?;
            // Nobody's password goes there: the URL says all that is needed.
            answer = Ask::get(here.clone(), what, *size)
                .send(&self.hosts)
                .await?;
        }
        match answer.status {
            StatusCode::OK => {
                self.check(what, &answer.body, *digest)?;
                Ok(answer.body)
            }
            StatusCode::NOT_FOUND => Err(self.missing(&format!("blob {digest} in {}", self.name))),
            status if status.is_redirection() => Err(RegistryError::Redirect {
                host: self.registry.clone(),
                to: here.shown(),
                reason: "it sends on from there, too, and that often enough",
            }),
            _ => Err(self.refusal(answer, "to give a blob")),
        }
    }

    fn sent_on(&self, here: &Place, headers: &HeaderMap) -> Result<Place, RegistryError> {
        let location = headers.get(header::LOCATION);
        let location = location.and_then(|location| location.to_str().ok());
        let refused = |to: String, reason| RegistryError::Redirect {
            host: self.registry.clone(),
            to,
            reason,
        };
        let place = location.and_then(|location| here.resolve(location));
        let place =
            place.ok_or_else(|| refused("nowhere".to_owned(), "no good URL came with it"))?;
        if place.speaks_tls || self.hosts.is_plain(&place.host) {
            return Ok(place);
        }
        // A registry behind somebody who speaks TLS for it may not know of that.
        match here.speaks_tls && place.host.eq_ignore_ascii_case(&here.host) {
            true => Ok(Place::over_tls(&here.host, place.target)),
            false => Err(refused(place.shown(), "it is not encrypted")),
        }
    }

    /// Stores a blob, if it is not there yet.
    pub async fn put_blob(&mut self, blob: &Bytes) -> Result<(), RegistryError> {
        let digest = ContentDigest::of(blob);
        let place = self.place(&format!("blobs/{digest}"))?;
        let mut known = Ask::get(place, "a blob", LARGEST_RECEIPT);
        known.method = Method::HEAD;
        if self.ask(known).await?.status == StatusCode::OK {
            return Ok(());
        }
        let place = self.place("blobs/uploads/")?;
        let mut beginning = Ask::get(place.clone(), "a blob", LARGEST_RECEIPT);
        beginning.method = Method::POST;
        let begun = self.ask(beginning).await?;
        if begun.status != StatusCode::ACCEPTED {
            return Err(self.refusal(begun, "to take a blob"));
        }
        let upload = self.sent_on(&place, &begun.headers)?;
        let upload = upload.with_query("digest", &digest.to_string());
        let mut storing = Ask::get(
            upload.ok_or_else(|| self.malformed("it names no good place for a blob"))?,
            "a blob",
            LARGEST_RECEIPT,
        );
        storing.method = Method::PUT;
        storing.body = blob.clone();
        let bytes = HeaderValue::from_static("application/octet-stream");
        let stored = self
            .ask(storing.header(header::CONTENT_TYPE, bytes))
            .await?;
        match stored.status {
            StatusCode::CREATED => Ok(()),
            _ => Err(self.refusal(stored, "to take a blob")),
        }
    }

    /// Stores a manifest or an index under a tag or its digest. Says whether the registry has noted what it refers to.
    pub async fn put_manifest(
        &mut self,
        key: &str,
        manifest: &Bytes,
        media_type: &'static str,
    ) -> Result<bool, RegistryError> {
        let mut ask = Ask::get(
            self.place(&format!("manifests/{key}"))?,
            "a manifest",
            LARGEST_RECEIPT,
        );
        ask.method = Method::PUT;
        ask.body = manifest.clone();
        let media_type = HeaderValue::from_static(media_type);
        let stored = self
            .ask(ask.header(header::CONTENT_TYPE, media_type))
            .await?;
        match stored.status {
            StatusCode::CREATED => Ok(stored.headers.contains_key(SUBJECT)),
            _ => Err(self.refusal(stored, "to take a manifest")),
        }
    }

    pub fn place(&self, path: &str) -> Result<Place, RegistryError> {
        let target: Result<PathAndQuery, _> = format!("/v2/{}/{path}", self.name).parse();
        let target = target.map_err(|_| self.malformed("its name is none"))?;
        let speaks_tls = !self.hosts.is_plain(&self.registry);
        Ok(Place::at(speaks_tls, Hosts::of(&self.registry), target))
    }

    /// Asks something, as whoever is logged in at the registry, where it wants to know.
    pub async fn ask(&mut self, ask: Ask) -> Result<Answer, RegistryError> {
        // Where an upload goes may be elsewhere, which is not to learn who asks.
        let is_here = ask.place.is_beside(&self.place("")?);
        let answer = self.as_known(&ask, is_here).send(&self.hosts).await?;
        if answer.status != StatusCode::UNAUTHORIZED || !is_here {
            return Ok(answer);
        }
        let Some(challenge) = Challenge::of(&answer.headers) else {
            return Ok(answer);
        };
        let credentials = self.docker.credentials(&self.registry).await?;
        let scope = self.access.scope(&self.name);
        let met = meet(&self.hosts, &ask.place, challenge, &credentials, &scope).await?;
        if met.is_none() {
            return Ok(answer);
        }
        self.login = met;
        self.as_known(&ask, is_here).send(&self.hosts).await
    }

    fn as_known(&self, ask: &Ask, is_here: bool) -> Ask {
        let again = ask.again_at(ask.place.clone());
        match self.login.clone().filter(|_| is_here) {
            Some(login) => again.header(header::AUTHORIZATION, login),
            None => again,
        }
    }

    fn check(
        &self,
        what: &'static str,
        bytes: &[u8],
        expected: ContentDigest,
    ) -> Result<(), RegistryError> {
        let found = ContentDigest::of(bytes);
        match found == expected {
            true => Ok(()),
            false => Err(RegistryError::WrongDigest {
                host: self.registry.clone(),
                what,
                expected,
                found,
            }),
        }
    }

    fn understood<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, RegistryError> {
        serde_json::from_slice(body).map_err(|error| self.malformed(&error.to_string()))
    }

    pub fn malformed(&self, reason: &str) -> RegistryError {
        RegistryError::Malformed {
            host: self.registry.clone(),
            reason: reason.to_owned(),
        }
    }

    fn missing(&self, what: &str) -> RegistryError {
        RegistryError::Missing {
            host: self.registry.clone(),
            what: what.to_owned(),
        }
    }

    fn refusal(&self, answer: Answer, what: &str) -> RegistryError {
        let (host, status) = (self.registry.clone(), answer.status);
        let said = said_in(&answer);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryError::Denied {
                host,
                status,
                said,
                doing: self.access.verb(),
                repository: self.name.clone(),
            },
            _ => RegistryError::Refused {
                host,
                what: what.to_owned(),
                status,
                said,
            },
        }
    }
}

#[cfg(test)]
mod tests;
